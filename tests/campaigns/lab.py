"""Network namespaces on one wire that can be cut: each machine of a campaign has an address of its own.

A machine is a namespace with one interface; its other end is a port of a bridge in a namespace for the wire. A partition
moves ports to a second bridge: both sides go on among themselves, and what is sent across is lost in silence, as behind a
router that died. Root is needed; `Lab.why_not()` says why there can be none here.
"""

import contextlib
import ctypes
import os
import subprocess
import threading

NETWORK = "10.97.31"
CLONE_NEWNET = 0x40000000
MAIN, ISLAND = "main", "island"


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=30)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Lab:
    def __init__(self, machines):
        self.prefix = f"tarn{os.getpid()}-"
        self.addresses = {name: f"{NETWORK}.{number}" for number, name in enumerate(machines, 1)}
        self.spaces = []
        self.here = threading.local()
        try:
            self.wire = self.add_space("wire")
            for bridge in (MAIN, ISLAND):
                ip("-n", self.wire, "link", "add", bridge, "type", "bridge")
                ip("-n", self.wire, "link", "set", bridge, "up")
            for name, address in self.addresses.items():
                self.add_machine(name, address)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def why_not():
        """A reason why this machine allows no namespaces, or an empty text."""
        try:
            Lab(["probe"]).close()
        except (OSError, subprocess.SubprocessError) as error:
            return f"no network namespaces here: {error}"
        return ""

    def add_space(self, name):
        space = self.prefix + name
        ip("netns", "add", space)
        self.spaces.append(space)
        ip("-n", space, "link", "set", "lo", "up")
        return space

    def add_machine(self, name, address):
        space = self.add_space(name)
        ip("-n", self.wire, "link", "add", name, "type", "veth", "peer", "name", "net0", "netns", space)
        ip("-n", self.wire, "link", "set", name, "master", MAIN, "up")
        ip("-n", space, "address", "add", f"{address}/24", "dev", "net0")
        ip("-n", space, "link", "set", "net0", "up")

    def command(self, machine):
        """What to put before a command that is to run on that machine."""
        return ["ip", "netns", "exec", self.prefix + machine]

    def enter(self, machine):
        """From here on the sockets of this thread are that machine's."""
        if getattr(self.here, "machine", None) == machine:
            return
        with open(f"/run/netns/{self.prefix}{machine}", "rb") as space:
            if ctypes.CDLL(None, use_errno=True).setns(space.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        self.here.machine = machine

    @contextlib.contextmanager
    def inside(self, machine):
        before = getattr(self.here, "machine", None)
        self.enter(machine)
        try:
            yield
        finally:
            if before is not None:
                self.enter(before)

    def isolate(self, *machines):
        """These reach each other and nobody else."""
        for name in machines:
            ip("-n", self.wire, "link", "set", name, "master", ISLAND)

    def silence(self, machine, towards):
        """Nothing that `machine` sends arrives at `towards`."""
        ip("-n", self.prefix + machine, "route", "replace", "blackhole", f"{self.addresses[towards]}/32")

    def heal(self):
        for name in self.addresses:
            ip("-n", self.wire, "link", "set", name, "master", MAIN)
            for address in self.addresses.values():
                subprocess.run(["ip", "-n", self.prefix + name, "route", "delete", "blackhole", f"{address}/32"],
                               capture_output=True, timeout=30)

    def close(self):
        for space in reversed(self.spaces):
            subprocess.run(["ip", "netns", "delete", space], capture_output=True, timeout=30)
        self.spaces = []
