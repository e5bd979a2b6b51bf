"""A disk whose syncs do not come back for a while, under publishes: what is acknowledged is there, and all goes on by itself."""

import os
import pathlib
import tempfile
import threading
import time

BUILD = pathlib.Path(os.environ.get("TARN_BIN", "build/release/tarn")).resolve().parent
SHIM = BUILD / "tests" / "libtarn_stall_shim.so"
STALL = pathlib.Path(tempfile.gettempdir()) / f"tarn-stall-{os.getpid()}"
PUBLISHERS = 4
NOTICED_S = 4  # The limit of a stall, below, is half of it.
ENVIRONMENT = {"LD_PRELOAD": str(SHIM), "TARN_STALL": str(STALL), "TARN_WATCHDOG_STALL_MS": str(NOTICED_S * 500)}


def wait_for_readiness(ground, status, seconds):
    end = time.monotonic() + seconds
    while (answer := ground.tarn.request("GET", "/-/ready")).status != status:
        assert time.monotonic() < end, f"/-/ready is still {answer.status}, not {status}, after {seconds} s"
        time.sleep(0.05)
    return answer


def slow_disk(ground, rounds):
    """Stalls of a blink up to ones that the watchdog has to notice; reads go on through all of them."""
    stopping = threading.Event()

    def publish_on():
        while not stopping.is_set():
            ground.publish(20_000)

    assert ground.publish(20_000) == 201
    first = ground.sample(1)
    publishers = [threading.Thread(target=publish_on) for _ in range(PUBLISHERS)]
    for publisher in publishers:
        publisher.start()
    noticed, slowest_s = 0, 0.0
    try:
        for turn in range(rounds):
            is_long = turn % 5 == 4
            STALL.touch()
            begin = time.monotonic()
            if is_long:
                answer = wait_for_readiness(ground, 503, 2 * NOTICED_S)
                assert "stalled: disk" in answer.json()["error"], answer.body
                noticed += 1
                ground.expect_all_there(first)
            else:
                time.sleep(ground.dice.uniform(0.02, 0.8))
            STALL.unlink()
            stalled_s = time.monotonic() - begin
            slowest_s = max(slowest_s, stalled_s)
            wait_for_readiness(ground, 200, 2 * NOTICED_S)
            time.sleep(ground.dice.uniform(0.05, 0.3))
            ground.expect_alive()
    finally:
        STALL.unlink(missing_ok=True)
        stopping.set()
        for publisher in publishers:
            publisher.join()
    assert not ground.refused.get(0), "a connection broke because the disk was slow"
    return {"acknowledged": len(ground.acknowledged), "refused": ground.refused, "noticed": noticed,
            "longest_stall_s": round(slowest_s, 2), "recovery_s": ground.wait_until_writable()}
