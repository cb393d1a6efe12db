from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import Any

import pytest

from cope._progress import describe, reporting

from .conftest import Endpoint

NOW: dict[str, Any] = {
    "started": 9, "done": 8, "resumed": 0, "answered": 6, "unscored": 1, "failed": 1, "unfinished": 0, "graded": 6, "correct": 4,
    "resolved_by_stage": [5, 1], "samples": 70, "samples_from_store": 0, "saved": 10, "requests_sent": 70, "retries": 2,
    "in_flight": 4, "billed_pusd": 1_500_000_000_000, "elapsed_ms": 900,
}  # fmt: skip


def test_a_report_in_one_line_keeps_failures_apart() -> None:
    assert (
        describe(NOW) == "right 4 of 7 · 1.50 USD · stages 5 + 1 · 10 samples saved · 1 unscored · 1 failed · 2 retries"
    )  # type: ignore[arg-type]


def test_without_gold_answers_no_accuracy_is_claimed() -> None:
    assert "right" not in describe({**NOW, "graded": 0, "correct": 0})  # type: ignore[typeddict-item]


@pytest.mark.parametrize("progress", [True, False])
def test_nothing_is_shown_where_nobody_looks(progress: bool, capfd: pytest.CaptureFixture[str]) -> None:
    with reporting(progress, "COPE", 10) as report:
        assert report is None
    assert capfd.readouterr() == ("", "")


_SCRIPT = """
import sys, cope
model = cope.Model("m", base_url=sys.argv[1], kind="generic")
cope.run(cope.methods.SmallSingle(model), [cope.Problem(str(i), f"Q{i}", "5") for i in range(20)])
"""


def test_a_narrow_terminal_shows_bar_count_and_figures(endpoint: Endpoint) -> None:
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": "60", "TERM": "xterm"}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, endpoint.url],
        stdout=subprocess.PIPE,
        stderr=follower,
        env=environment,
        check=True,
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            block = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        shown += block
    os.close(leader)
    text = shown.decode()
    assert "20/20" in text
    assert "right 20 of 20" in text
    assert done.stdout == b""
