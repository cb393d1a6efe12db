from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import cope
from cope import Problem

from .conftest import Endpoint, completion

PROBLEMS = [Problem(str(index), f"Question {index}.", "5") for index in range(20)]


def run_of(
    endpoint: Endpoint, store: Path, name: str, wrong: int, problems: Any = PROBLEMS, failing: int = 0
) -> cope.Run:
    """A run whose first `failing` problems fail, and whose next `wrong` ones are answered wrongly."""

    def reply(request: dict[str, Any]) -> tuple[int, bytes]:
        number = int(request["messages"][-1]["content"].split("Question ")[1].split(".")[0])
        if number < failing:
            return 500, b"{}"
        return 200, json.dumps(completion(f"\\boxed{{{6 if number < failing + wrong else 5}}}")).encode()

    endpoint.reply = reply
    return cope.run(cope.methods.SmallSingle(endpoint.model(), name=name), problems, store=store / name, progress=False)


def test_runs_over_the_same_problems_are_compared_pair_by_pair(endpoint: Endpoint, tmp_path: Path) -> None:
    table = cope.compare(run_of(endpoint, tmp_path, "weak", 10), run_of(endpoint, tmp_path, "strong", 5))
    assert [row[0] for row in table.rows] == ["weak", "strong"]
    assert table.rows[0][1].startswith("50.0 %")
    assert table.rows[0][2].startswith("-25.0 (")
    assert table.rows[1][2] == "-"
    assert table.columns[2].name == "Points from strong (95 %)"


def test_a_problem_that_failed_in_one_run_is_left_out_for_all_and_the_table_says_so(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    table = cope.compare(
        run_of(endpoint, tmp_path, "a", 0), run_of(endpoint, tmp_path, "b", 0, failing=3), reference="a"
    )
    assert table.title == "17 problems"
    assert "3 of 20 problems" in table.caption


def test_what_cannot_be_compared_says_why(endpoint: Endpoint, tmp_path: Path) -> None:
    run = run_of(endpoint, tmp_path, "a", 0)
    with pytest.raises(cope.ConfigError, match="two runs or more"):
        cope.compare(run)
    with pytest.raises(cope.ConfigError, match="one name"):
        cope.compare(run, run)
    other = run_of(endpoint, tmp_path, "b", 0, problems=PROBLEMS[:5])
    with pytest.raises(cope.ConfigError, match="different problem sets"):
        cope.compare(run, other)
    with pytest.raises(cope.ConfigError, match="reference: expected one of a, c"):
        cope.compare(run, run_of(endpoint, tmp_path, "c", 0), reference="d")
