#!/usr/bin/env python3
"""A bad line: forwards TCP connections, and delays, stalls and resets them as it is told on its standard input.

    lossy_proxy.py LISTEN-PORT TO-HOST TO-PORT SEED

Prints a line when it listens. Commands, one a line: `clear` (forward as fast as it goes), `slow` (80 ms each way, pieces of
at most 16 KiB, stalls of up to 2 s, resets), `reset` (all connections, now). Ends at the end of its input.
"""

import queue
import random
import socket
import struct
import sys
import threading
import time

DELAY_S = 0.08
PIECE_BYTES = 16 * 1024
STALL_EACH = 60  # Pieces, about.
STALL_S_MAX = 2.0
RESET_EACH = 150
QUEUED_PIECES_MAX = 64


class Line:
    """One connection, both directions."""

    def __init__(self, near, far):
        self.ends = (near, far)

    def reset(self):
        for end in self.ends:
            try:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        for end in self.ends:
            end.close()


class Proxy:
    def __init__(self, port, to, seed):
        self.to = to
        self.dice = random.Random(seed)
        self.is_slow = False
        self.lock = threading.Lock()
        self.lines = set()
        self.server = socket.create_server(("127.0.0.1", port), backlog=256)

    def accept(self):
        while True:
            near, _ = self.server.accept()
            threading.Thread(target=self.serve, args=(near,), daemon=True).start()

    def serve(self, near):
        try:
            far = socket.create_connection(self.to, timeout=10)
            far.settimeout(None)
        except OSError:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            near.close()
            return
        line = Line(near, far)
        with self.lock:
            self.lines.add(line)
        pumps = [threading.Thread(target=self.pump, args=(line, *ends), daemon=True)
                 for ends in ((near, far), (far, near))]
        for pump in pumps:
            pump.start()
        for pump in pumps:
            pump.join()
        with self.lock:
            self.lines.discard(line)
        line.close()

    def pump(self, line, source, target):
        """Reads ahead, so that a delay is latency and not a lack of bandwidth."""
        pieces = queue.Queue(QUEUED_PIECES_MAX)
        writer = threading.Thread(target=self.write, args=(line, pieces, target), daemon=True)
        writer.start()
        try:
            while piece := source.recv(PIECE_BYTES):
                pieces.put((time.monotonic(), piece))
        except OSError:
            pass
        pieces.put((time.monotonic(), b""))
        writer.join()

    def write(self, line, pieces, target):
        try:
            while True:
                came, piece = pieces.get()
                self.misbehave(line, came)
                if not piece:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(piece)
        except OSError:
            line.reset()
            # The reader must find room for what it still brings until its connection is gone.
            while piece:
                _, piece = pieces.get()

    def misbehave(self, line, came):
        if not self.is_slow:
            return
        time.sleep(max(0.0, came + DELAY_S - time.monotonic()))
        fate = self.dice.random()
        if fate < 1 / RESET_EACH:
            line.reset()
            raise ConnectionResetError
        if fate < 1 / RESET_EACH + 1 / STALL_EACH:
            time.sleep(self.dice.random() * STALL_S_MAX)

    def obey(self, word):
        if word == "reset":
            with self.lock:
                for line in self.lines:
                    line.reset()
        else:
            self.is_slow = word == "slow"


def main():
    port, host, to_port, seed = sys.argv[1:]
    proxy = Proxy(int(port), (host, int(to_port)), seed)
    threading.Thread(target=proxy.accept, daemon=True).start()
    print("listening", flush=True)
    for command in sys.stdin:
        proxy.obey(command.strip())


if __name__ == "__main__":
    main()
