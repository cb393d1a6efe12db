"""Recordings as files: exported and imported."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

import cope

from ..conftest import Endpoint
from .conftest import Recorded
from .scripted import PROBLEMS, K, decisions, pair
from .test_foreign import foreign_rows


@pytest.mark.parametrize("ending", ["parquet", "arrow", "jsonl", "jsonl.gz"])
def test_a_round_trip_changes_nothing(recorded: Recorded, tmp_path: Path, ending: str) -> None:
    file = recorded.recording.export(tmp_path / f"recorded.{ending}")
    imported = cope.import_recording(file, tmp_path / "imported")
    assert (imported.name, imported.k, imported.seed, imported.carry) == ("COPE", K, 0, "recorded")
    assert imported.missing() == []
    for k in K:
        for thresholds in ((1, 1), ("0.6", "0.4"), (0, 0)):
            there = recorded.recording.replay(k=k, thresholds=thresholds)
            assert decisions(imported.replay(k=k, thresholds=thresholds)) == decisions(there)
    for stage in range(3):
        one, other = recorded.recording.arrays(stage), imported.arrays(stage)
        assert one.plans == other.plans
        for name in ("classes", "correct", "cost_pusd", "once_pusd", "recorded"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)
    again = imported.export(tmp_path / f"again.{ending}")
    if ending == "jsonl":
        first, second = (path.read_text(encoding="utf-8").splitlines() for path in (file, again))
        assert sorted(first[1:]) == sorted(second[1:])


def test_an_arrow_table_is_what_its_file_is(recorded: Recorded, tmp_path: Path) -> None:
    file = recorded.recording.export(tmp_path / "recorded.parquet")
    table = pyarrow.parquet.read_table(file)
    imported = cope.import_recording(table, tmp_path / "imported")
    assert decisions(imported.replay(k=3)) == decisions(recorded.recording.replay(k=3))


def test_the_method_itself_replays_on_what_was_imported(recorded: Recorded, tmp_path: Path) -> None:
    imported = cope.import_recording(recorded.recording.export(tmp_path / "r.jsonl"), tmp_path / "imported")
    asked = len(recorded.endpoint.requests)
    assert decisions(imported.replay(recorded.method)) == decisions(recorded.recording.replay(recorded.method))
    more = cope.record(recorded.method, PROBLEMS, k=K, store=tmp_path / "imported", progress=False, check=False)
    assert more.missing() == []
    assert len(recorded.endpoint.requests) == asked  # a recording that was imported goes on like any other


def test_failures_survive_a_round_trip(endpoint: Endpoint, tmp_path: Path) -> None:
    small, large = pair(endpoint, tmp_path)
    usual = endpoint.reply

    def reply(request: dict[str, Any]) -> tuple[int, bytes]:
        if "Solve. What is 2 + 1? Goal: plan 1" in request["messages"][-1]["content"]:
            return 400, json.dumps({"error": {"message": "no"}}).encode()
        return usual(request)

    endpoint.reply = reply
    recording = cope.record(
        cope.methods.COPE(small, large, k=5), PROBLEMS, k=[5], store=tmp_path / "store", progress=False
    )
    imported = cope.import_recording(recording.export(tmp_path / "r.parquet"), tmp_path / "imported")
    assert imported.missing() == recording.missing() != []
    assert decisions(imported.replay()) == decisions(recording.replay())


def test_parts_are_put_together(endpoint: Endpoint, tmp_path: Path) -> None:
    small, large = pair(endpoint, tmp_path)
    method = cope.methods.COPE(small, large, k=3)
    files = [
        cope.record(method, part, k=[1, 3], store=tmp_path / f"s{i}", progress=False).export(tmp_path / f"{i}.jsonl")
        for i, part in enumerate((PROBLEMS[:2], PROBLEMS[2:]))
    ]
    whole = cope.record(method, PROBLEMS, k=[1, 3], store=tmp_path / "whole", progress=False)
    together = cope.import_recording(files, tmp_path / "together")
    assert decisions(together.replay(k=3)) == decisions(whole.replay(k=3))
    other = cope.record(
        cope.methods.COPE(small, small, k=3), PROBLEMS, k=[1, 3], store=tmp_path / "other", progress=False
    ).export(tmp_path / "other.jsonl")
    with pytest.raises(cope.DataError, match=r"different methods, models, prompts.*models.*'small'"):
        cope.import_recording([files[0], other], tmp_path / "wrong")
    assert not (tmp_path / "wrong").exists()


def other_prompts(folder: Path) -> None:
    (folder / "prompts" / "solve_goal.txt").write_text("Solve now. {question} Goal: {goal}", encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (other_prompts, {}, r"draws, item 1, prompt, messages.*'Solve\. .*and 'Solve now\. "),
        (None, {"task": "integer"}, r"task, (name|title): 'math' and 'integer'"),
        (None, {"seed": 1}, "seed: 0 and 1"),
    ],
    ids=["prompts", "tasks", "seeds"],
)
def test_recordings_of_other_prompts_tasks_or_seeds_are_refused_with_the_difference(
    endpoint: Endpoint, tmp_path: Path, change: Any, settings: dict[str, Any], message: str
) -> None:
    def exported(name: str, part: list[cope.Problem], **settings: Any) -> Path:
        method = cope.methods.COPE(small, large, k=2)
        made = cope.record(method, part, store=tmp_path / name, progress=False, **settings)
        return made.export(tmp_path / f"{name}.jsonl")

    small, large = pair(endpoint, tmp_path)
    first = exported("first", PROBLEMS[:2])
    if change is not None:
        change(tmp_path)
        small, large = (
            endpoint.model(prompts=tmp_path / "prompts", price=each.price, stable_name=each.stable_name)
            for each in (small, large)
        )
    second = exported("second", PROBLEMS[2:], **settings)
    with pytest.raises(cope.DataError, match=message):
        cope.import_recording([first, second], tmp_path / "together")
    assert not (tmp_path / "together").exists()


@pytest.fixture
def lines(recorded: Recorded, tmp_path: Path) -> list[str]:
    file = recorded.recording.export(tmp_path / "whole.jsonl")
    return file.read_text(encoding="utf-8").splitlines()


def changed(line: str, **columns: Any) -> str:
    return json.dumps({**json.loads(line), **columns})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: [*rows, rows[5]], r"line \d+: sample \d+ of .* is there already, in .*line 6"),
        (lambda rows: [*rows[:3], rows[3][:-20], *rows[4:]], r"line 4, column \d+: malformed JSON"),
        (
            lambda rows: [*rows[:3], rows[3].replace('"usage_known"', '"x"').replace('"text"', '"x2"')],
            "no column 'text'",
        ),
        (lambda rows: [rows[0], changed(rows[1], identity=None)], "column 'identity' is null"),
        (lambda rows: [rows[0], rows[1].replace('"mean_logprob": ', '"mean_logprob": NaN, "_": ')], "NaN is no JSON"),
        (lambda rows: [rows[0], changed(rows[1], cost_pusd=-1)], "column 'cost_pusd': expected at least 0, got -1"),
        (
            lambda rows: [rows[0], changed(rows[1], cost_pusd=0.5)],
            "column 'cost_pusd': expected a whole number, got 0.5",
        ),
        (lambda rows: [rows[0], rows[1], changed(rows[2], question="Other?")], "has the question 'Other\\?', but"),
        (lambda rows: [rows[0]], "holds no samples"),
        (lambda rows: [], "holds no samples"),
        (lambda rows: ['{"cope_recording": {"format": 7}}', *rows[1:]], "format 7, and this version reads format 1"),
    ],
)
def test_a_spoilt_file_is_refused_and_nothing_is_written(
    lines: list[str], tmp_path: Path, spoil: Callable[[list[str]], list[str]], message: str
) -> None:
    file = tmp_path / "spoilt.jsonl"
    file.write_text("".join(line + "\n" for line in spoil(lines)), encoding="utf-8")
    with pytest.raises(cope.DataError, match=message):
        cope.import_recording(file, tmp_path / "imported")
    assert not (tmp_path / "imported").exists()


def test_a_truncated_parquet_file_is_refused(recorded: Recorded, tmp_path: Path) -> None:
    file = recorded.recording.export(tmp_path / "r.parquet")
    for keep in (0, 100, file.stat().st_size // 2, file.stat().st_size - 9):
        cut = tmp_path / f"cut{keep}.parquet"
        cut.write_bytes(file.read_bytes()[:keep])
        with pytest.raises(cope.DataError, match=f"cut{keep}.parquet: is no Parquet file that can be read"):
            cope.import_recording(cut, tmp_path / "imported")
    assert not (tmp_path / "imported").exists()


def test_problems_that_a_file_lacks_are_named_and_never_left_out_silently(recorded: Recorded, tmp_path: Path) -> None:
    file = recorded.recording.export(tmp_path / "whole.jsonl")
    gone = PROBLEMS[1].id
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    part = tmp_path / "part.jsonl"
    part.write_text("".join(line for line in lines if f'"problem_id": "{gone}"' not in line), encoding="utf-8")
    imported = cope.import_recording(part, tmp_path / "store")
    assert imported.unbegun == [gone]
    assert any(f"{gone!r}" in words for words in imported.missing())
    with pytest.raises(cope.DataError, match=f"all stages: nothing of 1 problem \\('{gone}'\\)"):
        imported.sweep()
    swept = imported.sweep(incomplete="drop")
    assert swept.dropped["nothing is recorded"] == (gone,)
    assert len(swept.problems) == len(PROBLEMS) - 1


def test_a_truncated_gzip_file_is_refused(recorded: Recorded, tmp_path: Path) -> None:
    file = recorded.recording.export(tmp_path / "r.jsonl.gz")
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(cope.DataError, match=r"r\.jsonl\.gz"):
        cope.import_recording(file, tmp_path / "imported")


def test_an_export_never_writes_over_a_file_and_leaves_no_pieces(recorded: Recorded, tmp_path: Path) -> None:
    file = recorded.recording.export(tmp_path / "r.jsonl")
    with pytest.raises(cope.DataError, match="is there already"):
        recorded.recording.export(file)
    with pytest.raises(cope.DataError, match=r"ends in .parquet, .arrow, .jsonl, .jsonl.gz, got '.txt'"):
        recorded.recording.export(tmp_path / "r.txt")
    assert os.listdir(tmp_path) == ["r.jsonl"]


def test_a_store_that_holds_another_text_of_a_sample_is_refused(
    lines: list[str], recorded: Recorded, tmp_path: Path
) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text("\n".join([lines[0], changed(lines[1], text="Not what was said."), *lines[2:]]), encoding="utf-8")
    cope.import_recording(tmp_path / "whole.jsonl", tmp_path / "imported")
    with pytest.raises(cope.DataError, match="another text of the sample"):
        cope.import_recording(other, tmp_path / "imported")


def shout(question: str, given: Any) -> str:
    return f"Solve. {question}"


def test_prompts_that_are_functions_must_be_given_again(endpoint: Endpoint, tmp_path: Path) -> None:
    small, large = pair(endpoint, tmp_path)
    method = cope.Cascade(
        cope.Stage(cope.Draw("solutions", small, n=3, prompt=shout), gate=cope.Gate("consensus", 0.5)),
        cope.Stage(cope.Draw("solution", large)),
        name="own prompt",
    )
    recording = cope.record(method, PROBLEMS, k=[1, 3], store=tmp_path / "store", progress=False)
    file = recording.export(tmp_path / "r.jsonl")
    with pytest.raises(cope.ConfigError, match="prompts or gates that are functions of your own"):
        cope.import_recording(file, tmp_path / "imported")
    with pytest.raises(cope.DataError, match="is not the recorded one"):
        cope.import_recording(file, tmp_path / "imported", method=cope.methods.COPE(small, large))
    imported = cope.import_recording(file, tmp_path / "imported", method=method)
    assert decisions(imported.replay()) == decisions(recording.replay())
    opened = cope.open_recording(tmp_path / "imported")
    assert decisions(opened.replay(method)) == decisions(recording.replay())
    with pytest.raises(cope.ConfigError, match="pass the method to replay"):
        opened.replay()


def test_exports_and_other_rows_are_not_mixed(recorded: Recorded, tmp_path: Path) -> None:
    file = recorded.recording.export(tmp_path / "r.jsonl")
    other = tmp_path / "other.jsonl"
    other.write_text("".join(json.dumps(row) + "\n" for row in foreign_rows()), encoding="utf-8")
    with pytest.raises(cope.DataError, match=r"other\.jsonl: holds no description of a recording"):
        cope.import_recording([file, other], tmp_path / "store")
