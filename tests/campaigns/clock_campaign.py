"""A wall clock that jumps back and forth, by a preloaded library, under publishes."""

import datetime
import os
import pathlib
import struct
import tempfile
import threading
import time

BUILD = pathlib.Path(os.environ.get("TARN_BIN", "build/release/tarn")).resolve().parent
SHIM = BUILD / "tests" / "libtarn_clock_shim.so"
OFFSET = pathlib.Path(tempfile.gettempdir()) / f"tarn-clock-{os.getpid()}"
ENVIRONMENT = {"LD_PRELOAD": str(SHIM), "TARN_CLOCK": str(OFFSET), "TARN_WATCHDOG_STALL_MS": "2000"}
PUBLISHERS = 3
DAY_S = 24 * 3600
JUMPS_S = [1, 60, 3600, DAY_S, 30 * DAY_S, 5 * 365 * DAY_S]
PAUSE_S = 1.2  # The server renews the date of its answers once a second.


def environment():
    """The file has to be there before the server maps it."""
    OFFSET.write_bytes(bytes(8))
    return ENVIRONMENT


def set_clock(seconds):
    """At once, in the one mapped page: the server never sees half an offset."""
    with open(OFFSET, "r+b") as file:
        file.write(struct.pack("<q", int(seconds * 1e9)))


def server_time(ground):
    """As the server dates its answers."""
    date = ground.tarn.request("GET", "/-/ping").headers["date"]
    return datetime.datetime.strptime(date, "%a, %d %b %Y %H:%M:%S %Z").replace(tzinfo=datetime.timezone.utc).timestamp()


def moment(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")


def expect_sane_times(ground):
    """Created at or before every version in order of their publishing, none of them after `modified`."""
    for name in sorted({name for name, _ in ground.acknowledged}):
        times = dict(ground.tarn.packument(name)["time"])
        created, modified = moment(times.pop("created")), moment(times.pop("modified"))
        versions = sorted(times, key=lambda version: int(version.rpartition(".")[2]))
        known = [moment(times[version]) for version in versions]
        assert created <= min(known), f"{name} has a version that is older than the package: {created} {min(known)}"
        assert max(known) <= modified, f"{name} has a version after its last change: {max(known)} {modified}"


def expect_ordered_changes(ground):
    changes = ground.tarn.request("GET", "/_changes").json()
    numbers = [row["seq"] for row in changes["results"]]
    assert numbers == sorted(set(numbers)), "changes out of order"
    missing = {name for name, _ in ground.acknowledged} - {row["id"] for row in changes["results"]}
    assert not missing, f"changes without {missing}"


class Publishers:
    def __init__(self, ground):
        self.ground, self.stopping = ground, threading.Event()
        self.threads = [threading.Thread(target=self.publish_on) for _ in range(PUBLISHERS)]

    def publish_on(self):
        while not self.stopping.wait(0.01):
            self.ground.publish(1000)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def clock_jumps(ground, rounds):
    """Every jump is from the true time; so the way from one to the next is twice as far at times."""
    set_clock(0)
    shown_s = 0.0
    with Publishers(ground):
        for _ in range(rounds):
            offset = ground.dice.choice(JUMPS_S) * ground.dice.choice([-1, 1])
            before = len(ground.acknowledged)
            set_clock(offset)
            time.sleep(PAUSE_S)
            wrong = server_time(ground) - time.time()
            assert abs(wrong - offset) < 30, f"the clock was to be {offset} s wrong, it is {wrong:.0f}"
            shown_s = max(shown_s, abs(wrong))
            ready = ground.tarn.request("GET", "/-/ready")
            assert ready.status == 200, f"not ready after a jump of {offset} s: {ready.body}"
            assert ground.tarn.who_is(ground.token) == "alice", f"the token is not taken after a jump of {offset} s"
            assert len(ground.acknowledged) > before, f"no publish for {PAUSE_S} s after a jump of {offset} s"
            ground.expect_alive()
    set_clock(0)
    assert not ground.refused, f"publishes were refused because the clock jumped: {ground.refused}"
    expect_sane_times(ground)
    expect_ordered_changes(ground)
    OFFSET.unlink()
    return {"acknowledged": len(ground.acknowledged), "furthest_s": round(shown_s)}
