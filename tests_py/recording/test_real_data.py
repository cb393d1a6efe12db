"""Real recordings of Llama-2-13B and gpt-4o-mini on GSM8K, imported and replayed through the public API."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

import cope

_NAMED = os.environ.get("COPE_SHARED")
DATA = (Path(_NAMED) if _NAMED else Path(__file__).parents[3] / "shared") / "data"
FIVE = cope.Gate("consensus", 0, ">=")


def read(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / "recorded" / name, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def rounded(value: Any) -> str:
    """Numbers compare after rounding to 5 decimals; what a program returned beside numbers stays itself."""
    try:
        return f"{round(float(value), 5):.5f}"
    except (TypeError, ValueError):
        return str(value)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> cope.Recording:
    if not DATA.is_dir():
        pytest.skip(f"no shared data at {DATA}")
    weak = [row for row in read("mot_gsm8k.jsonl.gz") if (row["model"], row["prompt"]) == ("llama-2-13b", "pot2")]
    strong = {row["idx"]: row for row in read("gsm8k_gpt-4o-mini.jsonl.gz") if row["run"] == "vanilla"}
    problems = [json.loads(line) for line in (DATA / "gsm8k" / "test.jsonl").read_text(encoding="utf-8").splitlines()]
    rows: list[dict[str, Any]] = []
    for row in weak:
        gold = rounded(problems[row["idx"]]["answer"].rpartition("####")[2].replace(",", ""))
        at = {"problem_id": row["idx"], "question": problems[row["idx"]]["question"], "gold": gold}
        results = [*map(rounded, row["results"][:8]), *[None] * 8][:8]  # failed programs are absent: no answer
        rows += [
            {**at, "stage": 0, "draw": "programs", "index": i, "model": row["model"], "answer": result}
            for i, result in enumerate(results)
        ]
        right = bool(strong[row["idx"]]["cot_score"])
        rows.append({**at, "stage": 1, "draw": "solution", "index": 0, "model": "gpt-4o-mini", "correct": right})
    return cope.import_recording(rows, tmp_path_factory.mktemp("mot") / "store", name="self-consistency, then large")


WANTED = [("0.75", 115, 95, 360), ("0.5", 211, 139, 310)]


@pytest.mark.parametrize(("tau", "resolved", "right", "right_in_all"), WANTED)
def test_a_replay_of_the_published_votes(
    recording: cope.Recording, tau: str, resolved: int, right: int, right_in_all: int
) -> None:
    run = recording.replay(gate=cope.Gate("consensus", tau, ">="))
    first = [row for row in run.rows if row["stage"] == 0]
    assert run.counts.problems == 400
    assert (len(first), sum(row["correct"] is True for row in first), run.counts.right) == (
        resolved,
        right,
        right_in_all,
    )


def test_a_sweep_over_the_published_votes(recording: cope.Recording) -> None:
    sweep = recording.sweep(gate=FIVE, tau1=[tau for tau, *_ in WANTED])
    for tau, resolved, right, right_in_all in WANTED:
        point = sweep.at(tau1=tau)
        assert point.stage is not None
        first = point.stage == 0
        assert (int(first.sum()), int(point.correct[first].sum()), int(point.correct.sum())) == (
            resolved,
            right,
            right_in_all,
        )
    assert sweep.cost_usd_per_million is None  # nobody recorded tokens
