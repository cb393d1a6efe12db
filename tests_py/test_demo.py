"""The demo, live, on the embedded pair: as a function and as a command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import cope
from cope import demo as demo_module
from cope.demo import WARNING, demo, example

pytest.importorskip("xllamacpp", reason="llama.cpp is not installed: pip install '.[local]'")
METHODS = ["Small (single)", "Small (majority)", "Large", "COPE"]


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cope", "demo", *arguments],
        cwd=cwd,
        env={**os.environ},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.live
def test_the_demo_compares_the_methods_and_shows_one_problem(tmp_path: Path) -> None:
    done = command("--problems", "6", "--store", "runs/demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "6 word problems, embedded pair"
    rule = next(number for number, line in enumerate(lines) if line.startswith("---"))
    assert [line.split("  ")[0] for line in lines[rule + 1 : rule + 5]] == METHODS
    assert WARNING in " ".join(done.stdout.split())  # wrapped
    assert "One problem that COPE resolved in stage" in done.stdout
    assert "\x1b" not in done.stdout
    runs = cope.runs(tmp_path / "runs/demo")
    assert [row[1] for row in runs.rows] == METHODS

    again = command("--problems", "6", "--store", "runs/demo", "--json", cwd=tmp_path)
    figures = json.loads(again.stdout)["figures"]
    assert [each["method"] for each in figures] == METHODS
    assert all(each["right"] + each["wrong"] + each["unscored"] == 6 for each in figures)
    assert figures[0]["billed_usd"] == 0
    assert figures[2]["ideal_usd"] > 0
    assert sum(figures[3]["resolved_by_stage"]) + figures[3]["unscored"] == 6


@pytest.mark.live
def test_the_demo_of_code_runs_programs_and_scores_them_by_hidden_tests(tmp_path: Path) -> None:
    shown = demo(6, task="code", store=tmp_path / "s", progress=False)
    assert "6 tiny functions, embedded pair" in repr(shown.table)
    assert [row[0] for row in shown.table.rows] == ["Small (single)", "Small (multi)", "Large", "COPE"]
    for figures in shown.figures:
        assert figures["right"] + figures["wrong"] + figures["unscored"] == 6
    assert shown.figures[1]["right"] >= 1
    for trace in cope.open(tmp_path / "s", "COPE"):
        assert trace.score is None or trace.score.tests == 4
        assert (trace.score is not None and trace.score.outcome == "passed") is (trace.correct is True)


@pytest.mark.live
def test_the_same_seed_draws_the_same_problems_and_another_draws_others(tmp_path: Path) -> None:
    questions: list[list[str]] = []
    for seed in (0, 0, 1):
        shown = demo(2, seed=seed, store=tmp_path / str(len(questions)), progress=False)
        questions.append([trace.question for trace in cope.open(tmp_path / str(len(questions)), "COPE")])
        assert [row[0] for row in shown.table.rows] == METHODS
    assert questions[0] == questions[1] != questions[2]


@pytest.mark.live
def test_an_interrupted_demo_leaves_no_server_and_says_how_to_go_on(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "cope", "demo", "--problems", "2000", "--store", "runs/demo"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        database = tmp_path / "runs/demo/cope.sqlite3"
        while not database.exists():
            assert process.poll() is None
            time.sleep(0.02)
        children = [
            int(child)
            for task in Path(f"/proc/{process.pid}/task").glob("*/children")
            for child in task.read_text().split()
        ]
        assert len(children) == 2
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from runs/demo" in errors
    assert "Traceback" not in errors
    assert not any(Path(f"/proc/{child}").exists() for child in children)


@pytest.mark.parametrize("task", ["agent", "Math", ""])
def test_other_tasks_are_refused_with_those_there_are(task: str) -> None:
    with pytest.raises(cope.ConfigError, match=r"task: expected one of 'math', 'code'"):
        demo(1, task=task)


def test_the_command_refuses_other_tasks_with_exit_code_2(tmp_path: Path) -> None:
    done = command("--task", "agent", cwd=tmp_path)
    assert done.returncode == 2
    assert "expected one of 'math', 'code', got 'agent'" in done.stderr


def row(position: int, stage: int, correct: bool, status: str = "answered") -> dict[str, Any]:
    return {"position": position, "problem_id": f"p{position}", "stage": stage, "correct": correct, "status": status}


@pytest.mark.parametrize(
    ("rows", "chosen"),
    [
        ([row(0, 0, True), row(1, 1, False), row(2, 1, True), row(3, 1, True)], "p2"),
        ([row(0, 0, True), row(1, 2, False), row(2, 1, False)], "p2"),
        ([row(0, 0, True), row(1, 2, False), row(2, 2, True)], "p2"),
        ([row(0, 0, False), row(1, 0, True)], "p1"),
        ([row(0, -1, False, "failed")], None),
    ],
)
def test_the_example_is_of_stage_2_if_there_is_one(rows: list[dict[str, Any]], chosen: str | None) -> None:
    class Rows(SimpleNamespace):
        def __getitem__(self, identity: str) -> str:
            return identity

    assert cast(object, example(cast(cope.Run, Rows(rows=rows)))) == chosen


def test_the_table_says_which_problems_were_left_out(small: cope.Model, endpoint: Any, tmp_path: Path) -> None:
    problems = [cope.Problem(str(index), f"What is {index} + 5?", "5") for index in range(3)]
    reply = endpoint.reply
    runs = []
    for name in METHODS[2:]:
        runs.append(cope.run(cope.methods.Large(endpoint.model(), name=name), problems, progress=False))
        endpoint.reply = lambda request: (
            (500, b"{}") if "What is 2" in request["messages"][-1]["content"] else reply(request)
        )
    table = demo_module.table(runs, 1.0)
    assert "1 of 3 problems failed or are unfinished and are left out" in table.caption
    assert table.rows[0][1] == "100 % (100 to 100)"
