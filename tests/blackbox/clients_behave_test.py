#!/usr/bin/env python3
"""Slow, idle and vanishing clients; draining on SIGTERM; start-up mistakes; a second process on the same data."""

import http.client
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from common import BINARY, Tarn, TarnCase, User, publish

QUICK = {"TARN_TIMEOUTS_HEADER_MS": "700", "TARN_TIMEOUTS_IDLE_MS": "1500", "TARN_TIMEOUTS_STALL_MS": "700",
         "TARN_TIMEOUTS_BYTES_PER_SECOND_MIN": "10000", "TARN_SERVER_CONNECTIONS_MAX": "60"}


class SlowClients(TarnCase):
    ENVIRONMENT = QUICK

    def connect(self):
        host, _, port = self.tarn.netloc.rpartition(":")
        return socket.create_connection((host, int(port)), timeout=20)

    def seconds_until_closed(self, connection):
        begin = time.monotonic()
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
        return time.monotonic() - begin, answer

    def test_slow_head(self):
        with self.connect() as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nhost:")
            seconds, answer = self.seconds_until_closed(connection)
        self.assertLess(seconds, 5)
        self.assertTrue(answer == b"" or b" 408 " in answer, answer)

    def test_slow_body(self):
        with self.connect() as connection:
            connection.sendall(f"PUT /slow HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {self.users['alice']}\r\n"
                               "content-length: 100000\r\n\r\n{".encode())
            seconds, answer = self.seconds_until_closed(connection)
        self.assertLess(seconds, 5)
        self.assertIn(b" 408 ", answer)
        self.assertIn(b'"error"', answer)

    def test_slow_reader_is_cut(self):
        publish(self.tarn, self.users["alice"], "big", "1.0.0", extra=os.urandom(20_000_000))
        with self.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(b"GET /big/-/big-1.0.0.tgz HTTP/1.1\r\nhost: x\r\n\r\n")
            time.sleep(4)
            _, answer = self.seconds_until_closed(connection)
        self.assertLess(len(answer), 20_000_000, "the whole was sent to someone who did not read")
        self.assertEqual(self.request("GET", "/-/ping").status, 200)

    def test_idle_connections_end(self):
        with self.connect() as connection:
            connection.sendall(b"GET /-/ping HTTP/1.1\r\nhost: x\r\n\r\n")
            seconds, answer = self.seconds_until_closed(connection)
        self.assertIn(b" 200 ", answer)
        self.assertGreater(seconds, 1)
        self.assertLess(seconds, 6)

    def test_connections_over_the_limit_are_told(self):
        held = [self.connect() for _ in range(60)]
        try:
            time.sleep(0.2)
            with self.connect() as connection:
                connection.sendall(b"GET /-/ping HTTP/1.1\r\nhost: x\r\n\r\n")
                _, answer = self.seconds_until_closed(connection)
            self.assertIn(b" 503 ", answer)
            self.assertIn(b"retry-after", answer.lower())
        finally:
            for connection in held:
                connection.close()
        time.sleep(0.3)
        self.assertEqual(self.request("GET", "/-/ping").status, 200)

    def test_keep_alive_and_pipelining(self):
        with self.connect() as connection:
            connection.sendall(b"GET /-/ping HTTP/1.1\r\nhost: x\r\n\r\n" * 5)
            connection.shutdown(socket.SHUT_WR)
            _, answer = self.seconds_until_closed(connection)
        self.assertEqual(answer.count(b"HTTP/1.1 200 "), 5)


class StartAndStop(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-start-"))

    def tearDown(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def run_tarn(self, *arguments, environment=None):
        return subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, timeout=30,
                              env={**os.environ, **(environment or {})})

    def test_mistakes_in_the_configuration_stop_the_start(self):
        file = self.folder / "tarn.toml"
        for text, words in (("[server]\nlisten = 5\n", ":2: server.listen: expected a list of strings"),
                            ("[server]\nlitsen = []\n", ":2: there is no setting server.litsen"),
                            ("[serv]\n", ":1: there is no section [serv]"), ("[server\n", ":1: ")):
            file.write_text(text)
            for command in (("serve",), ("config", "check")):
                done = self.run_tarn(*command, "--config", str(file), "--data", str(self.folder / "data"))
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(f"{file}{words}", done.stderr)
        done = self.run_tarn("config", "check", environment={"TARN_SERVER_THREADS": "x"})
        self.assertIn("TARN_SERVER_THREADS", done.stderr)
        self.assertFalse((self.folder / "data").exists())

    def test_one_process_at_a_time(self):
        tarn = Tarn(BINARY, self.folder)
        done = self.run_tarn("serve", "--data", str(tarn.data), "--listen", "127.0.0.1:0")
        self.assertEqual(done.returncode, 1)
        self.assertIn("another process", done.stderr)
        done = self.run_tarn("import", "verdaccio", str(self.folder), "--data", str(tarn.data))
        self.assertEqual(done.returncode, 1)
        self.assertIn("another process", done.stderr)
        busy = self.run_tarn("serve", "--data", str(self.folder / "other"), "--listen", tarn.netloc)
        self.assertEqual(busy.returncode, 1)
        self.assertIn(tarn.netloc, busy.stderr)
        self.assertEqual(tarn.stop(), [])

    def test_administration_with_and_without_a_server(self):
        tarn = Tarn(BINARY, self.folder)
        tarn.add_user(User("while-running", "some-password-1"))
        status = self.run_tarn("status", "--data", str(tarn.data)).stdout
        self.assertIn("running", status)
        self.assertEqual(tarn.stop(), [])
        users = self.run_tarn("user", "list", "--data", str(tarn.data), "--json").stdout
        self.assertIn("while-running", users)
        removed = self.run_tarn("user", "remove", "root", "--data", str(tarn.data))
        self.assertEqual(removed.returncode, 1, "the last administrator stays")
        self.assertIn("stopped", self.run_tarn("status", "--data", str(tarn.data)).stdout)

    def test_first_user_of_a_private_registry_is_administrator(self):
        (self.folder / "s").mkdir()
        process = subprocess.Popen([str(BINARY), "serve", "--data", str(self.folder / "data"), "--listen", "127.0.0.1:0"],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            netloc = process.stdout.readline().split("http://")[1].strip().rstrip("/")
            hint = process.stdout.readline() + process.stdout.readline()
            self.assertIn("npm config set registry", hint)
            self.assertIn("first `npm adduser` becomes the administrator", hint)

            def register(name):
                connection = http.client.HTTPConnection(netloc, timeout=20)
                connection.request("PUT", f"/-/user/org.couchdb.user:{name}", headers={"content-type": "application/json"},
                                   body=f'{{"name":"{name}","password":"{name}-password","email":"{name}@example.com"}}')
                return connection.getresponse().status
            self.assertEqual(register("first"), 201)
            self.assertEqual(register("second"), 403)
            users = self.run_tarn("user", "list", "--data", str(self.folder / "data"), "--json").stdout
            self.assertIn('"admin":true', users)
        finally:
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(timeout=30), 0)
            process.stdout.close()

    def test_drain_finishes_what_was_begun(self):
        tarn = Tarn(BINARY, self.folder)
        tarn.add_user(User("alice", "alice-password-1"))
        token = tarn.token_for(User("alice", "alice-password-1"))
        publish(tarn, token, "big", "1.0.0", extra=os.urandom(50_000_000))
        host, _, port = tarn.netloc.rpartition(":")
        reader = socket.create_connection((host, int(port)), timeout=20)
        reader.sendall(b"GET /big/-/big-1.0.0.tgz HTTP/1.1\r\nhost: x\r\n\r\n")
        idle = socket.create_connection((host, int(port)), timeout=20)
        idle.sendall(b"GET /-/ping HTTP/1.1\r\nhost: x\r\n\r\n")
        self.assertIn(b" 200 ", idle.recv(65536))
        received_bytes = len(reader.recv(65536))
        stopper = threading.Timer(0.3, lambda: tarn.process.send_signal(signal.SIGTERM))
        stopper.start()
        time.sleep(1)
        self.assertEqual(idle.recv(65536), b"", "idle connections are closed")
        with self.assertRaises(OSError):
            socket.create_connection((host, int(port)), timeout=2)
        while piece := reader.recv(1 << 20):
            received_bytes += len(piece)  # Kept, they would be copied with each piece: slower than the drain is patient.
        self.assertGreater(received_bytes, 50_000_000)
        self.assertEqual(tarn.process.wait(timeout=30), 0)
        reader.close()
        idle.close()


if __name__ == "__main__":
    unittest.main()
