#!/usr/bin/env python3
"""64 clients in one package: no version lost, every tag as some serial order leaves it, losers told the revision."""

import concurrent.futures
import dataclasses
import http.client
import json
import re
import threading
import time
import unittest

from common import TarnCase, document, make_tarball, package_path

CLIENTS = 64
REVISION = re.compile(r"\b(\d+)-[0-9A-Za-z]+\b")


@dataclasses.dataclass(frozen=True)
class Operation:
    """A write of, or a read that found, `value`. Between `start` and `end` it took effect."""

    start: float
    end: float
    value: str


def explains(write, read, writes):
    """Whether `read` can have seen `write` in a serial order: it had begun, and was not surely overwritten by then."""
    if write.value != read.value or write.start > read.end:
        return False
    return not any(write.end < other.start and other.end < read.start for other in writes)


class Contention(TarnCase):
    def setUp(self):
        self.lock = threading.Lock()

    def ask(self, connection, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.users['alice']}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")

    def connect(self):
        return http.client.HTTPConnection(self.tarn.netloc, timeout=60)

    def together(self, work, count=CLIENTS):
        """Runs work(number, connection) for every client at the same moment; connections are made beforehand."""
        gate = threading.Barrier(count)

        def one(number):
            connection = self.connect()
            try:
                connection.connect()
                gate.wait()
                return work(number, connection)
            finally:
                connection.close()

        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))

    def test_publishes_and_tag_moves(self):
        name = "crowded"
        writes = {"latest": [], "stable": [], "hot": []}
        reads = {tag: [] for tag in writes}
        done = threading.Event()

        def timed(tag, value, connection, method, path, body):
            start = time.monotonic()
            status, answer = self.ask(connection, method, path, body)
            self.assertIn(status, (200, 201), answer)
            with self.lock:
                writes[tag].append(Operation(start, time.monotonic(), value))

        def client(number, connection):
            version = f"1.0.{number}"
            tarball = make_tarball(name, version, bytes([number]) * 500)
            timed("latest", version, connection, "PUT", package_path(name), document(name, version, tarball))
            for tag in ("stable", "hot"):
                timed(tag, version, connection, "PUT", f"/-/package/{name}/dist-tags/{tag}", version)

        def watch():
            connection = self.connect()
            while not done.is_set():
                start = time.monotonic()
                status, tags = self.ask(connection, "GET", f"/-/package/{name}/dist-tags")
                end = time.monotonic()
                for tag in reads if status == 200 else ():
                    if tag in tags:
                        reads[tag].append(Operation(start, end, tags[tag]))
            connection.close()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            self.together(client)
        finally:
            done.set()
            watcher.join()
        packument = self.tarn.packument(name)
        self.assertEqual(sorted(packument["versions"]), sorted(f"1.0.{i}" for i in range(CLIENTS)))
        # One revision for each acknowledged write: none was swallowed, none counted twice.
        self.assertEqual(int(packument["_rev"].partition("-")[0]), 3 * CLIENTS)
        now = time.monotonic()
        for tag, seen in reads.items():
            self.assertEqual(len(writes[tag]), CLIENTS)
            for read in [*seen, Operation(now, now, packument["dist-tags"][tag])]:
                self.assertTrue(any(explains(write, read, writes[tag]) for write in writes[tag]),
                                f"{tag} was {read}, which no serial order of the writes leaves")
        for i in range(CLIENTS):
            self.assertEqual(self.tarn.tarball(name, f"1.0.{i}").body,
                             make_tarball(name, f"1.0.{i}", bytes([i]) * 500))

    def test_losers_learn_the_current_revision(self):
        """All read one revision, and each wants to remove a version of its own: one wins each round."""
        name = "shrinking"
        connection = self.connect()
        for number in range(CLIENTS + 1):
            version = f"1.0.{number}"
            status, answer = self.ask(connection, "PUT", package_path(name),
                                      document(name, version, make_tarball(name, version)))
            self.assertEqual(status, 201, answer)
        first = self.tarn.packument(name)
        connection.close()
        conflicts = []

        def client(number, connection):
            packument, rounds = first, 0
            while True:
                rounds += 1
                rev = packument["_rev"]
                versions = {v: m for v, m in packument["versions"].items() if v != f"1.0.{number}"}
                body = {"_id": name, "_rev": rev, "name": name, "versions": versions,
                        "dist-tags": packument["dist-tags"]}
                status, answer = self.ask(connection, "PUT", f"/{name}/-rev/{rev}", body)
                if status in (200, 201):
                    return rounds
                self.assertEqual(status, 409, answer)
                named = [found.group(0) for found in REVISION.finditer(answer["error"])]
                with self.lock:
                    conflicts.append((rev, named))
                status, packument = self.ask(connection, "GET", package_path(name) + "?write=true")
                self.assertEqual(status, 200)

        rounds = self.together(client)
        self.assertEqual(rounds.count(1), 1, "of all that began from one revision exactly one wins")
        self.assertEqual(list(self.tarn.packument(name)["versions"]), [f"1.0.{CLIENTS}"])
        self.assertGreaterEqual(len(conflicts), CLIENTS - 1)
        for stale, named in conflicts:
            self.assertEqual((named[0], len(named)), (stale, 2), "the refusal names what was sent and what is current")
            self.assertGreater(int(named[1].partition("-")[0]), int(stale.partition("-")[0]))


if __name__ == "__main__":
    unittest.main()
