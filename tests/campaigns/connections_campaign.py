"""Campaigns of clients that take connections and do nothing with them: slowloris, slow readers, idle ones, and too few descriptors."""

import resource
import socket
import time

from ground import allow_descriptors, quantile, seconds_of

BYTES_PER_IDLE_MAX = 8 << 10
IDLE_COUNT = 10_000
OTHERS_S_MAX = 1.0  # Of a request of somebody else, meanwhile.
SLOW_COUNT = 300
LARGE_BYTES = 8_000_000
DESCRIPTOR_CLIENTS = 150
HEAD = b"GET /-/ping HTTP/1.1\r\nhost: x\r\n\r\n"
QUICK = {"TARN_TIMEOUTS_HEADER_MS": "1000", "TARN_TIMEOUTS_STALL_MS": "1000", "TARN_TIMEOUTS_BYTES_PER_SECOND_MIN": "10000"}
MANY = {"TARN_SERVER_CONNECTIONS_MAX": "12000"}
# Small files, so that the journal needs new descriptors all the time.
SMALL_SEGMENTS = {"TARN_STORAGE_SEGMENT_BYTES_MAX": "1M", "TARN_SERVER_CONNECTIONS_MAX": "1000"}


def idle(ground, rounds):
    """`rounds` thousand connections that were answered once and stay: memory of each, and what the others notice."""
    count = rounds * 1000
    allow_descriptors(count + 500)
    ground.publish(10_000)
    before = ground.rss_bytes()
    held = []
    try:
        for _ in range(count):
            held.append(ground.connect())
            held[-1].sendall(HEAD)
            answer = held[-1].recv(4096)
            assert b" 200 " in answer, answer
        each = (ground.rss_bytes() - before) / count
        waits = [seconds_of(lambda: ground.expect_all_there(ground.sample(1))) for _ in range(100)]
        ground.wait_until_writable()
    finally:
        for connection in held:
            connection.close()
    assert each < BYTES_PER_IDLE_MAX, f"{each:.0f} bytes of memory for each idle connection"
    assert max(waits) < OTHERS_S_MAX, f"a read took {max(waits):.2f} s beside {count} idle connections"
    return {"connections": count, "bytes_each": round(each), "read_p99_ms": round(quantile(waits, 0.99) * 1e3, 2)}


def slow_heads(ground):
    held = [ground.connect() for _ in range(SLOW_COUNT)]
    for connection in held:
        connection.sendall(b"GET / HTTP/1.1\r\nhost:")
    return held


def slow_bodies(ground):
    held = [ground.connect() for _ in range(SLOW_COUNT)]
    for connection in held:
        connection.sendall(f"PUT /slow HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ground.token}\r\n"
                           "content-length: 100000\r\n\r\n{".encode())
    return held


def slow_readers(ground):
    held = []
    for _ in range(SLOW_COUNT):
        connection = ground.connect()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"GET /large/-/large-1.0.0.tgz HTTP/1.1\r\nhost: x\r\n\r\n")
        held.append(connection)
    return held


def is_cut(connection):
    """Whether the server has ended this connection; what it sent before is read on the way."""
    connection.settimeout(1)
    try:
        for _ in range(1000):
            if not connection.recv(65536):
                return True
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return False


def slowloris(ground, rounds):
    """Hundreds of clients that send a byte now and then, or read none; everybody else is served, and they are cut off."""
    ground.publish_as("large", "1.0.0", LARGE_BYTES)
    waits, cut, tried = [], 0, 0
    for turn in range(rounds):
        attack = (slow_heads, slow_bodies, slow_readers)[turn % 3]
        held = attack(ground)
        end = time.monotonic() + 4
        while time.monotonic() < end:
            waits.append(seconds_of(lambda: ground.expect_all_there(ground.sample(1))))
            # Heads and readers hold no place among the writers; bodies of those who are logged in may.
            if attack is not slow_bodies:
                assert ground.publish(1000) == 201, ground.refused
            time.sleep(0.05)
        ground.wait_until_writable()
        cut += sum(is_cut(connection) for connection in held)
        tried += len(held)
        for connection in held:
            connection.close()
        ground.expect_alive()
    assert quantile(waits, 0.99) < OTHERS_S_MAX, f"reads of others: p99 {quantile(waits, 0.99):.2f} s"
    assert cut == tried, f"only {cut} of {tried} slow clients were cut off"
    return {"slow_clients": tried, "cut": cut, "read_p99_ms": round(quantile(waits, 0.99) * 1e3, 2)}


def descriptors(ground, rounds):
    """The limit of open files falls to little more than what is open, and more connections come than it allows."""
    pid = ground.tarn.process.pid
    roomy = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    ground.tarn.timeout_s = 3
    slowest = 0
    for _ in range(rounds):
        few = ground.descriptors() + ground.dice.randrange(1, 40)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (few, roomy[1]))
        held = [ground.connect() for _ in range(ground.dice.randrange(DESCRIPTOR_CLIENTS))]
        for _ in range(3):
            ground.publish(ground.dice.choice([100, 400_000, 9_000_000]))
        for connection in held:
            connection.close()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, roomy)
        ground.expect_alive()
        slowest = max(slowest, ground.wait_until_writable())
        ground.expect_all_there(ground.sample(5))
    ground.tarn.timeout_s = 20
    return {"acknowledged": len(ground.acknowledged), "refused": ground.refused, "slowest_recovery_s": slowest}
