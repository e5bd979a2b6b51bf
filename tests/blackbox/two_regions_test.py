#!/usr/bin/env python3
"""Two nodes, east and west: west follows east, serves reads, passes writes on, and takes over.

TEST_SEED repeats the times of the kills; REPLICATION_KILLS says how many rounds (default 6 here).
"""

import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from common import BINARY, Registry, User, publish
from tls_proxy import Authority, TlsProxy

SEED = int(os.environ.get("TEST_SEED", str(int(time.time()))))
KILLS = int(os.environ.get("REPLICATION_KILLS", "6"))
SECRET = "a-secret-of-a-test-that-all-nodes-know"
WAIT_S = 120


def wait_for(what, condition, seconds=WAIT_S):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


class Fallen(Exception):
    pass


class Node:
    """One node: its folder, its port for life, and the process while there is one."""

    def __init__(self, folder, name, port, follow=None, ack="remote", host="127.0.0.1"):
        self.name = name
        self.host = host
        self.folder = folder / name
        self.folder.mkdir()
        self.data = self.folder / "data"
        self.secret = self.folder / "secret"
        self.secret.write_text(SECRET + "\n")
        self.url = f"http://{host}:{port}"
        self.port = port
        self.follow = follow
        self.ack = ack
        self.process = None
        self.token = None
        if follow is None:
            self.admin("user", "add", "root", "--admin", "--email", "root@example.com", "--password-stdin",
                       stdin="root-password-1\n")

    def admin(self, *arguments, stdin="", fails=False):
        done = subprocess.run([str(BINARY), *arguments, "--data", str(self.data)], input=stdin, text=True,
                              capture_output=True, timeout=60)
        if (done.returncode != 0) != fails:
            raise AssertionError(f"tarn {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def start(self, wait=True):
        words = [*self.prefix(), str(BINARY), "serve", "--data", str(self.data), "--listen", f"{self.host}:{self.port}",
                 "--registration", "open", "--replication-secret-file", str(self.secret), "--ack", self.ack]
        if self.follow:
            words += ["--follow", self.follow]
        words += self.arguments()
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        if wait:
            wait_for(f"{self.url} answers", self.alive)
        return self

    def prefix(self):
        return []

    def arguments(self):
        return []

    def expect_not_fallen(self):
        """A process that ended by itself will not come to do what a test waits for."""
        code = None if self.process is None else self.process.poll()
        if code not in (None, 0, -signal.SIGKILL):
            raise Fallen(f"{self.name} ended with {code}:\n{self.log()[-3000:]}")

    def alive(self):
        self.expect_not_fallen()
        try:
            return self.request("GET", "/-/ping").status == 200
        except OSError:
            return False

    def request(self, method, path, body=None, token=None):
        return Registry(self.url).request(method, path, body, token=token)

    def status(self):
        return json.loads(self.admin("replication", "status", "--json"))

    def role(self):
        """Also while it changes: then the process has no operator's socket for a moment."""
        try:
            return self.status()["role"] if self.alive() else "gone"
        except (AssertionError, OSError):
            return "gone"

    def ready(self):
        try:
            return self.request("GET", "/-/ready").status == 200
        except OSError:
            return False

    def pause(self):
        """SIGSTOP, and each of its threads stands still: the signal takes its time on a busy machine."""
        self.process.send_signal(signal.SIGSTOP)
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task")
        wait_for(f"{self.name} stands still",
                 lambda: all(") T " in (task / "stat").read_text() for task in tasks.iterdir()))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end\n{self.log()[-4000:]}") from None

    def log(self):
        return (self.folder / "log").read_text(errors="replace")


class Cutter:
    """Stands before a node; closes a connection when the answer comes to a request with one of the methods in `cut`."""

    def __init__(self, port):
        self.to = port
        self.cut = ()
        self.answers_cut = 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                near.close()
                continue
            methods = [b""]
            for run in (self.pass_on, self.pass_back):
                threading.Thread(target=run, args=(near, far, methods), daemon=True).start()

    def pass_on(self, near, far, methods):
        try:
            while piece := near.recv(65536):
                word = piece[:8].split(b" ")[0]
                if word in (b"GET", b"HEAD", b"PUT", b"POST", b"DELETE"):
                    methods[0] = word
                far.sendall(piece)
        except OSError:
            pass
        self.end(near, far)

    def pass_back(self, near, far, methods):
        try:
            while piece := far.recv(65536):
                if methods[0] in self.cut:
                    self.answers_cut += 1
                    break
                near.sendall(piece)
        except OSError:
            pass
        self.end(near, far)

    @staticmethod
    def end(*ends):
        for each in ends:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.server.close()


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Pair(unittest.TestCase):
    ACK = "remote"
    NODE = Node

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-replication-"))
        east_port, west_port = free_ports(2)
        self.east = self.NODE(self.folder, "east", east_port, ack=self.ACK).start()
        self.west = self.NODE(self.folder, "west", west_port, follow=self.east.url + "/", ack=self.ACK)
        self.token = Registry(self.east.url).log_in(User("alice", "alice-password-1"))
        self.nodes = [self.east, self.west]

    def tearDown(self):
        try:
            for node in self.nodes:
                node.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def publish(self, node, name, version, extra=b""):
        return publish(Registry(node.url), self.token, name, version, extra)

    def wait_in_sync(self, leader=None, follower=None):
        leader, follower = leader or self.east, follower or self.west
        wait_for("the follower is in sync",
                 lambda: any(peer["standing"] == "in sync" for peer in leader.status().get("followers", [])))
        wait_for("the follower is ready", follower.ready)

    def expect_equal(self):
        def equal():
            a, b = self.nodes[0].status(), self.nodes[1].status()
            keys = ("lsn", "chain_hash", "state_hash")
            return [a[key] for key in keys] == [b[key] for key in keys]
        wait_for("both have the same state", equal)

    def tarball_of(self, node, name, version):
        answer = node.request("GET", f"/{name}/-/{name}-{version}.tgz")
        self.assertEqual(answer.status, 200, answer.body[:300])
        return answer.body


class TwoRegions(Pair):
    def test_west_becomes_a_copy_and_stays_one(self):
        tarballs = {}
        for number in range(20):
            answer, tarballs[number] = self.publish(self.east, f"before-{number}", "1.0.0", os.urandom(3_000))
            self.assertEqual(answer.status, 201, answer.body)
        answer, large = self.publish(self.east, "large", "1.0.0", os.urandom(9_500_000))
        self.assertEqual(answer.status, 201)
        self.west.start()
        self.wait_in_sync()
        self.expect_equal()
        for number in range(20):
            self.assertEqual(self.tarball_of(self.west, f"before-{number}", "1.0.0"), tarballs[number])
        self.assertEqual(self.tarball_of(self.west, "large", "1.0.0"), large)
        # Live: acknowledged means that west has it.
        for number in range(10):
            answer, tarball = self.publish(self.east, "live", f"1.0.{number}", os.urandom(2_000))
            self.assertEqual(answer.status, 201)
            self.assertEqual(self.tarball_of(self.west, "live", f"1.0.{number}"), tarball)
        answer, large = self.publish(self.east, "large", "2.0.0", os.urandom(9_500_000))
        self.assertEqual(answer.status, 201)
        self.assertEqual(self.tarball_of(self.west, "large", "2.0.0"), large)
        self.expect_equal()
        # A restart of either side changes nothing.
        for node in (self.west, self.east):
            node.stop()
            node.start()
            self.wait_in_sync()
            self.expect_equal()
        for node in self.nodes:
            node.stop()
            node.admin("verify", "--deep")  # Exit status 0: no finding.

    def test_west_takes_writes_for_east(self):
        self.west.start()
        self.wait_in_sync()
        token = Registry(self.west.url).log_in(User("bob", "bob-password-1"))
        answer, tarball = publish(Registry(self.west.url), token, "from-west", "1.0.0", os.urandom(2_500_000))
        self.assertEqual(answer.status, 201, answer.body)
        for node in self.nodes:
            self.assertEqual(self.tarball_of(node, "from-west", "1.0.0"), tarball)
        # What was written through west is to be seen at west at once, also where it changes something that is there.
        for number in range(1, 10):
            answer, _ = publish(Registry(self.west.url), token, "from-west", f"1.0.{number}")
            self.assertEqual(answer.status, 201, answer.body)
            packument = self.west.request("GET", "/from-west").json()
            self.assertEqual(packument["dist-tags"]["latest"], f"1.0.{number}")
            self.assertTrue(packument["versions"][f"1.0.{number}"]["dist"]["tarball"].startswith(self.west.url))
        # Refusals come through as they are.
        self.assertEqual(publish(Registry(self.west.url), token, "from-west", "1.0.1", b"other")[0].status, 403)
        self.assertEqual(publish(Registry(self.west.url), "npm_no-such-token", "x", "1.0.0")[0].status, 401)
        # A token made on east logs in on west, and is gone there too when it is revoked.
        self.assertEqual(self.west.request("GET", "/-/whoami", token=self.token).json()["username"], "alice")
        self.assertEqual(self.east.request("DELETE", f"/-/user/token/{self.token}", token=self.token).status, 200)
        wait_for("the token is revoked at west",
                 lambda: self.west.request("GET", "/-/whoami", token=self.token).status == 401)

    def test_no_false_404(self):
        self.west.start()
        self.wait_in_sync()
        self.assertEqual(self.west.request("GET", "/no-such-package").status, 404)
        self.east.stop()
        # Nobody can say now whether it exists; what west has it serves.
        self.assertEqual(self.west.request("GET", "/no-such-package").status, 503)
        answer, _ = self.publish(self.west, "during", "1.0.0")
        self.assertEqual(answer.status, 503)
        self.assertIn("nothing was saved", answer.json()["error"])

    def test_an_answer_that_is_lost_is_not_called_unsaved(self):
        cutter = Cutter(self.east.port)
        self.addCleanup(cutter.close)
        self.west.follow = cutter.url + "/"
        self.west.start()
        self.wait_in_sync()
        self.assertEqual(self.publish(self.east, "there", "1.0.0")[0].status, 201)
        self.assertEqual(self.east.request("PUT", "/-/package/there/dist-tags/beta", "1.0.0", token=self.token).status,
                         201)
        cutter.cut = (b"PUT", b"DELETE")
        small, _ = self.publish(self.west, "small", "1.0.0")
        large, _ = self.publish(self.west, "large", "1.0.0", os.urandom(3_000_000))
        bodiless = self.west.request("DELETE", "/-/package/there/dist-tags/beta", token=self.token)
        self.assertGreaterEqual(cutter.answers_cut, 3)
        for name, answer in (("small", small), ("large", large), ("dist-tag", bodiless)):
            self.assertEqual(answer.status, 503, name)
            self.assertIn("not known", answer.json()["error"], name)
            self.assertIsNotNone(answer.headers.get("retry-after"), name)
        # It was saved, each of it; and trying again is safe, as was said.
        for name in ("small", "large"):
            self.assertEqual(self.east.request("GET", f"/{name}").status, 200)
        self.assertNotIn("beta", self.east.request("GET", "/-/package/there/dist-tags").json())

    def test_a_wrong_secret_and_other_data(self):
        self.assertEqual(self.east.request("GET", "/-/replication/v1/lsn").status, 401)
        self.assertEqual(self.east.request("GET", "/-/replication/v1/segments", token="wrong" * 8).status, 401)
        self.assertEqual(self.east.request("GET", "/-/replication/v1/lsn", token=SECRET).status, 200)
        for path in ("chain?lsn=999999", "blob/00", "blob/" + "0" * 128, "segment/77?from=0&to=9", "nothing",
                     "log?lsn=x", "segment/1?from=9&to=3", "segment/1?from=0&to=99999999999"):
            answer = self.east.request("GET", "/-/replication/v1/" + path, token=SECRET)
            self.assertIn(answer.status, (400, 404, 410), path)
        self.west.secret.write_text("another-secret-altogether\n")
        self.west.start(wait=False)
        self.assertNotEqual(self.west.process.wait(WAIT_S), 0)
        self.assertIn("replication secret is wrong", self.west.log())

    def test_a_planned_switch_and_back(self):
        self.west.start()
        self.wait_in_sync()
        self.publish(self.east, "one", "1.0.0")
        self.east.admin("demote", "--to", self.west.url + "/")
        wait_for("west leads", lambda: self.west.role() == "leader")
        wait_for("east follows", lambda: self.east.role() == "follower")
        self.assertEqual(self.west.status()["epoch"], 2)
        self.wait_in_sync(self.west, self.east)
        for number, node in enumerate((self.west, self.east)):
            answer, _ = self.publish(node, "two", f"1.0.{number}")
            self.assertEqual(answer.status, 201, answer.body)
        self.expect_equal()
        # The roles outlive a restart, whatever the command line says.
        for node in self.nodes:
            node.stop()
        for node in self.nodes:
            node.start()
        self.assertEqual(self.west.status()["role"], "leader")
        self.wait_in_sync(self.west, self.east)
        self.assertEqual(self.publish(self.east, "two", "1.0.9")[0].status, 201)
        self.expect_equal()

    def test_promotion_says_what_may_be_lost(self):
        self.west.start()
        self.wait_in_sync()
        self.publish(self.east, "one", "1.0.0")
        self.assertIn("its leader is alive", self.west.admin("promote", fails=True))
        self.east.kill()
        said = wait_for("the silence is noticed", lambda: (text := self.west.admin("promote", fails=True)) and
                        "alive" not in text and text)
        self.assertIn("may be lost", said)
        self.assertIn("--accept-loss", said)
        self.west.admin("promote", "--accept-loss")
        wait_for("west leads", lambda: self.west.role() == "leader")
        self.assertEqual(self.publish(self.west, "two", "1.0.0")[0].status, 201)

    def test_a_hole_in_a_follower_is_noticed(self):
        self.west.start()
        self.wait_in_sync()
        for number in range(5):
            self.publish(self.east, "one", f"1.0.{number}")
        self.expect_equal()
        # A state that is not what the records give: what 2014's replicas looked like.
        self.west.stop()
        self.west.admin("user", "add", "mallory", "--email", "m@example.com", "--password-stdin", stdin="mallory-pw-1\n")
        self.west.start()
        self.wait_in_sync()
        self.publish(self.east, "one", "2.0.0")
        self.expect_equal()
        divergence = json.loads(self.west.admin("replication", "divergence"))
        self.assertEqual(len(divergence), 1)
        self.assertGreaterEqual(len(divergence[0]["records"]), 1)


class MutualTls(Pair):
    """East behind a proxy that lets nobody in who has no certificate."""

    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder / "authority")
        self.proxy = TlsProxy(self.authority, self.east.port)
        self.addCleanup(self.proxy.stop)
        self.west.follow = self.proxy.url

    def start_west(self, wait=True, **files):
        os.environ.update({f"TARN_REPLICATION_{key.upper()}": str(value) for key, value in files.items()})
        try:
            self.west.start(wait)
        finally:
            for key in files:
                del os.environ[f"TARN_REPLICATION_{key.upper()}"]

    def expect_not_serving(self, why):
        """It waits for its leader, and says so to whoever asks."""
        self.assertEqual(self.west.request("GET", "/-/health").status, 200)
        # An alert is lost now and then: whoever closes a connection with something unread in it resets it.
        for path in ("/-/ready", "/-/ping", "/before"):
            self.assertEqual(self.west.request("GET", path).status, 503)
            wait_for(f"{path} says why", lambda path=path: why in self.west.request("GET", path).json()["error"])

    def test_a_follower_shows_its_certificate(self):
        certificate, key = self.authority.issue("west", "extendedKeyUsage=clientAuth")
        answer, before = self.publish(self.east, "before", "1.0.0", os.urandom(100_000))
        self.assertEqual(answer.status, 201, answer.body)
        self.start_west(ca_file=self.authority.certificate, certificate_file=certificate, key_file=key)
        self.wait_in_sync()
        answer, through_west = self.publish(self.west, "through-west", "1.0.0", os.urandom(100_000))
        self.assertEqual(answer.status, 201, answer.body)
        self.expect_equal()
        for node in self.nodes:
            self.assertEqual(self.tarball_of(node, "before", "1.0.0"), before)
            self.assertEqual(self.tarball_of(node, "through-west", "1.0.0"), through_west)
        self.assertEqual(self.proxy.shown, {"west"})
        self.assertEqual(self.proxy.refused, 0)

    def test_without_one_it_gets_nothing_and_says_why(self):
        self.start_west(wait=False, ca_file=self.authority.certificate)
        wait_for("west says why", lambda: "certificate required" in self.west.log())
        self.assertGreater(self.proxy.refused, 0)
        self.expect_not_serving("certificate required")
        self.assertEqual(self.proxy.shown, set())

    def test_it_does_not_believe_another_authority(self):
        stranger = Authority(self.folder / "stranger")
        certificate, key = self.authority.issue("west", "extendedKeyUsage=clientAuth")
        self.start_west(wait=False, ca_file=stranger.certificate, certificate_file=certificate, key_file=key)
        wait_for("west says why", lambda: "SSL certificate problem" in self.west.log())
        self.expect_not_serving("SSL certificate problem")
        self.assertEqual(self.proxy.shown, set(), "the secret was shown to nobody")


class Failover(Pair):
    def test_an_old_leader_comes_back(self):
        self.west.start()
        self.wait_in_sync()
        self.publish(self.east, "both", "1.0.0")
        # West stands still; east goes on without it, having said so durably.
        self.west.pause()
        answer, _ = self.publish(self.east, "east-alone", "1.0.0")
        self.assertEqual(answer.status, 201)
        self.assertEqual([peer["standing"] for peer in self.east.status()["followers"]], ["catching up"])
        self.east.kill()
        self.west.process.send_signal(signal.SIGCONT)
        wait_for("the silence is noticed", lambda: "alive" not in self.west.admin("promote", fails=True))
        self.west.admin("promote", "--accept-loss")
        wait_for("west leads", lambda: self.west.role() == "leader")
        self.assertEqual(self.publish(self.west, "west-alone", "1.0.0")[0].status, 201)
        # The old leader comes back as a follower: its tail is kept aside, and it is a copy again.
        self.east.follow = self.west.url + "/"
        self.east.start()
        self.wait_in_sync(self.west, self.east)
        self.expect_equal()
        self.assertEqual(self.east.request("GET", "/west-alone").status, 200)
        self.assertEqual(self.east.request("GET", "/east-alone").status, 404)
        records = json.loads(self.east.admin("replication", "divergence"))[0]["records"]
        self.assertEqual([record["package"] for record in records if record["package"]], ["east-alone"])

    def test_an_old_leader_that_wakes_up_is_fenced(self):
        self.west.start()
        self.wait_in_sync()
        self.publish(self.east, "both", "1.0.0")
        self.east.pause()
        wait_for("the silence is noticed", lambda: "alive" not in self.west.admin("promote", fails=True))
        self.west.admin("promote", "--accept-loss")
        wait_for("west leads", lambda: self.west.role() == "leader")
        self.east.process.send_signal(signal.SIGCONT)
        # Both in mode remote: east waits for west before it acknowledges, and has heard of it by then.
        answer, _ = self.publish(self.east, "east-alone", "1.0.0")
        self.assertEqual(answer.status, 503, answer.body)
        self.assertFalse(self.east.ready())
        # It stays so with its own command line, until it is told whom to follow.
        self.east.stop()
        self.east.start()
        self.assertFalse(self.east.ready())
        self.assertEqual(self.publish(self.east, "east-alone", "1.0.1")[0].status, 503)
        self.east.stop()
        self.east.follow = self.west.url + "/"
        self.east.start()
        self.wait_in_sync(self.west, self.east)
        self.assertEqual(self.publish(self.east, "again-both", "1.0.0")[0].status, 201)
        self.expect_equal()

    def test_a_follower_that_has_led_follows_again(self):
        self.west.start()
        self.wait_in_sync()
        self.east.follow = self.west.url + "/"
        # Each side is lost in its turn; the command lines stay as they are from the second time on.
        leader, follower = self.nodes
        for turn in range(3):
            self.assertEqual(self.publish(leader, "both", f"1.0.{turn}")[0].status, 201)
            leader.kill()
            wait_for("the silence is noticed", lambda: "alive" not in follower.admin("promote", fails=True))
            follower.admin("promote", "--accept-loss")
            leader, follower = follower, leader
            wait_for("the other one leads", lambda: leader.role() == "leader")
            self.assertEqual(self.publish(leader, "both", f"2.0.{turn}")[0].status, 201)
            follower.start()
            wait_for("the old one follows", lambda: follower.role() == "follower")
            self.wait_in_sync(leader, follower)
            self.expect_equal()

    def test_kills_under_load_lose_nothing(self):
        dice = random.Random(SEED)
        print(f"TEST_SEED={SEED} REPLICATION_KILLS={KILLS}")
        self.west.start()
        self.wait_in_sync()
        acknowledged, stopping, lock = {}, threading.Event(), threading.Lock()

        def write(writer):
            number = 0
            while not stopping.is_set():
                number += 1
                name, version = f"load-{writer}", f"1.0.{number}"
                node = self.nodes[writer % 2]
                try:
                    answer, tarball = publish(Registry(node.url), self.token, name, version,
                                              random.Random(number).randbytes(2_000))
                except OSError:
                    time.sleep(0.1)
                    continue
                if answer.status == 201:
                    with lock:
                        acknowledged[(name, version)] = tarball
                else:
                    time.sleep(0.1)

        writers = [threading.Thread(target=write, args=(i,)) for i in range(4)]
        for writer in writers:
            writer.start()
        try:
            for _ in range(KILLS):
                seen = len(acknowledged)
                wait_for("publishes are acknowledged", lambda: len(acknowledged) > seen + 5)
                time.sleep(dice.random() * 0.3)
                node = dice.choice(self.nodes)
                node.kill()
                time.sleep(dice.random() * 0.3)
                node.start()
        finally:
            stopping.set()
            for writer in writers:
                writer.join()
        self.wait_in_sync()
        self.expect_equal()
        self.assertGreater(len(acknowledged), 5 * KILLS)
        for (name, version), tarball in acknowledged.items():
            for node in self.nodes:
                self.assertEqual(self.tarball_of(node, name, version), tarball, (name, version, node.url))


class LocalAcknowledgement(Pair):
    ACK = "local"

    def test_a_peer_that_is_gone_costs_no_time(self):
        self.west.start()
        wait_for("west is ready", self.west.ready)
        self.west.pause()
        begin = time.monotonic()
        for number in range(5):
            self.assertEqual(self.publish(self.east, "alone", f"1.0.{number}")[0].status, 201)
        self.assertLess(time.monotonic() - begin, 30)
        self.west.process.send_signal(signal.SIGCONT)
        self.expect_equal()


    def test_planned_switches_under_load_lose_nothing(self):
        self.west.start()
        wait_for("west is ready", self.west.ready)
        for writer in range(4):
            self.assertEqual(self.publish(self.east, f"load-{writer}", "0.0.1")[0].status, 201)
        acknowledged, stopping = {}, threading.Event()

        def write(writer):
            number = 0
            while not stopping.is_set():
                number += 1
                name = f"load-{writer}"
                try:
                    if writer % 2:
                        answer, tarball = self.publish(self.nodes[0], name, f"1.0.{number}", os.urandom(500))
                        if answer.status == 201:
                            acknowledged[(name, f"1.0.{number}")] = tarball
                    else:
                        tag = f"tag-{number % 500}"
                        answer = self.nodes[1].request("PUT", f"/-/package/{name}/dist-tags/{tag}", "0.0.1",
                                                       token=self.token)
                        if answer.status in (200, 201):
                            acknowledged[(name, tag)] = None
                except OSError:
                    time.sleep(0.05)

        writers = [threading.Thread(target=write, args=(i,)) for i in range(4)]
        for writer in writers:
            writer.start()
        leader, follower = self.nodes
        try:
            for _ in range(4):
                seen = len(acknowledged)
                wait_for("writes are acknowledged", lambda: len(acknowledged) > seen + 10)
                leader.admin("demote", "--to", follower.url + "/")
                leader, follower = follower, leader
                wait_for("the roles have changed", lambda: leader.role() == "leader" and
                         follower.alive() and follower.status()["role"] == "follower" and follower.ready())
        finally:
            stopping.set()
            for writer in writers:
                writer.join()
        self.expect_equal()
        for (name, item), tarball in acknowledged.items():
            if tarball is not None:
                self.assertEqual(self.tarball_of(follower, name, item), tarball)
            else:
                self.assertIn(item, leader.request("GET", f"/{name}").json()["dist-tags"], (name, item))


if __name__ == "__main__":
    unittest.main(verbosity=2)
