"""Recordings that others made: rows of samples without prompts."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

import cope

VOTES = {"a": ["1", "1", "2", None], "b": ["7", "8", "8", "8"]}
GOLD = {"a": "2", "b": "8"}


def foreign_rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for problem, votes in VOTES.items():
        rows += [
            {
                "problem_id": problem,
                "gold": GOLD[problem],
                "stage": 0,
                "draw": "votes",
                "index": i,
                "model": "weak",
                "answer": vote,
            }
            for i, vote in enumerate(votes)
        ]
        rows.append({"problem_id": problem, "stage": 1, "draw": "last", "index": 0, "model": "strong", "correct": True})
    return rows


def test_rows_of_others_need_no_prompts(tmp_path: Path) -> None:
    recording = cope.import_recording(foreign_rows(), tmp_path / "store", name="theirs")
    run = recording.replay(gate=cope.Gate("consensus", 0.5, ">="))
    assert [(trace.id, trace.stage, trace.answer, trace.correct) for trace in run] == [
        ("a", 0, "1", False),
        ("b", 0, "8", True),
    ]
    run = recording.replay(gate=cope.Gate("consensus", 0.5))
    assert [(trace.stage, trace.answer) for trace in run] == [(1, "2"), (0, "8")]
    assert run[0].stages[0].draws[0].samples[3].scored is False
    assert recording.name == "theirs"
    assert cope.open_recording(tmp_path / "store").replay(gate=cope.Gate("consensus", 0.5)).resolved == [1, 1]


def test_replays_of_rows_of_others_are_named_by_their_settings_too(tmp_path: Path) -> None:
    recording = cope.import_recording(foreign_rows(), tmp_path / "store", name="theirs", k=[2, 4])
    four, two = recording.replay(k=4), recording.replay(k=2)
    assert (four.name, two.name) == ("theirs", "theirs, k=2")
    assert recording.replay(gate=cope.Gate("consensus", 0.75)).name == "theirs, tau 3/4"
    assert "theirs, k=2" in str(cope.compare(two, four))


def test_more_samples_of_rows_of_others_are_to_be_imported(tmp_path: Path) -> None:
    recording = cope.import_recording(foreign_rows(), tmp_path / "store")
    for call in (lambda: recording.replay(k=9), lambda: recording.sweep(k=9)):
        with pytest.raises(cope.DataError, match=r"cope\.import_recording\(rows, \.\.\.\) with more rows") as error:
            call()
        assert "cope.record(" not in str(error.value)


def test_rows_of_others_may_carry_plans(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = []
    for i, answer in enumerate(["3", "4", "4"]):
        rows.append(
            {"problem_id": 1, "gold": 5, "stage": 0, "draw": "plans", "plan": True, "index": i, "text": f"plan {i}"}
        )
        rows.append({"problem_id": 1, "stage": 0, "draw": "first", "index": i, "text": f"\\boxed{{{answer}}}"})
    for carried, answers in ((0, ["5"]), (1, ["6", "5", "5"])):
        for i, answer in enumerate(answers):
            text = f"\\boxed{{{answer}}}"
            rows.append({"problem_id": 1, "stage": 1, "draw": "second", "index": i, "carried": carried, "text": text})
    recording = cope.import_recording(rows, tmp_path / "store", k=[1, 3])
    assert recording.missing() == []
    assert recording.arrays(1).plans == (((0,), (1,)),)
    assert recording.replay(k=3, thresholds=[1])[0].answer == "5"
    assert recording.replay(k=1, thresholds=[1])[0].answer == "5"
    assert recording.replay(k=3, thresholds=["1/2"])[0].answer == "4"


def test_texts_of_others_are_read_by_the_task(tmp_path: Path) -> None:
    rows = [
        {"problem_id": "a", "gold": "0.5", "stage": 0, "draw": "s", "index": i, "text": text}
        for i, text in enumerate(["so \\boxed{1/2}", "the answer is 0.5", "no idea"])
    ]
    file = tmp_path / "rows.jsonl.gz"
    with gzip.open(file, "wt") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)
    trace = cope.import_recording(file, tmp_path / "store").replay()[0]
    assert (trace.stages[0].votes, trace.correct) == (2, True)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: [rows[0], rows[2]], "has a sample 2 and no sample 1"),
        (lambda rows: [*rows, {**rows[0], "index": 2**40}], "has a sample 1099511627776 and no sample 4"),
        (
            lambda rows: [*rows, rows[0]],
            r"row 10: sample 0 of 'votes' in stage 0, problem 'a', is there already, in row 0",
        ),
        (lambda rows: [{**rows[0], "answer": float("nan")}], "column 'answer' is NaN"),
        (lambda rows: [{k: v for k, v in rows[0].items() if k != "answer"}], "no column 'text', 'answer' or 'correct'"),
        (lambda rows: [{k: v for k, v in rows[0].items() if k != "stage"}], "row 0: no column 'stage'"),
        (lambda rows: [{**rows[0], "stage": 1}], "column 'stage': expected 0, 1, ... without gaps"),
        (lambda rows: [*rows, {**rows[3], "index": 4, "model": "other"}], "different models cannot be one draw"),
        (lambda rows: [{**rows[0], "index": -1}], "column 'index': expected at least 0"),
        (lambda rows: [{**rows[0], "plan": True}], "all its rows are plans"),
        (lambda rows: [{**rows[4], "stage": 0}], "column 'correct' without 'answer' needs the problem's 'gold'"),
        (lambda rows: [*rows, {**rows[4], "index": 0, "carried": 9}], "sample 9 of 'votes'"),
        (lambda rows: [*rows, 7], "expected a mapping of columns, got int"),
        (lambda rows: [], "holds no samples"),
        (
            lambda rows: [*rows[:2], {**rows[2], "cost_pusd": 2**70}],
            r"row 2: column 'cost_pusd': expected at most 2\^63 - 1, got 1180591620717411303424",
        ),
        (lambda rows: [{**rows[0], "latency_ms": 1e300}], "row 0: column 'latency_ms': expected at most"),
        *(
            (
                lambda rows, value=value: [{**rows[0], "mean_logprob": value}],
                "row 0: column 'mean_logprob': expected a finite number of at most 0",
            )
            for value in (0.5, float("inf"), float("-inf"), float("nan"), "x")
        ),
    ],
)
def test_spoilt_rows_of_others_are_refused(
    tmp_path: Path, spoil: Callable[[list[dict[str, Any]]], list[Any]], message: str
) -> None:
    with pytest.raises(cope.DataError, match=message):
        cope.import_recording(spoil(foreign_rows()), tmp_path / "store")
    assert not (tmp_path / "store").exists()


def written(rows: list[dict[str, Any]], path: Path) -> Any:
    """The rows as a file, or as a table in memory, in which a column that some rows lack is null there."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    filled = [{name: row.get(name) for name in names} for row in rows]
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(filled)
    elif path.suffix == ".parquet":
        pa.parquet.write_table(pa.Table.from_pylist(filled), path)
    elif path.suffix == ".frame":
        return pd.DataFrame(filled)
    elif path.suffix == ".table":
        return pa.Table.from_pylist(filled)
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet", "frame", "table"])
def test_rows_say_the_same_in_every_kind_of_table(tmp_path: Path, kind: str) -> None:
    rows = foreign_rows()
    for i, row in enumerate(rows):
        row.update(plan=False, cost_pusd=1000 + i, mean_logprob=-0.25 if i % 2 else None)
    rows[-1]["correct"] = False
    there = cope.import_recording(rows, tmp_path / "rows")
    here = cope.import_recording(written(rows, tmp_path / f"rows.{kind}"), tmp_path / "store")
    for stage in range(2):
        for name in ("classes", "correct", "cost_pusd"):
            np.testing.assert_array_equal(
                getattr(here.arrays(stage), name), getattr(there.arrays(stage), name), strict=True
            )
    assert here.arrays(1).correct.ravel().tolist() == [1, 0]


@pytest.mark.parametrize(
    ("said", "right"),
    [(True, 1), (False, 0), (1, 1), (0.0, 0), ("true", 1), ("0", 0), ("False", 0), (np.bool_(False), 0)],
)
def test_grades_of_others_are_true_or_false(tmp_path: Path, said: object, right: int) -> None:
    rows = foreign_rows()
    rows[-1]["correct"] = said
    assert cope.import_recording(rows, tmp_path / "store").arrays(1).correct.ravel().tolist() == [1, right]


@pytest.mark.parametrize("column", ["correct", "plan", "usage_known"])
@pytest.mark.parametrize("said", [float("nan"), 0.3, "no", 2, [True]])
def test_what_is_neither_true_nor_false_is_refused(tmp_path: Path, column: str, said: object) -> None:
    rows = foreign_rows()
    rows[-1][column] = said
    with pytest.raises(cope.DataError, match=rf"row 9: column '{column}': expected true or false, got "):
        cope.import_recording(rows, tmp_path / "store")


def test_an_answer_and_a_grade_in_one_row_are_refused(tmp_path: Path) -> None:
    rows = foreign_rows()
    rows[0]["correct"] = True
    with pytest.raises(cope.DataError, match="row 0: gives both 'answer' and 'correct'"):
        cope.import_recording(rows, tmp_path / "store")
    rows[0]["answer"] = None
    assert cope.import_recording(rows, tmp_path / "store").arrays(0).correct[0, 0, 0] == 1
