#!/usr/bin/env python3
"""Webhooks with real receivers: in order and at least once, through outages of the receiver and kill -9 of the server; a
receiver that hangs or breaks off keeps neither publishes nor other hooks."""

import hashlib
import hmac
import http.server
import json
import socket
import threading
import time
import unittest

from common import TarnCase, document, make_tarball, publish

SECRET = "a shared secret, é"
WAIT_S = 60
HANGS_S = 10  # What tarn gives a receiver; its limit kHookDeliveryMs.


class Receiver:
    """Takes deliveries on a loopback port. `mode` says how it answers; `stop` and `start` are an outage on the same port."""

    def __init__(self, started=True):
        self.deliveries = []
        self.mode = 200
        self.released = threading.Event()
        self.came = threading.Condition()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.server = None
        if started:
            self.start()

    def start(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.came:
                    receiver.deliveries.append((dict(self.headers), body))
                    receiver.came.notify_all()
                if receiver.mode == "hang":
                    receiver.released.wait(WAIT_S * 2)
                if isinstance(receiver.mode, str):
                    self.close_connection = True
                    return
                self.send_response(receiver.mode)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        http.server.ThreadingHTTPServer.allow_reuse_address = True
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # A client that was killed.
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.released.set()
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook?key=in-the-query"

    def wait(self, condition):
        """Until `condition` holds for the events that came, or a minute has passed."""
        end = time.monotonic() + WAIT_S
        with self.came:
            while not condition(self.events()) and time.monotonic() < end:
                self.came.wait(end - time.monotonic())
            return self.events()

    def events(self):
        """What came, each once, in the order of its first arrival."""
        seen = {}
        for _, body in self.deliveries:
            event = json.loads(body)
            seen.setdefault(event["id"], event)
        return list(seen.values())


def what(event):
    return event["event"].removeprefix("package:"), event["change"]


class Hooks(TarnCase):
    ARGUMENTS = {"environment": {"TARN_HOOKS_ALLOW_PRIVATE_ADDRESSES": "true"}}

    def receiver(self, **more):
        receiver = Receiver(**more)
        self.addCleanup(receiver.stop)
        return receiver

    def add_hook(self, receiver, name, kind="package", user="alice"):
        answer = self.request("POST", "/-/npm/v1/hooks/hook", {"type": kind, "name": name, "endpoint": receiver.url,
                                                              "secret": SECRET}, token=self.users[user])
        self.assertEqual(answer.status, 201, answer.body)
        self.assertNotIn(SECRET, answer.body.decode())
        hook = answer.json()["id"]
        self.addCleanup(lambda: self.request("DELETE", f"/-/npm/v1/hooks/hook/{hook}", token=self.users[user]))
        return hook

    def publish(self, name, version, **more):
        answer, _ = publish(self.tarn, self.users["alice"], name, version, **more)
        self.assertEqual(answer.status, 201, answer.body)

    def hook(self, identity, user="alice"):
        return self.request("GET", f"/-/npm/v1/hooks/hook/{identity}", token=self.users[user]).json()

    def assertSigned(self, receiver):
        for headers, body in receiver.deliveries:
            expected = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            self.assertEqual(headers["x-npm-signature"], expected)
            self.assertEqual(headers["x-tarn-delivery"], json.loads(body)["id"])
            self.assertEqual(headers["Content-Type"], "application/json")

    def test_a_receiver_that_was_down_gets_everything_in_order(self):
        receiver = self.receiver(started=False)
        hook = self.add_hook(receiver, "outage")
        for minor in range(5):
            self.publish("outage", f"1.{minor}.0")
        answer = self.request("PUT", "/-/package/outage/dist-tags/old", "1.0.0", token=self.users["alice"])
        self.assertIn(answer.status, (200, 201), answer.body)
        answer = self.request("DELETE", "/-/package/outage/dist-tags/old", token=self.users["alice"])
        self.assertIn(answer.status, (200, 201, 204), answer.body)
        versions = {"1.0.0": {"name": "outage", "version": "1.0.0", "deprecated": "too old"}}
        answer = self.request("PUT", "/outage", {"_id": "outage", "name": "outage", "versions": versions},
                              token=self.users["alice"])
        self.assertIn(answer.status, (200, 201), answer.body)
        answer = self.request("PUT", "/-/user/v1/star", {"package": "outage"}, token=self.users["bob"])
        self.assertEqual(answer.status, 200, answer.body)
        end = time.monotonic() + WAIT_S
        while self.hook(hook)["status"] != "failing" and time.monotonic() < end:
            time.sleep(0.1)
        state = self.hook(hook)
        self.assertEqual((state["status"], state["response_code"]), ("failing", None))
        self.assertIsNotNone(state["last_error"])

        receiver.start()
        events = receiver.wait(lambda events: len(events) >= 9)
        self.assertEqual([what(event) for event in events],
                         [("publish", {"dist-tag": "latest", "version": f"1.{minor}.0"}) for minor in range(5)] +
                         [("dist-tag", {"dist-tag": "old", "version": "1.0.0"}), ("dist-tag-rm", {"dist-tag": "old"}),
                          ("deprecated", {"version": "1.0.0"}), ("star", {"user": "bob"})])
        self.assertSigned(receiver)
        for event in events:
            self.assertEqual((event["name"], event["type"], event["version"], event["hookOwner"]),
                             ("outage", "package", "1.0.0", {"username": "alice"}))
            self.assertEqual(event["payload"]["name"], "outage")
            self.assertTrue(event["payload"]["versions"]["1.0.0"]["dist"]["tarball"].startswith(self.tarn.url))
            self.assertIsInstance(event["time"], int)
        end = time.monotonic() + WAIT_S
        # The receiver has the last event before the server has its answer.
        while (state := self.hook(hook))["deliveries"] < 9 and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual((state["status"], state["response_code"], state["deliveries"]), ("active", 200, 9))

    def test_kill_loses_nothing(self):
        receiver = self.receiver()
        self.add_hook(receiver, "killed")
        for minor in range(3):
            self.publish("killed", f"1.{minor}.0")
        receiver.wait(lambda events: len(events) >= 1)
        self.tarn.crash_and_restart()  # Where the hook is may not be on disk yet.
        receiver.mode = 500
        for minor in range(3, 6):
            self.publish("killed", f"1.{minor}.0")
        receiver.wait(lambda _: any(json.loads(body)["change"]["version"] == "1.3.0" for _, body in receiver.deliveries))
        self.tarn.crash_and_restart()
        receiver.mode = 204
        self.publish("killed", "1.6.0")
        events = receiver.wait(lambda events: len(events) >= 7)
        self.assertEqual([event["change"]["version"] for event in events], [f"1.{minor}.0" for minor in range(7)])
        self.assertSigned(receiver)
        # What came twice came with the same id: `events` is by id, so two ids for one version would show above.
        order = [json.loads(body)["id"] for _, body in receiver.deliveries]
        self.assertGreater(len(order), 7, "the refused ones came again")

    def test_hanging_and_broken_receivers_keep_nobody(self):
        pits = [self.receiver() for _ in range(6)]
        for number, pit in enumerate(pits):
            pit.mode = "hang" if number % 2 == 0 else "break off"
            self.add_hook(pit, "busy")
        healthy = self.receiver()
        self.add_hook(healthy, "busy")
        bobs = self.receiver()
        self.add_hook(bobs, "busy", user="bob")
        self.publish("busy", "0.0.0")
        for pit in pits:
            self.assertTrue(pit.wait(lambda events: events))
        began = time.monotonic()
        for minor in range(1, 21):
            self.publish("busy", f"1.{minor}.0")
        self.assertLess(time.monotonic() - began, HANGS_S, "twenty publishes while receivers hang")
        for receiver in (healthy, bobs):
            events = receiver.wait(lambda events: len(events) >= 21)
            self.assertEqual([event["change"]["version"] for event in events],
                             ["0.0.0"] + [f"1.{minor}.0" for minor in range(1, 21)])
        # Each hangs on its first event, or came back to it: nothing was skipped.
        for pit in pits:
            self.assertEqual(len(pit.events()), 1)

    def test_what_a_user_may_not_read_is_not_told(self):
        receiver = self.receiver()
        self.add_hook(receiver, "@alice", kind="scope", user="bob")
        self.publish_scoped("@alice/private", "restricted")
        self.publish_scoped("@alice/open", "public")
        events = receiver.wait(lambda events: events)
        self.assertEqual([event["name"] for event in events], ["@alice/open"])
        answer = self.request("POST", "/-/package/@alice%2fprivate/access", {"access": "public"},
                              token=self.users["alice"])
        self.assertIn(answer.status, (200, 201), answer.body)
        events = receiver.wait(lambda events: len(events) >= 2)
        self.assertEqual([(event["name"], event["event"]) for event in events],
                         [("@alice/open", "package:publish"), ("@alice/private", "package:change")])

    def publish_scoped(self, name, access):
        body = document(name, "1.0.0", make_tarball(name, "1.0.0"))
        file = name.split("/")[1] + "-1.0.0.tgz"
        body["_attachments"] = {f"{name}-1.0.0.tgz": next(iter(body["_attachments"].values()))}
        body["versions"]["1.0.0"]["dist"]["tarball"] = f"http://registry.example/{name}/-/{file}"
        body["access"] = access
        answer = self.request("PUT", "/" + name.replace("/", "%2f"), body, token=self.users["alice"])
        self.assertEqual(answer.status, 201, answer.body)

    def test_the_operator_lists_replays_and_removes(self):
        receiver = self.receiver()
        hook = self.add_hook(receiver, "replayed")
        for minor in range(3):
            self.publish("replayed", f"1.{minor}.0")
        receiver.wait(lambda events: len(events) >= 3)
        shown = self.tarn._admin_command("hook", "list")
        self.assertIn(hook, shown)
        self.assertIn("package replayed", shown)
        self.assertNotIn(SECRET, shown)
        self.assertNotIn("in-the-query", shown)
        first = int(receiver.events()[0]["id"].split("-")[1])
        self.tarn._admin_command("hook", "replay", hook, "--from", str(first))
        end = time.monotonic() + WAIT_S
        while len(receiver.deliveries) < 6 and time.monotonic() < end:
            time.sleep(0.05)
        ids = [json.loads(body)["id"] for _, body in receiver.deliveries]
        self.assertEqual(ids[3:6], ids[:3])
        listed = json.loads(self.tarn._admin_command("hook", "list", "--json").splitlines()[0])["objects"]
        state = next(one for one in listed if one["id"] == hook)
        self.assertEqual((state["username"], state["status"], state["response_code"]), ("alice", "active", 200))
        with self.assertRaises(AssertionError) as refused:
            self.tarn._admin_command("hook", "replay", hook, "--from", "999999")
        self.assertIn("the journal has LSNs", str(refused.exception))
        self.tarn._admin_command("hook", "remove", hook)
        self.assertError(self.request("GET", f"/-/npm/v1/hooks/hook/{hook}", token=self.users["alice"]), 404)
        self.publish("replayed", "2.0.0")
        time.sleep(1)
        self.assertEqual(len(receiver.events()), 3)

    def test_secrets_are_nowhere_to_be_seen(self):
        receiver = self.receiver()
        receiver.mode = 500
        self.add_hook(receiver, "secretive")
        self.publish("secretive", "1.0.0")
        receiver.wait(lambda events: events)
        listed = self.request("GET", "/-/npm/v1/hooks", token=self.users["alice"]).body.decode()
        for text in (listed, self.tarn._admin_command("hook", "list", "--json"), self.tarn.log_since(0)):
            self.assertNotIn("a shared secret", text)
        self.assertNotIn("in-the-query", self.tarn.log_since(0))


class PublicOnly(TarnCase):
    def test_private_addresses_are_refused(self):
        for endpoint in ("http://127.0.0.1:9/", "http://localhost:9/", "http://[::1]:9/", "http://10.1.2.3/",
                         "http://169.254.169.254/latest/meta-data", "http://0x7f000001/", "http://2130706433/"):
            answer = self.request("POST", "/-/npm/v1/hooks/hook", {"type": "package", "name": "any",
                                                                  "endpoint": endpoint, "secret": SECRET},
                                  token=self.users["alice"])
            self.assertError(answer, 400, "hooks.allow_private_addresses")


if __name__ == "__main__":
    unittest.main()
