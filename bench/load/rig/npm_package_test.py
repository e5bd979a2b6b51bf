import base64
import gzip
import hashlib
import io
import json
import random
import tarfile
import unittest

from rig.npm_package import Publishes, manifest, packument, publish_document, version_number, with_dist


class PublishDocument(unittest.TestCase):
    def setUp(self):
        self.package_json, self.tgz = Publishes(7, 20_000, 1_500).package("left", "1.2.3")
        self.document = json.loads(publish_document(self.package_json, self.tgz))

    def test_tarball_holds_the_package_json_of_its_manifest(self):
        with tarfile.open(fileobj=io.BytesIO(self.tgz)) as archive:
            inside = json.load(archive.extractfile("package/package.json"))
        self.assertEqual(inside, self.package_json)
        published = self.document["versions"]["1.2.3"]
        self.assertEqual({key: published[key] for key in inside}, inside)

    def test_attachment_integrity_shasum_and_length_agree(self):
        attachment = self.document["_attachments"]["left-1.2.3.tgz"]
        data = base64.b64decode(attachment["data"], validate=True)
        dist = self.document["versions"]["1.2.3"]["dist"]
        self.assertEqual(attachment["length"], len(data))
        self.assertEqual(dist["integrity"], "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode())
        self.assertEqual(dist["shasum"], hashlib.sha1(data).hexdigest())

    def test_tarball_has_about_the_size_asked_for(self):
        self.assertAlmostEqual(len(self.tgz), 20_000, delta=600)

    def test_exactly_one_tag_points_at_the_version(self):
        self.assertEqual(self.document["dist-tags"], {"latest": "1.2.3"})


class SyntheticPackages(unittest.TestCase):
    def test_same_seed_gives_the_same_bytes_and_another_seed_others(self):
        def document(seed):
            return Publishes(seed, 2_000, 800).document("left", "1.0.0")
        self.assertEqual(document(1), document(1))
        self.assertNotEqual(document(1), document(2))

    def test_no_two_tarballs_of_a_stream_are_equal(self):
        publishes = Publishes(1, 1_000, 500)
        tarballs = {publishes.package("left", "1.0.0")[1] for _ in range(50)}
        self.assertEqual(len(tarballs), 50)

    def test_versions_ascend_and_do_not_repeat(self):
        versions = [version_number(index) for index in range(5_000)]
        keys = [tuple(map(int, version.split("."))) for version in versions]
        self.assertEqual(keys, sorted(set(keys)))

    def test_manifest_has_about_the_size_asked_for(self):
        for size in (600, 2_500, 8_000):
            made = manifest("left", "1.0.0", random.Random(1), size)
            self.assertAlmostEqual(len(json.dumps(made, separators=(",", ":"))), size, delta=60)

    def test_packument_compresses_like_a_real_one(self):
        publishes = Publishes(1, 1_000, 2_500)
        body = packument([with_dist(*publishes.package("left", version_number(index))) for index in range(100)])
        # Real ones shrink to 5 to 10 %: per version little more than the digests is new.
        self.assertLess(len(gzip.compress(body, 6)), len(body) * 0.1)


if __name__ == "__main__":
    unittest.main()
