"""Programs that a model wrote for GSM8K, recorded with the values they had: run again, they have them still."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import cope
from cope.sandbox import Limits, Program, Sandbox

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "data" / "recorded" / "mot_gsm8k.jsonl.gz"
DAY = cope.ProgramOfThought(frozen="2023-06-01")
# Two of its samples hold a line that is no Python (`5000_meters_per_day = 5000`). The recording lost them; extraction leaves out that line, and the rest runs.
EXPLAINED = {(343, "pot2")}


def comparable(value: Any) -> Any:
    """Numbers to five decimals, as the published code compares them."""
    try:
        return round(float(value), 5)
    except (TypeError, ValueError):
        return str(value)


@pytest.mark.skipif(not RECORDED.exists(), reason=f"needs {RECORDED.name} in ../shared/data/recorded")
@pytest.mark.parametrize("rows", [80, pytest.param(800, marks=[pytest.mark.slow, pytest.mark.timeout(1_200)])])
def test_recorded_programs_have_their_recorded_values(rows: int) -> None:
    with gzip.open(RECORDED, "rt") as file:
        recorded = [row for row in map(json.loads, file) if row["model"] == "llama-2-13b"]
    step = len(recorded) // rows
    entry = DAY.to_entry()
    limits = Limits(wall_ms=entry["wall_ms"], cpu_ms=entry["wall_ms"])
    differing = []
    with Sandbox() as sandbox:
        for row in recorded[::step]:
            found = [cope.programs.extract(text, entry_point="ans") for text in row["generated"]]
            programs = [
                Program(source, result_name="ans", frozen_unix_s=entry["frozen_unix_s"], limits=limits)
                for source in found
                if source is not None
            ]
            reports = sandbox.run_all(programs)
            values = [report.value for report in reports if report.passed and report.value_type != "NoneType"]
            # Failed programs are absent from the recording, so the two are compared in order.
            wanted = [comparable(value) for value in row["results"] if value is not None]
            if [comparable(value) for value in values] != wanted:
                differing.append((row["idx"], row["prompt"]))
    assert set(differing) == EXPLAINED & {(row["idx"], row["prompt"]) for row in recorded[::step]}
