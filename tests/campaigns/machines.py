"""Nodes of a campaign: each in a network namespace of its own, looked after through its own loopback-side address."""

import contextlib
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "blackbox"))
from common import Registry  # noqa: E402
from two_regions_test import Node, wait_for  # noqa: E402

PORT = 4873
LINE_PORT = 4874
CONTROL_S = 10
SKIPPED = 77  # What ctest takes for "skipped".
HASHES = ("lsn", "chain_hash", "state_hash")


class Machine(Node):
    """A node in a namespace of the lab, and the line by which it reaches its peer."""

    def __init__(self, lab, folder, name, follow=None, ack="remote", arguments=()):
        self.lab = lab
        self.more = list(arguments)
        self.line = None
        super().__init__(folder, name, PORT, follow=follow, ack=ack, host=lab.addresses[name])

    def prefix(self):
        return self.lab.command(self.name)

    def arguments(self):
        return self.more

    def request(self, method, path, body=None, token=None):
        """From the machine itself: cut off from everybody, it can still be looked after."""
        registry = Registry(self.url)
        registry.timeout_s = CONTROL_S
        with self.lab.inside(self.name):
            return registry.request(method, path, body, token=token)

    def begin_line(self, peer, seed):
        """A forwarding proxy on this machine, by which it is to reach its peer; returns the URL."""
        script = pathlib.Path(__file__).with_name("lossy_proxy.py")
        self.line = subprocess.Popen(
            [*self.prefix(), sys.executable, str(script), str(LINE_PORT), peer.host, str(peer.port), str(seed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self.line.stdout.readline() == "listening\n"
        return f"http://127.0.0.1:{LINE_PORT}/"

    def set_line(self, word):
        self.line.stdin.write(word + "\n")
        self.line.stdin.flush()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.go_on()
        self.stop()
        if self.line is not None:
            self.line.stdin.close()
            self.line.wait(10)

    def followers(self):
        return self.status().get("followers", [])


def wait_until_whole(leader, follower):
    wait_for(f"{follower.name} is in sync at {leader.name}",
             lambda: any(peer["standing"] == "in sync" for peer in leader.followers()))
    wait_for(f"{follower.name} is ready", follower.ready)


def expect_equal(nodes):
    """The same LSN, chain hash and state hash on all, by `tarn replication status`."""
    def equal():
        first, *others = [[node.status()[key] for key in HASHES] for node in nodes]
        return first if all(other == first for other in others) else None
    return wait_for("all have the same state", equal)


def expect_clean(nodes):
    for node in nodes:
        node.stop()
        node.admin("verify", "--deep")  # Exit status 0: no finding.


@contextlib.contextmanager
def told_of_failures(nodes):
    """What the nodes said, when a campaign fails."""
    try:
        yield
    except BaseException:
        for node in nodes:
            status = ""
            with contextlib.suppress(Exception):
                status = node.admin("replication", "status")
            told = [line for line in node.log().splitlines() if '"message":"request"' not in line]
            print(f"--- {node.name}\n{status}\n" + "\n".join(told[-40:]), file=sys.stderr)
        raise


def say(started, text):
    print(f"{time.monotonic() - started:7.1f} s  {text}", flush=True)
