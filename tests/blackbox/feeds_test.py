#!/usr/bin/env python3
"""Feeds over real connections: waiting, heartbeats, the drain; and download counts of what was sent whole."""

import http.client
import json
import socket
import time
import unittest

from common import TarnCase, publish


class Feeds(TarnCase):
    def open_feed(self, path, timeout=20):
        connection = http.client.HTTPConnection(self.tarn.netloc, timeout=timeout)
        connection.request("GET", path)
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        return connection, answer

    def publish(self, name, version="1.0.0", **more):
        answer, tarball = publish(self.tarn, self.users["alice"], name, version, **more)
        self.assertEqual(answer.status, 201, answer.body)
        return tarball

    def sequence(self):
        return self.request("GET", "/").json()["update_seq"]

    def test_continuous_feed_is_woken_by_each_commit(self):
        connection, feed = self.open_feed("/_changes?feed=continuous&since=now&heartbeat=1000")
        for i in range(5):
            self.publish(f"woken-{i}")
            began = time.monotonic()
            row = json.loads(feed.readline())
            self.assertEqual(row["id"], f"woken-{i}")
            self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(feed.readline(), b"\n", "a heartbeat when there is nothing to say")
        connection.close()

    def test_long_poll_ends_with_the_change(self):
        connection, feed = self.open_feed(f"/_changes?feed=longpoll&since={self.sequence()}&heartbeat=1000")
        self.publish("polled")
        body = json.loads(feed.read())
        self.assertEqual([row["id"] for row in body["results"]], ["polled"])
        self.assertEqual(body["last_seq"], self.sequence())
        connection.close()

    def test_long_poll_ends_in_time(self):
        connection, feed = self.open_feed("/_changes?feed=longpoll&since=now&timeout=1000")
        self.assertEqual(json.loads(feed.read())["results"], [])
        connection.close()

    def test_many_followers_hold_no_thread(self):
        feeds = [self.open_feed("/_changes?feed=continuous&since=now&heartbeat=30000") for _ in range(100)]
        began = time.monotonic()
        self.assertEqual(self.request("GET", "/-/ping").status, 200)
        self.publish("for-many")
        self.assertLess(time.monotonic() - began, 10)
        for connection, feed in feeds:
            self.assertEqual(json.loads(feed.readline())["id"], "for-many")
            connection.close()

    def test_followers_that_leave_give_their_place_back(self):
        def followers():
            text = self.request("GET", "/-/metrics").body.decode()
            return int([line for line in text.splitlines() if line.startswith("feed_followers ")][0].split()[1])

        before = followers()
        feeds = [self.open_feed("/_changes?feed=continuous&since=now")[0] for _ in range(10)]
        self.assertEqual(followers(), before + 10)
        for connection in feeds:
            connection.close()
        deadline = time.monotonic() + 20
        while followers() > before and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(followers(), before)

    def test_feed_of_old_clients_ends_with_the_connection(self):
        self.publish("old-client")
        with socket.create_connection(self.tarn.netloc.split(":"), timeout=20) as connection:
            connection.sendall(b"GET /_changes HTTP/1.0\r\n\r\n")
            received = b""
            while piece := connection.recv(65536):
                received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        self.assertNotIn(b"transfer-encoding", head)
        self.assertIn("old-client", [row["id"] for row in json.loads(body)["results"]])

    def downloads(self, name):
        return self.request("GET", f"/downloads/point/last-day/{name}").json()["downloads"]

    def test_only_what_was_sent_whole_is_counted(self):
        tarball = self.publish("counted", extra=b"x" * 100_000)
        path = "/counted/-/counted-1.0.0.tgz"
        for _ in range(3):
            self.assertEqual(self.request("GET", path).body, tarball)
        self.request("HEAD", path)
        connection = http.client.HTTPConnection(self.tarn.netloc, timeout=20)
        connection.request("GET", path, headers={"Range": "bytes=0-9"})
        self.assertEqual(connection.getresponse().read(), tarball[:10])
        connection.close()
        self.assertEqual(self.request("GET", "/counted/-/counted-9.9.9.tgz").status, 404)
        deadline = time.monotonic() + 5
        while self.downloads("counted") < 3 and time.monotonic() < deadline:
            time.sleep(0.01)  # The counter moves when the last byte is in the kernel, not when it arrives.
        self.assertEqual(self.downloads("counted"), 3)
        versions = self.request("GET", "/versions/counted/last-week").json()
        self.assertEqual(versions, {"package": "counted", "downloads": {"1.0.0": 3}})


class Drain(TarnCase):
    def test_a_drain_ends_feeds_and_keeps_counts(self):
        answer, _ = publish(self.tarn, self.users["alice"], "kept", "1.0.0")
        self.assertEqual(answer.status, 201)
        self.assertEqual(self.request("GET", "/kept/-/kept-1.0.0.tgz").status, 200)
        connection = http.client.HTTPConnection(self.tarn.netloc, timeout=20)
        connection.request("GET", "/_changes?feed=continuous&since=now&heartbeat=60000")
        feed = connection.getresponse()
        began = time.monotonic()
        self.assertEqual(self.tarn.stop(), [])
        self.assertLess(time.monotonic() - began, 10, "it must not wait for a heartbeat")
        self.assertIn("last_seq", json.loads(feed.read()))
        connection.close()
        self.tarn.start_again()
        self.assertEqual(self.request("GET", "/downloads/point/last-week/kept").json()["downloads"], 1)


if __name__ == "__main__":
    unittest.main()
