#!/usr/bin/env python3
"""What readers get: variants, codings, validators, ranges, every encoding of a name, and freshness after a write."""

import gzip
import http.client
import json
import unittest

from common import TarnCase, document, make_tarball, publish

SHORT = "application/vnd.npm.install-v1+json"


class Reading(TarnCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for version in ("1.0.0", "1.1.0", "2.0.0-beta.1"):
            tag = "next" if "beta" in version else "latest"
            answer, tarball = publish(cls.tarn, cls.users["alice"], "@scope/reading", version, extra=b"x" * 100_000, tag=tag,
                                      scripts={"postinstall": "node x"}, dependencies={"dep": "^1.0.0"},
                                      unknownField={"kept": [1, 2.50, "ü"]})
            assert answer.status == 201, answer.body
        cls.tarball_bytes = tarball

    def get(self, path, method="GET", **headers):
        connection = http.client.HTTPConnection(self.tarn.netloc, timeout=20)
        connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, body

    def test_variants(self):
        etags = set()
        for accept, kind in ((SHORT, "short"), ("application/json", "full"), ("*/*", "full")):
            for encoding in ("gzip", "identity"):
                status, headers, body = self.get("/@scope%2freading", accept=accept, accept_encoding=encoding)
                self.assertEqual(status, 200)
                self.assertEqual(int(headers["content-length"]), len(body))
                self.assertEqual(headers.get("content-encoding"), "gzip" if encoding == "gzip" else None)
                document = json.loads(gzip.decompress(body) if encoding == "gzip" else body)
                self.assertEqual(headers["content-type"], SHORT if kind == "short" else "application/json")
                self.assertEqual(document["name"], "@scope/reading")
                self.assertEqual(document["dist-tags"], {"latest": "1.1.0", "next": "2.0.0-beta.1"})
                version = document["versions"]["1.1.0"]
                self.assertTrue(version["hasInstallScript"])
                self.assertEqual(version["dist"]["tarball"], f"{self.tarn.url}@scope/reading/-/reading-1.1.0.tgz")
                if kind == "full":
                    self.assertEqual(version["unknownField"], {"kept": [1, 2.5, "ü"]})
                    self.assertEqual(set(document["time"]), {"created", "modified", *document["versions"]})
                    self.assertTrue(document["_rev"])
                else:
                    self.assertNotIn("scripts", version)
                    self.assertNotIn("unknownField", version)
                    self.assertIn("modified", document)
                etags.add(headers["etag"])
                again = self.get("/@scope%2freading", accept=accept, accept_encoding=encoding, if_none_match=headers["etag"])
                self.assertEqual((again[0], again[2]), (304, b""))
                self.assertEqual(again[1]["etag"], headers["etag"])
        self.assertEqual(len(etags), 4, "one per form and coding")

    def test_all_codings_clients_send(self):
        for encoding, expected in (("gzip,deflate", "gzip"), ("zstd,gzip,deflate", "gzip"), ("gzip/deflate", None),
                                   ("gzip;q=0", None), ("br", None), ("", None)):
            _, headers, _ = self.get("/@scope/reading", accept_encoding=encoding)
            self.assertEqual(headers.get("content-encoding"), expected, encoding)

    def test_name_encodings(self):
        for path in ("/@scope/reading", "/@scope%2freading", "/@scope%2Freading", "/%40scope%2Freading", "/%40scope/reading",
                     "/@scope%252freading", "/@scope%2freading/"):
            self.assertEqual(self.get(path)[0], 200, path)
            tarball = path.rstrip("/") + "/-/reading-2.0.0-beta.1.tgz"
            status, _, body = self.get(tarball)
            self.assertEqual((status, body == self.tarball_bytes), (200, True), tarball)
        for path in ("/@scope/reading/1.0.0", "/@scope%2freading/latest", "/@scope%2freading/%5E1.0.0"):
            self.assertEqual(json.loads(self.get(path)[2])["name"], "@scope/reading")
        self.assertEqual(json.loads(self.get("/@scope%2freading/next")[2])["version"], "2.0.0-beta.1")
        self.assertEqual(self.get("/@scope%2freading/9.9.9")[0], 404)

    def test_tarball(self):
        path = "/@scope/reading/-/reading-2.0.0-beta.1.tgz"
        status, headers, body = self.get(path, accept_encoding="gzip")
        self.assertEqual((status, body), (200, self.tarball_bytes))
        self.assertNotIn("content-encoding", headers)
        self.assertEqual(headers["content-type"], "application/octet-stream")
        self.assertIn("immutable", headers["cache-control"])
        self.assertEqual(self.get(path, if_none_match=headers["etag"])[0], 304)
        status, part_headers, part = self.get(path, range="bytes=10-19")
        self.assertEqual((status, part), (206, self.tarball_bytes[10:20]))
        self.assertEqual(part_headers["content-range"], f"bytes 10-19/{len(self.tarball_bytes)}")
        self.assertEqual(self.get(path, range="bytes=-5")[2], self.tarball_bytes[-5:])
        self.assertEqual(self.get(path, range="bytes=99999999-")[0], 416)
        status, head, body = self.get(path, "HEAD")
        self.assertEqual((status, int(head["content-length"]), body), (200, len(self.tarball_bytes), b""))

    def test_head_is_get_without_a_body(self):
        for path in ("/@scope%2freading", "/-/ping", "/no-such", "/@scope%2freading/latest"):
            get = self.get(path)
            head = self.get(path, "HEAD")
            self.assertEqual(get[0], head[0])
            self.assertEqual(get[1].get("content-length"), head[1].get("content-length"), path)
            self.assertEqual(head[2], b"")

    def test_reads_see_writes_at_once(self):
        name = "fresh"
        for number in range(50):
            self.assertEqual(publish(self.tarn, self.users["alice"], name, f"1.0.{number}")[0].status, 201)
            for accept in (SHORT, "*/*"):
                _, _, body = self.get(f"/{name}", accept=accept, accept_encoding="gzip")
                document = json.loads(gzip.decompress(body))
                self.assertEqual(document["dist-tags"]["latest"], f"1.0.{number}")
                self.assertEqual(len(document["versions"]), number + 1)
            self.assertEqual(self.get(f"/{name}/-/{name}-1.0.{number}.tgz")[0], 200)

    def test_manifests_survive_deprecation_byte_for_byte(self):
        publish(self.tarn, self.users["alice"], "old-one", "1.0.0", unknownField={"z": 1, "a": [1.0, 1e2]})
        before = self.tarn.packument("old-one")
        body = json.loads(json.dumps(before))
        body["versions"]["1.0.0"]["deprecated"] = "use the new one"
        body["versions"]["1.0.0"]["unknownField"] = "may not change"
        self.assertIn(self.request("PUT", "/old-one", body, token=self.users["alice"]).status, (200, 201))
        after = self.tarn.packument("old-one")
        self.assertEqual(after["versions"]["1.0.0"].pop("deprecated"), "use the new one")
        self.assertEqual(after["versions"], before["versions"])
        self.assertNotEqual(after["_rev"], before["_rev"])
        body["versions"]["1.0.0"]["deprecated"] = ""
        self.assertIn(self.request("PUT", "/old-one", body, token=self.users["alice"]).status, (200, 201))
        self.assertNotIn("deprecated", self.tarn.packument("old-one")["versions"]["1.0.0"])

    def test_unknown_fields_are_kept_as_they_were_written(self):
        tarball = make_tarball("verbatim", "1.0.0")
        text = json.dumps(document("verbatim", "1.0.0", tarball, odd=0))
        written = '"odd": {"z":1,  "a" : [1.0, 1e2, 2.50, "\\u00fc\\/"] }'
        self.assertIn('"odd": 0', text)
        answer = self.request("PUT", "/verbatim", text.replace('"odd": 0', written).encode(), token=self.users["alice"])
        self.assertEqual(answer.status, 201, answer.body)
        value = written.split(":", 1)[1].strip()
        for path in ("/verbatim", "/verbatim/1.0.0"):
            self.assertIn(f'"odd":{value}', self.get(path)[2].decode().replace('"odd": {', '"odd":{'))

    def test_search(self):
        publish(self.tarn, self.users["alice"], "findable-thing", "1.0.0", description="An unusual gadget", keywords=["zorp"])
        for text in ("findable-thing", "unusual", "zorp", "keywords:zorp"):
            found = self.request("GET", f"/-/v1/search?text={text}").json()
            self.assertEqual([o["package"]["name"] for o in found["objects"]], ["findable-thing"], text)
            self.assertEqual(found["objects"][0]["package"]["maintainers"][0]["username"], "alice")
        self.assertEqual(self.request("GET", "/-/v1/search").status, 400)


if __name__ == "__main__":
    unittest.main()
