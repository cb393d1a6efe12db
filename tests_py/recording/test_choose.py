"""Sweep.choose on imported recordings: expectations are shares, the large model alone is what it says, errors name what is there to pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cope


def row(**columns: Any) -> dict[str, Any]:
    return {
        "gold": "1",
        "stage": 0,
        "draw": "votes",
        "index": 0,
        "cost_pusd": 1000,
        "usage_known": True,
        **columns,
    }


def problem(number: int, votes: list[str | None]) -> list[dict[str, Any]]:
    """One problem: votes, then a last stage that is right."""
    asked = {"problem_id": f"p{number}", "question": f"Question {number}?"}
    last = row(**asked, stage=1, draw="last", correct=True)
    return [*(row(**asked, index=index, answer=vote) for index, vote in enumerate(votes)), last]


@pytest.fixture
def voting(tmp_path: Path) -> cope.Recording:
    """Problems that are certainly right at tau1 = 3/4 and k = 4, whose probabilities add up to an ulp more than 1 where they are not held to it."""
    votes = [*["1"] * 4, *["3"] * 3, "4", "4", None]
    rows = [each for number in range(20) for each in problem(number, votes)]
    return cope.import_recording(rows, tmp_path / "voting")


def test_expectations_of_shares_are_shares_and_can_be_chosen_from(voting: cope.Recording) -> None:
    sweep = voting.sweep(k=[2, 4, 10], tau1=["0", "1/4", "1/2", "3/4"], estimator="subsets")
    each = sweep.per_problem()
    for values in (each["correct"], each["unscored"], each["resolved"], sweep.accuracy, sweep.shares):
        assert values.min() >= 0
        assert values.max() <= 1
    at = sweep.at(k=4, tau1="3/4")
    assert (at.correct == 1).all()
    choice = sweep.choose(max_error=0.3, risk="loss against large")
    assert choice.settings is not None
    assert choice.risk[choice.point] <= 0.3


def carried(number: int) -> list[dict[str, Any]]:
    """One problem of which the last stage was given the plan that the first one carries: one sample, of one plan."""
    asked = {"problem_id": f"p{number}", "question": f"Question {number}?"}
    plans = [row(**asked, draw="plans", plan=True, index=index, text=f"plan {index}") for index in range(2)]
    votes = [row(**asked, index=index, answer="1") for index in range(2)]
    return [*plans, *votes, row(**asked, stage=1, draw="last", carried=0, answer="1")]


def test_a_last_stage_that_was_given_a_carried_plan_is_not_the_large_model_alone(tmp_path: Path) -> None:
    given = cope.import_recording([each for number in range(8) for each in carried(number)], tmp_path / "given").sweep()
    assert given.last_stage_correct() is None
    with pytest.raises(
        cope.ConfigError, match="is given a carried plan, so it is not the large model alone; pass a run"
    ):
        given.choose(max_error=0.5, risk="loss against large")
    rows = [
        row(problem_id=f"p{number}", question=f"Question {number}?", draw="large", answer="1") for number in range(8)
    ]
    large = cope.import_recording(rows, tmp_path / "large", name="Large").replay()
    choice = given.choose(max_error=0.5, risk="loss against large", reference=large)
    np.testing.assert_allclose(choice.risk, 0)


def test_limits_are_named_as_they_are_passed(voting: cope.Recording) -> None:
    sweep = voting.sweep()
    with pytest.raises(cope.ConfigError, match=r"expected a limit: max_error=0.1, max_cost_usd_per_million=\.\.\., or"):
        sweep.choose()
    with pytest.raises(
        cope.ConfigError, match="max_cost_usd_per_million: expected a finite cost of at least 0, got -1"
    ):
        sweep.choose(max_cost_usd_per_million=-1)
    with pytest.raises(cope.ConfigError, match=r"confidence: expected a number between 0 and 1, such as 0\.95, got 2"):
        sweep.front(confidence=2)


def test_a_risk_that_is_not_known_is_left_out_of_what_is_said_of_the_naive_choice(tmp_path: Path) -> None:
    rows = [
        row(problem_id=f"p{number}", question=f"Question {number}?", correct=number % 3 > 0) for number in range(30)
    ]
    single = cope.import_recording(rows, tmp_path / "store").sweep()
    choice = single.choose(
        max_error=0.2
    )  # one stage accepts nothing before the last, so that there is no error among accepted
    assert choice.naive.figure == "error among accepted"
    said = " ".join(repr(choice).split())
    assert "nan" not in said
    assert "over 200 random splits it was beyond a limit on the other half in 0 % of them" in said
    loss = " ".join(repr(single.choose(max_error=0.2, risk="loss against large")).split())
    assert (
        "its loss against large was 0.0 % on the half that it was chosen on and 0.0 % on the other, and it was" in loss
    )
    cheap = " ".join(repr(single.choose(max_cost_usd_per_million=1)).split())
    assert "its accuracy was 6" in cheap
