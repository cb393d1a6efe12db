"""The command line in a terminal of its own: progress, colours, Ctrl-C, and going on after it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PATIENCE_S = 60.0
PROBLEMS = [{"id": f"p{i}", "question": f"What is {i} + 3?", "answer": str(i + 3)} for i in range(4)]
# Makes its stdin the controlling terminal, so that the terminal turns ^C into SIGINT, and becomes the command.
LAUNCH = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, [sys.executable, '-m', 'cope', *sys.argv[1:]])"
Start = Callable[..., "Terminal"]


class Terminal:
    """A command in a terminal. `text` is what the terminal got so far; with `piped`, stdout is a pipe and only stderr is the terminal."""

    def __init__(self, arguments: tuple[str, ...], cwd: Path, piped: bool, **environment: str) -> None:
        master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, *arguments],
            cwd=cwd,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40", **environment},
            stdin=slave,
            stdout=subprocess.PIPE if piped else slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self._master = master
        self._bytes = bytearray()

    @property
    def text(self) -> str:
        return self._bytes.decode(errors="replace")

    def read(self, until: Callable[[], bool]) -> bool:
        """Reads until the condition holds; False if the command closed the terminal, or patience ended, before that."""
        deadline = time.monotonic() + PATIENCE_S
        while not until():
            if time.monotonic() > deadline:
                return False
            if not select.select([self._master], [], [], 0.05)[0]:
                continue
            try:
                data = os.read(self._master, 65536)
            except OSError:  # how Linux says that nobody has the terminal open any more
                data = b""
            if not data:
                return until()
            self._bytes += data
        return True

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def end(self) -> int:
        """Reads to the end; returns the exit code."""
        self.read(lambda: False)
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        os.close(self._master)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PROBLEMS), encoding="utf-8")
    opened: list[Terminal] = []

    def open_terminal(*arguments: str, piped: bool = False, **environment: str) -> Terminal:
        opened.append(Terminal(arguments, tmp_path, piped, **environment))
        return opened[-1]

    yield open_terminal
    for terminal in opened:
        terminal.close()


class Gate:
    """Lets the first problems through and holds the replies to the others until it is opened."""

    def __init__(self, endpoint: Any, through: int) -> None:
        self.held = threading.Event()
        self.asked: Counter[str] = Counter()
        reply = endpoint.reply
        early = [row["question"] for row in PROBLEMS[:through]]

        def gated(request: dict[str, Any]) -> tuple[int, bytes]:
            question = next(
                row["question"] for row in PROBLEMS if row["question"] in request["messages"][-1]["content"]
            )
            self.asked[question] += 1
            if question not in early:
                self.held.wait(PATIENCE_S)
            status, body = reply(request)
            return int(status), bytes(body)

        endpoint.reply = gated


def arguments(endpoint: Any) -> tuple[str, ...]:
    return (
        "run",
        "--problems",
        "problems.jsonl",
        "--method",
        "Large",
        "--large",
        f"m@{endpoint.url}",
        "--store",
        "runs/x",
    )


def test_a_terminal_sees_the_bar_move_and_then_the_table(start: Start, endpoint: Any) -> None:
    terminal = start(*arguments(endpoint))
    assert terminal.end() == 0
    assert "4/4" in terminal.text
    assert "Large: 4 problems" in terminal.text
    assert "━" in terminal.text


def test_stdout_in_a_pipe_stays_clean_while_the_bar_is_in_the_terminal(start: Start, endpoint: Any) -> None:
    terminal = start(*arguments(endpoint), "--json", piped=True)
    assert terminal.end() == 0
    assert terminal.process.stdout is not None
    assert json.loads(terminal.process.stdout.read())["problems"] == 4
    assert "4/4" in terminal.text


def test_quiet_shows_no_bar(start: Start, endpoint: Any) -> None:
    terminal = start(*arguments(endpoint), "--quiet")
    assert terminal.end() == 0
    assert "4/4" not in terminal.text
    assert "Large: 4 problems" in terminal.text


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours_where_none_are_wanted(start: Start, endpoint: Any, environment: dict[str, str]) -> None:
    terminal = start(*arguments(endpoint), **environment)
    assert terminal.end() == 0
    assert not re.search(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9\d|10\d)(?:;\d+)*m", terminal.text)


def test_ctrl_c_keeps_what_was_received_and_the_same_command_goes_on(start: Start, endpoint: Any) -> None:
    gate = Gate(endpoint, through=2)
    terminal = start(*arguments(endpoint))
    assert terminal.read(lambda: "2/4" in terminal.text and len(gate.asked) == 4), terminal.text
    terminal.type(b"\x03")
    code = terminal.end()
    gate.held.set()
    assert code == 130, terminal.text
    assert "interrupted after 2 of 4 problems" in terminal.text
    assert "the same command goes on" in terminal.text
    assert "cope show runs/x" in terminal.text.replace("\r\n", " ")
    assert "Traceback" not in terminal.text

    again = start(*arguments(endpoint), "--json", piped=True)
    assert again.end() == 0
    assert again.process.stdout is not None
    assert json.loads(again.process.stdout.read())["problems"] == 4
    assert [gate.asked[row["question"]] for row in PROBLEMS] == [1, 1, 2, 2]


def test_sigint_without_a_terminal_ends_with_130_too(start: Start, endpoint: Any, tmp_path: Path) -> None:
    gate = Gate(endpoint, through=0)
    with subprocess.Popen(
        [sys.executable, "-m", "cope", *arguments(endpoint)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + PATIENCE_S
        while len(gate.asked) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_S)
        gate.held.set()
    assert process.returncode == 130
    assert "interrupted after 0 of 4 problems" in errors
    assert "Traceback" not in errors


def test_a_shown_trace_in_a_terminal_has_no_control_characters_of_the_model(start: Start, endpoint: Any) -> None:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "\x1b]0;owned\x07\\boxed{5}"},
        "finish_reason": "stop",
    }
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    endpoint.reply = lambda request: (200, json.dumps({"choices": [choice], "usage": usage}).encode())
    assert start(*arguments(endpoint), "--quiet").end() == 0
    terminal = start("show", "runs/x", "--problem", "0")
    assert terminal.end() == 0
    assert "\x07" not in terminal.text
    assert "\\x1b]0;owned\\x07" in terminal.text
