"""cope.reports on runs whose every answer is known: a server that adds, and errs where it is told to."""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import Any

import pytest

import cope
from cope import reports
from cope.errors import ConfigError, DataError
from cope.stats import mcnemar, wilson
from cope.tables import percent

from .conftest import Endpoint, completion

PROBLEMS = [
    {"id": f"p{i}", "question": f"What is {i} + 1?", "answer": str(i + 1), "level": 1 + i % 3} for i in range(12)
]


def number(request: dict[str, Any]) -> int:
    return int(re.findall(r"What is (\d+)", json.dumps(request["messages"]))[-1])


def adder(endpoint: Endpoint, wrong: dict[str, set[int]]) -> None:
    """Makes the server answer rightly but for the problems that a model gets wrong, where each of its samples errs differently."""

    def reply(request: dict[str, Any]) -> tuple[int, bytes]:
        i, n = number(request), request.get("n", 1)
        bad = i in wrong.get(request["model"], set())
        texts = [f"So \\boxed{{{1000 + 17 * request.get('seed', 0) % 997 + at if bad else i + 1}}}." for at in range(n)]
        return 200, json.dumps(completion(*texts)).encode()

    endpoint.reply = reply
    endpoint.models = (200, json.dumps({"data": [{"id": name} for name in ("s", "l")]}).encode())


def model(endpoint: Endpoint, name: str, **options: Any) -> cope.Model:
    return cope.Model(name, base_url=endpoint.url, kind="generic", max_retries=0, **options)


def run(method: cope.Cascade, problems: Any = PROBLEMS, **options: Any) -> cope.Run:
    return cope.run(method, problems, progress=False, check=False, **options)


@pytest.fixture
def small(endpoint: Endpoint) -> cope.Model:
    return model(endpoint, "s")


@pytest.fixture
def large(endpoint: Endpoint) -> cope.Model:
    return model(endpoint, "l", price=cope.Price("1", "2"))


def cells(table: cope.tables.Table) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for row in table.rows}


def test_by_difficulty_each_group_has_its_accuracy_and_cost(
    endpoint: Endpoint, small: cope.Model, large: cope.Model
) -> None:
    adder(endpoint, {"s": {2, 5, 8, 1}})  # levels 3, 3, 3, 2
    runs = run(cope.methods.SmallSingle(small)), run(cope.methods.Large(large))
    table = reports.difficulty(*runs, groups={"1-2": (1, 2), "3": (3,)})
    assert [column.name for column in table.columns] == [
        "Method", "level 1-2: accuracy", "level 1-2: USD per million", "level 3: accuracy", "level 3: USD per million", "all: accuracy",
        "all: USD per million",
    ]  # fmt: skip
    assert cells(table)["Small (single)"] == (
        percent(7 / 8, wilson(7, 8)), "0", percent(1 / 4, wilson(1, 4)), "0", percent(8 / 12, wilson(8, 12)), "0",
    )  # fmt: skip
    assert cells(table)["Large"][1] == "20.00"  # 10 tokens in at 1 USD, 5 out at 2 USD a million
    assert "level: 1-2: 8, 3: 4" in table.caption
    assert next(iter(cells(reports.difficulty(runs[0], by="level"))["Small (single)"])) == percent(1.0, wilson(4, 4))


def test_a_group_that_is_missing_is_named(endpoint: Endpoint, small: cope.Model) -> None:
    adder(endpoint, {})
    found = run(cope.methods.SmallSingle(small))
    with pytest.raises(ConfigError, match=r"no 'topic' in its meta \(12 such in all\); there are 'level'"):
        reports.difficulty(found, by="topic")
    with pytest.raises(ConfigError, match="level 3 of problem 'p2' is in none of '1-2'"):
        reports.difficulty(found, groups={"1-2": (1, 2)})


def test_the_effect_of_k_tells_accuracy_given_consensus(
    endpoint: Endpoint, small: cope.Model, large: cope.Model
) -> None:
    adder(endpoint, {"s": {0, 1, 2, 3}, "l": {0}})
    runs = [
        run(cope.methods.COPE(small, large, k=k, stage1_plan="none", name=f"k = {k}", early_stop=False)) for k in (4, 2)
    ]
    table = reports.effect_of_k(*runs)
    assert [row[0] for row in table.rows] == ["2", "4"]
    by_hand = [row for each in runs[:1] for row in each.rows]
    accepted = [row for row in by_hand if row["stage"] in (0, 1)]
    right = sum(bool(row["correct"]) for row in accepted)
    assert table.rows[1][1] == percent(11 / 12, wilson(11, 12))
    assert table.rows[1][2] == percent(right / len(accepted), wilson(right, len(accepted)))
    assert table.rows[1][3] == str(len(accepted)) == "8"


def test_thresholds_count_what_each_stage_resolved(endpoint: Endpoint, small: cope.Model, large: cope.Model) -> None:
    adder(endpoint, {"s": {0, 1, 2, 3}})
    runs = [
        run(cope.methods.COPE(small, large, k=4, stage1_plan="none", thresholds=pair, name=str(pair)))
        for pair in ((0.5, 0.5), ("2/3", 0.75))
    ]
    table = reports.thresholds(*runs)
    assert [row[:5] for row in table.rows] == [("> 0.5", "> 0.5", "8", "0", "4"), ("> 2/3", "> 0.75", "8", "0", "4")]
    assert [row[5] for row in table.rows] == [percent(1.0, wilson(12, 12))] * 2
    with pytest.raises(ConfigError, match="different numbers of stages"):
        reports.thresholds(runs[0], run(cope.methods.Large(large)))
    with pytest.raises(ConfigError, match="the cascade has one stage"):
        reports.effect_of_k(run(cope.methods.Large(large)))


def test_error_bars_are_deviations_over_seeds(endpoint: Endpoint, small: cope.Model) -> None:
    runs = []
    for seed, wrong in enumerate(({1}, {1, 2, 3}, set())):
        adder(endpoint, {"s": wrong})
        runs.append(run(cope.methods.SmallSingle(small), seed=seed))
    accuracies = [100 * each for each in (11 / 12, 9 / 12, 1.0)]
    [row] = reports.error_bars(*runs).rows
    assert row[1] == f"{statistics.mean(accuracies):.1f} ± {statistics.stdev(accuracies):.2f}"
    assert row[2:] == ("0.00 ± 0.00", "0, 1, 2")
    with pytest.raises(ConfigError, match="two different seeds or more, got seeds 0"):
        reports.error_bars(runs[0])
    with pytest.raises(ConfigError, match="got seeds 0, 0"):
        reports.error_bars(runs[0], runs[0])


def test_differences_are_tested_on_the_same_problems(endpoint: Endpoint, small: cope.Model, large: cope.Model) -> None:
    adder(endpoint, {"s": {0, 1, 2, 3, 4, 5, 6, 7}, "l": {11}})
    runs = (
        run(cope.methods.SmallSingle(small)),
        run(cope.methods.SmallMajority(small, k=2)),
        run(cope.methods.Large(large)),
    )
    table = reports.differences(*runs)
    p_value = mcnemar([0] * 8 + [1] * 4, [1] * 11 + [0]).p_value
    row = cells(table)["Small (single)"]
    assert row[0].startswith("-58.3 (")
    assert row[1:] == ("1", "8", f"{p_value:.2g}", f"{2 * p_value:.2g}")
    with pytest.raises(ConfigError, match="reference"):
        reports.differences(*runs, reference="COPE")
    with pytest.raises(ConfigError, match="two runs or more"):
        reports.differences(runs[0])


def test_the_grid_of_planners_and_executors(endpoint: Endpoint, small: cope.Model, large: cope.Model) -> None:
    adder(endpoint, {"s": {0, 1, 2}})
    methods = [
        cope.methods.Planned(large, small, plan="none"), cope.methods.Planned(large, small), cope.methods.Planned(small, large),
        cope.methods.Planned(small, small, plan="goal"),
    ]  # fmt: skip
    runs = [run(method) for method in reversed(methods)]
    table = reports.planner_executor(*runs)
    assert [column.name for column in table.columns] == ["Plan", "Planner", "Executor s", "Executor l"]
    weak, strong = percent(9 / 12, wilson(9, 12)), percent(1.0, wilson(12, 12))
    assert table.rows == (
        ("none", "-", weak, ""), ("goal", "s", weak, ""), ("guideline", "s", "", strong), ("guideline", "l", weak, ""),
    )  # fmt: skip
    with pytest.raises(ConfigError, match="two runs have plan 'goal'"):
        reports.planner_executor(runs[0], runs[0])
    with pytest.raises(ConfigError, match="not one planner with one executor"):
        reports.planner_executor(run(cope.methods.COPE(small, large, k=2)))


def test_runs_that_do_not_belong_together_are_refused(endpoint: Endpoint, small: cope.Model) -> None:
    adder(endpoint, {})
    method = cope.methods.SmallSingle(small)
    whole, part = run(method), run(method, PROBLEMS[:5])
    for report in (
        reports.difficulty,
        reports.effect_of_k,
        reports.thresholds,
        reports.error_bars,
        reports.differences,
        reports.planner_executor,
    ):
        with pytest.raises(ConfigError, match="at least one run"):
            report()
        with pytest.raises(ConfigError, match="different problem sets"):
            report(whole, part)
        with pytest.raises(ConfigError, match="expected runs"):
            report("runs/first")  # type: ignore[arg-type]
    bare = run(method, [{"id": "a", "question": "What is 1 + 1?"}])
    with pytest.raises(DataError, match="no problem of 'Small \\(single\\)' both ended and has a gold answer"):
        reports.difficulty(bare)
    numbers = run(method, task="number")
    with pytest.raises(ConfigError, match="different tasks"):
        reports.difficulty(whole, numbers)


def test_what_failed_is_left_out_and_counted(endpoint: Endpoint, small: cope.Model, tmp_path: Path) -> None:
    adder(endpoint, {})
    fine = endpoint.reply
    endpoint.reply = lambda request: fine(request) if number(request) != 4 else (400, b'{"error": {"message": "no"}}')
    table = reports.difficulty(run(cope.methods.SmallSingle(small), store=tmp_path))
    assert table.title == "By level, 11 problems"
    assert (
        "Left out, because they failed, are unfinished or have no gold answer: Small (single): 1 of 12."
        in table.caption
    )
