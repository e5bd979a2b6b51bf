"""Runs one command of a client: with pipes, or on a pseudo-terminal when it has to be asked questions.

Every run is bounded in time; at the end of it the whole process group is gone.
"""

import dataclasses
import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from typing import Callable

TIMEOUT_S = 90
# How long a prompt may go unanswered before the dialogue is given up; prompts come within a second or two.
PROMPT_TIMEOUT_S = 40
# What to answer a prompt with: a text, or what makes one from all that was shown until then.
Answer = str | Callable[[str], str | None]
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\x1b[=>78M]|\x1b\][^\x07]*\x07|\r")


@dataclasses.dataclass
class Outcome:
    """What a command did. `stdout` is alone for commands run with pipes; `output` holds everything, for people."""

    argv: list[str]
    code: int
    stdout: str
    output: str

    @property
    def ok(self) -> bool:
        return self.code == 0

    def __str__(self) -> str:
        shown = " ".join(pathlib.Path(part).name if part.startswith("/") else part for part in self.argv)
        return f"$ {shown}\n{self.output.rstrip()}\n(exit status {self.code})"


def run(argv: list[str], cwd: pathlib.Path, env: dict[str, str], timeout_s: int = TIMEOUT_S) -> Outcome:
    """Runs with an empty stdin. A command that does not end in time has the code 124, as with timeout(1)."""
    process = subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True)
    try:
        stdout, stderr = process.communicate(timeout=timeout_s)
        code = process.returncode
    except subprocess.TimeoutExpired:
        _end_group(process)
        stdout, stderr = process.communicate()
        stderr += f"\n(ended after {timeout_s} s)"
        code = 124
    stdout, stderr = ESCAPES.sub("", stdout), ESCAPES.sub("", stderr)
    return Outcome(argv, code, stdout, stdout + stderr)


def converse(argv: list[str], cwd: pathlib.Path, env: dict[str, str], dialogue: list[tuple[str, Answer]],
             timeout_s: int = TIMEOUT_S) -> Outcome:
    """Runs on a terminal and answers each prompt (a regular expression, matched in order) with its text and Enter.

    An answer may be a function of what was shown, called at the prompt; with None as its result nothing is typed. A
    command may end before it asked everything; its exit status tells whether that was right.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    process = subprocess.Popen(argv, cwd=cwd, env=env, stdin=slave, stdout=slave, stderr=slave, close_fds=True,
                               start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(slave)
    try:
        output, in_time = _answer_prompts(master, dialogue, timeout_s)
        if not in_time:
            _end_group(process)
            output += "\n(ended: no prompt or no end in time)"
        code = process.wait(timeout=10)
    finally:
        _end_group(process)
        os.close(master)
    return Outcome(argv, 124 if not in_time else code, output, output)


def _answer_prompts(master: int, dialogue: list[tuple[str, Answer]], timeout_s: int) -> tuple[str, bool]:
    """Returns what the terminal showed, without escape sequences, and whether the command closed it in time."""
    shown = b""
    answered_until = 0
    waiting = list(dialogue)
    end = time.monotonic() + timeout_s
    prompt_end = time.monotonic() + PROMPT_TIMEOUT_S
    while time.monotonic() < (min(end, prompt_end) if waiting else end):
        readable, _, _ = select.select([master], [], [], 0.2)
        if readable:
            try:
                piece = os.read(master, 65536)
            except OSError:  # EIO: the last holder of the other side closed it
                piece = b""
            if not piece:
                return ESCAPES.sub("", shown.decode(errors="replace")), True
            shown += piece
        text = ESCAPES.sub("", shown.decode(errors="replace"))
        if waiting and (found := re.compile(waiting[0][0], re.IGNORECASE).search(text, answered_until)):
            # The library behind a prompt may switch the terminal to raw mode after it printed the question.
            time.sleep(0.15)
            answer = waiting.pop(0)[1]
            typed = answer if isinstance(answer, str) else answer(text)
            if typed is not None:
                os.write(master, typed.encode() + b"\r")
            answered_until = found.end()
            prompt_end = time.monotonic() + PROMPT_TIMEOUT_S
    return ESCAPES.sub("", shown.decode(errors="replace")), False


def _end_group(process: subprocess.Popen) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
