from __future__ import annotations

from typing import Any

import pytest

import cope
from cope import Model, methods


def test_cope_has_the_papers_settings_by_default(small: Model, large: Model) -> None:
    spec = methods.COPE(small, large).to_spec()
    assert [stage["gate"]["threshold"] for stage in spec["stages"][:2]] == [[3, 4], [1, 2]]
    assert [stage["gate"]["comparison"] for stage in spec["stages"][:2]] == [">", ">"]
    assert spec["stages"][2]["gate"]["measure"] == "always"
    shown = [
        (draw["name"], draw["n"], draw["model"], draw["sampling"]["temperature"], draw["plan"])
        for draw in spec["draws"]
    ]
    assert shown == [
        ("goals", 8, 0, 0.8, True),
        ("solutions", 8, 0, 0.4, False),
        ("guideline", 1, 1, 0.8, True),
        ("solutions", 8, 0, 0.8, False),
        ("solution", 1, 1, 0.0, False),
    ]


def test_cope_carries_the_goal_to_stage_2_and_the_guideline_to_stages_2_and_3(small: Model, large: Model) -> None:
    draws = methods.COPE(small, large).to_spec()["draws"]
    assert draws[2]["given"] == []  # the guideline is drawn from the problem alone
    assert draws[3]["given"] == [
        {"field": "goal", "draw": 0, "pick": "carried"},
        {"field": "guideline", "draw": 2, "pick": "each"},
    ]
    assert draws[4]["given"] == [{"field": "guideline", "draw": 2, "pick": "carried"}]


def test_the_truncated_variant_stops_after_stage_2(small: Model, large: Model) -> None:
    method = methods.COPE(small, large, stages=2)
    assert [stage.name for stage in method.stages] == ["stage 1", "stage 2"]
    assert method.name == "COPE (2 stages)"


@pytest.mark.parametrize("k", [1, 8])
def test_two_stages_with_plans_of_one_type_keep_them_apart(small: Model, large: Model, k: int) -> None:
    draws = methods.COPE(small, large, k=k, stage1_plan="guideline").to_spec()["draws"]
    assert draws[3]["given"] == [
        {"field": "carried_guideline", "draw": 0, "pick": "carried"},
        {"field": "guideline", "draw": 2, "pick": "each"},
    ]


def test_without_plans_no_planner_is_asked(small: Model, large: Model) -> None:
    assert [draw.name for draw in methods.COPE(small, large, stage1_plan="none", stage2_plan="none").draws] == [
        "solutions",
        "solutions",
        "solution",
    ]
    assert methods.Planned(large, small, "none").models == (small,)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"k": 0}, "k: expected .* at least|k: expected a whole number of samples from 1"),
        ({"k": -3}, "k:"),
        ({"k": 2.5}, "k:"),
        ({"thresholds": (0.75,)}, "thresholds"),
        ({"thresholds": 0.75}, "thresholds"),
        ({"thresholds": (0.75, 1.5)}, "threshold.*0 to 1"),
        ({"thresholds": (-0.1, 0.5)}, "threshold.*0 to 1"),
        ({"thresholds": (float("nan"), 0.5)}, "threshold"),
        ({"stages": 4}, "stages"),
        ({"comparison": "≥"}, "comparison"),
        ({"stage1_plan": "two words"}, "stage1_plan"),
        ({"executor_temperatures": (0.4, 0.8)}, "executor_temperatures"),
        ({"planner_temperatures": (0.4, -1)}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
    ],
)
def test_an_argument_that_cannot_work_is_refused_when_the_method_is_built(
    small: Model, large: Model, arguments: dict[str, Any], why: str
) -> None:
    with pytest.raises(cope.ConfigError, match=why):
        methods.COPE(small, large, **arguments)


@pytest.mark.parametrize("preset", [methods.SmallMajority, lambda model, k: methods.Planned(model, model, "goal", k)])
def test_k_0_is_refused_by_every_preset(small: Model, preset: Any) -> None:
    with pytest.raises(cope.ConfigError, match="k: expected"):
        preset(small, 0)


def test_a_name_of_a_model_is_not_a_model(large: Model) -> None:
    with pytest.raises(cope.ConfigError, match=r"cope\.Model\('qwen'\)"):
        methods.COPE("qwen", large)  # type: ignore[arg-type]


def test_methods_can_be_renamed_and_early_stopping_switched_off(small: Model, large: Model) -> None:
    method = methods.COPE(small, large)
    assert method.renamed("mine").name == "mine"
    assert method.with_early_stop(False).to_spec()["early_stop"] is False
    assert method.max_samples() == 26
