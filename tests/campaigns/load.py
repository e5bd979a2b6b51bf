"""The oracle of a campaign: clients that publish and read while nodes and wires fail, and remember every answer.

What was acknowledged is there, byte for byte, on every node that answers; what was not answered is whole or absent. A node
may say that it cannot answer (503, a broken connection), never something wrong: the first lies are kept in `lies`.
"""

import contextlib
import http.client
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "blackbox"))
from common import Registry, integrity, make_tarball, document, package_path  # noqa: E402

VERSIONS_PER_PACKAGE = 40
LARGE_EACH = 50  # One of so many has more than a blob kept in memory would want.
LARGE_BYTES = 1_500_000
SMALL_BYTES = 40_000
REQUEST_S = 10
BETWEEN_WRITES_S = 0.03
BETWEEN_READS_S = 0.02
FRESH = 20  # The newest names are where a false 404 would be.
LIES_KEPT = 20
UNREACHABLE = (OSError, http.client.HTTPException)


def tarball_path(name, version):
    return f"/{name}/-/{name}-{version}.tgz"


class Load:
    def __init__(self, lab, token, seed):
        self.lab, self.token, self.seed = lab, token, seed
        self.changed = threading.Condition()
        self.is_stopping, self.is_paused, self.busy = False, True, 0
        self.acknowledged = {}  # (name, version) → SHA-512 of the tarball; in order.
        self.times = {}         # The same keys → when.
        self.unanswered = {}
        self.denied = set()     # Of them: the answer was that nothing was saved.
        self.newest = []
        self.lies = []
        self.reads = 0
        self.unavailable = 0
        self.last_acknowledged = {}  # Machine → when a client there was last told 201.
        self.threads = []

    # --- what runs ---

    def add(self, run, machine, node, who):
        thread = threading.Thread(target=self.loop, args=(run, machine, node, who), daemon=True)
        self.threads.append(thread)
        thread.start()

    def add_writer(self, machine, node, who):
        self.add(self.write, machine, node, who)

    def add_reader(self, machine, node, who):
        self.add(self.read, machine, node, who)

    def loop(self, run, machine, node, who):
        self.lab.enter(machine)
        registry = Registry(node.url)
        registry.timeout_s = REQUEST_S
        dice = random.Random(f"{self.seed} {who}")
        turn = 0
        while True:
            with self.changed:
                while self.is_paused and not self.is_stopping:
                    self.changed.wait()
                if self.is_stopping:
                    return
                self.busy += 1
            try:
                run(registry, machine, who, turn, dice)
            except Exception as error:  # noqa: BLE001 - a client that dies silently would make the campaign lie.
                self.lie(f"{who}: {error!r}")
            turn += 1
            with self.changed:
                self.busy -= 1
                self.changed.notify_all()

    def resume(self):
        with self.changed:
            self.is_paused = False
            self.changed.notify_all()

    def pause(self):
        """Returns when no request is under way."""
        with self.changed:
            self.is_paused = True
            while self.busy:
                self.changed.wait()

    @contextlib.contextmanager
    def quiet(self):
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def stop(self):
        with self.changed:
            self.is_stopping = True
            self.changed.notify_all()
        for thread in self.threads:
            thread.join()

    # --- clients ---

    def write(self, registry, machine, who, turn, dice):
        name, version = f"load-{who}-{turn // VERSIONS_PER_PACKAGE}", f"1.0.{turn % VERSIONS_PER_PACKAGE}"
        size = LARGE_BYTES if dice.randrange(LARGE_EACH) == 0 else dice.randrange(SMALL_BYTES)
        self.publish(registry, machine, name, version, dice.randbytes(size))
        time.sleep(BETWEEN_WRITES_S)

    def publish(self, registry, machine, name, version, content, refusals=(503,)):
        """True when it was acknowledged."""
        tarball = make_tarball(name, version, content)
        digest = integrity(tarball)
        try:
            answer = registry.request("PUT", package_path(name), document(name, version, tarball), token=self.token)
        except UNREACHABLE:
            answer = None
        now = time.monotonic()
        with self.changed:
            if answer is not None and answer.status == 201:
                self.acknowledged[(name, version)] = digest
                self.times[(name, version)] = now
                self.newest = [*self.newest[1 - FRESH:], (name, version)]
                self.last_acknowledged[machine] = now
                self.changed.notify_all()
                return True
            self.unanswered[(name, version)] = digest
            if answer is not None and b"nothing was saved" in answer.body:
                self.denied.add((name, version))
        if answer is not None and answer.status not in refusals:
            self.lie(f"PUT {name}@{version} at {registry.url}: {answer.status} {answer.body[:300]!r}")
        time.sleep(0.05)
        return False

    def read(self, registry, machine, who, turn, dice):
        with self.changed:
            known = self.newest if dice.random() < 0.5 else list(self.acknowledged)[-2000:]
            key = dice.choice(known) if known else None
            digest = self.acknowledged.get(key)
        if key is None:
            time.sleep(0.1)
            return
        name, version = key
        what = dice.choice((self.tarball_is_wrong, self.manifest_is_wrong, self.packument_is_wrong))
        try:
            wrong = what(registry, name, version, digest)
        except UNREACHABLE:
            wrong = None
            self.unavailable += 1
            time.sleep(0.1)
        self.reads += 1
        # What is forgotten meanwhile (a promotion that accepts a loss) is nobody's lie.
        if wrong and key in self.acknowledged:
            self.lie(f"{machine} reads {name}@{version} at {registry.url}: {wrong}")
        time.sleep(BETWEEN_READS_S)

    def tarball_is_wrong(self, registry, name, version, digest):
        answer = registry.request("GET", tarball_path(name, version))
        if answer.status == 200:
            return "" if integrity(answer.body) == digest else "other bytes"
        return self.refusal_is_wrong(answer)

    def manifest_is_wrong(self, registry, name, version, digest):
        answer = registry.request("GET", f"/{name}/{version}")
        if answer.status == 200:
            return "" if answer.json()["dist"]["integrity"] == digest else "another manifest"
        return self.refusal_is_wrong(answer)

    def packument_is_wrong(self, registry, name, version, digest):
        """A follower's may be older than the acknowledgement by a moment: only what it says is to be right."""
        answer = registry.request("GET", package_path(name))
        if answer.status == 200:
            shown = answer.json()["versions"].get(version)
            return "" if shown is None or shown["dist"]["integrity"] == digest else "another version"
        return self.refusal_is_wrong(answer)

    def refusal_is_wrong(self, answer):
        if answer.status != 503:
            return f"{answer.status} {answer.body[:200]!r}"
        self.unavailable += 1
        return ""

    def lie(self, text):
        with self.changed:
            if len(self.lies) < LIES_KEPT:
                self.lies.append(text)

    # --- what is asked of it ---

    def wait_for_acknowledgements(self, count, machines=None, seconds=60):
        """How many seconds it took; at most `seconds`."""
        def seen():
            return sum(1 for when in list(self.times.values())[-500:] if when > begin) if machines is None else sum(
                self.last_acknowledged.get(machine, 0) > begin for machine in machines)
        begin = time.monotonic()
        with self.changed:
            if not self.changed.wait_for(lambda: seen() >= count, timeout=seconds):
                raise AssertionError(f"not {count} acknowledgements within {seconds} s")
        return time.monotonic() - begin

    def missing_at(self, node, keys=None):
        """Which of the acknowledged `keys` (all, without) are not there byte for byte."""
        registry = Registry(node.url)
        missing = []
        with self.lab.inside(node.name):
            for key in list(self.acknowledged) if keys is None else keys:
                answer = registry.request("GET", tarball_path(*key))
                if answer.status != 200 or integrity(answer.body) != self.acknowledged[key]:
                    missing.append((*key, answer.status))
        return missing

    def half_there(self, nodes):
        """What was never acknowledged and is not the same everywhere, whole or absent; or there though that was denied."""
        wrong = []
        for (name, version), digest in self.unanswered.items():
            found = []
            for node in nodes:
                with self.lab.inside(node.name):
                    answer = Registry(node.url).request("GET", tarball_path(name, version))
                found.append(answer.status if answer.status != 200 else integrity(answer.body) == digest)
            allowed = [[404] * len(nodes)] if (name, version) in self.denied else [[404] * len(nodes), [True] * len(nodes)]
            if found not in allowed:
                wrong.append((name, version, found))
        return wrong

    def expect_no_lies(self):
        if self.lies:
            raise AssertionError("clients were told what is wrong:\n  " + "\n  ".join(self.lies))
