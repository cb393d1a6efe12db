"""Recording.sweep: every point is what a replay at it gives; figures, lookups, bootstrap, words."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cope

from ..conftest import Endpoint, completion
from .conftest import Recorded
from .scripted import PROBLEMS, K, pair

TAU1 = [0, "1/3", "0.5", "0.6", "2/3", 1]
TAU2 = [0, "0.4", 1]


@pytest.fixture(scope="module")
def sweep(recorded: Recorded) -> cope.sweeps.Sweep:
    return recorded.recording.sweep(tau1=TAU1, tau2=TAU2)


@pytest.mark.parametrize("comparison", [">", ">="])
@pytest.mark.parametrize("denominator", ["k", "answered"])
def test_every_point_is_what_a_replay_at_it_gives(recorded: Recorded, comparison: Any, denominator: Any) -> None:
    gate = cope.Gate("consensus", 0, comparison, denominator=denominator)
    swept = recorded.recording.sweep(gate=gate, tau1=TAU1, tau2=TAU2)
    assert swept.accuracy.shape == (4, 6, 3)
    for point in swept.points():
        run = recorded.recording.replay(
            k=point["k"], gate=gate, thresholds=[point["tau1"], point["tau2"]], early_stop=False
        )
        here = swept.at(**point)
        assert here.stage is not None
        assert here.cost_pusd is not None
        stages = [row["stage"] if row["stage"] >= 0 else 2 for row in run.rows]
        assert here.stage.tolist() == stages
        assert here.correct.tolist() == [row["correct"] is True for row in run.rows]
        assert here.unscored.tolist() == [row["status"] == "unscored" for row in run.rows]
        assert here.cost_pusd.tolist() == [row["ideal_pusd"] for row in run.rows]
        index = tuple(swept.axes[name].index(value) for name, value in point.items())
        assert swept.correct[index] == run.counts.right
        assert swept.cost_pusd is not None
        assert swept.cost_pusd[index] == run.cost.ideal_pusd
        assert swept.resolved[index].sum() == len(PROBLEMS)
        assert here.accuracy == swept.accuracy[index]


def test_axes_are_exact_and_ascending(sweep: cope.sweeps.Sweep) -> None:
    assert sweep.axes == {
        "k": tuple(K),
        "tau1": (Fraction(0), Fraction(1, 3), Fraction(1, 2), Fraction(3, 5), Fraction(2, 3), Fraction(1)),
        "tau2": (Fraction(0), Fraction(2, 5), Fraction(1)),
    }
    assert sweep.points()[0] == {"k": 1, "tau1": 0, "tau2": 0}
    assert len(sweep.points()) == sweep.accuracy.size


def test_thresholds_that_are_not_given_are_the_methods_own(recorded: Recorded) -> None:
    alone = recorded.recording.sweep(k=5)
    assert alone.axes == {"k": (5,), "tau1": (Fraction(3, 5),), "tau2": (Fraction(2, 5),)}
    live = recorded.recording.replay(recorded.method, early_stop=False)
    assert alone.at().correct.tolist() == [row["correct"] is True for row in live.rows]


def test_the_method_may_be_bootstrapped(sweep: cope.sweeps.Sweep) -> None:
    drawn = sweep.bootstrap(200, seed=3)
    assert drawn.accuracy.drawn.shape == (200, *sweep.accuracy.shape)
    each = sweep.per_problem()
    weights = cope.stats.weights(len(PROBLEMS), 200, seed=3)
    np.testing.assert_allclose(
        drawn.accuracy.drawn, np.tensordot(weights, each["correct"].astype(float), 1), rtol=1e-12, atol=1e-12
    )
    assert drawn.cost_usd_per_million is not None
    np.testing.assert_allclose(
        drawn.cost_usd_per_million.drawn, np.tensordot(weights, each["cost_pusd"] / 1e6, 1), rtol=1e-9
    )
    low, high = drawn.accuracy.interval(0.9)
    assert (low <= sweep.accuracy + 1e-12).all()
    assert (sweep.accuracy <= high + 1e-12).all()


def test_the_best_point_is_the_cheapest_of_the_most_accurate(sweep: cope.sweeps.Sweep) -> None:
    best = sweep.best()
    assert best.accuracy == sweep.accuracy.max()
    cost = sweep.cost_usd_per_million
    assert cost is not None
    assert best.cost_usd_per_million == cost[sweep.accuracy == sweep.accuracy.max()].min()
    cheap = sweep.best(max_cost_usd_per_million=float(cost.min()))
    assert cheap.cost_usd_per_million == cost.min()
    with pytest.raises(cope.ConfigError, match="no point costs at most -1"):
        sweep.best(max_cost_usd_per_million=-1)


def test_sweeps_as_frames(sweep: cope.sweeps.Sweep) -> None:
    frame = sweep.to_pandas()
    assert len(frame) == sweep.accuracy.size
    row = frame[(frame["k"] == 5) & (frame["tau1"] == 0.5) & (frame["tau2"] == 0.4)].iloc[0]
    assert row["accuracy"] == sweep.at(k=5, tau1=0.5, tau2="0.4").accuracy
    assert frame[["share_1", "share_2", "share_3"]].sum(axis=1).to_numpy() == pytest.approx(1.0)
    data = sweep.to_xarray()
    assert data["accuracy"].sel(k=5, tau1=0.5, tau2=0.4).item() == row["accuracy"]
    assert data["share"].sel(k=1, tau1=0, tau2=0, stage="stage 1").item() == sweep.shares[0, 0, 0, 0]
    assert data.attrs["problems"] == len(PROBLEMS)


def test_a_sweep_is_shown_as_a_table(sweep: cope.sweeps.Sweep, recorded: Recorded) -> None:
    text = repr(sweep)
    assert "no other beats" in text
    assert "seed 0" in text
    small = recorded.recording.sweep(k=5, tau1=["0.5", "2/3"])
    assert "2/3" in repr(small)
    assert "Accuracy" in small._repr_html_()
    assert repr(small.at(tau1="2/3")).startswith("k = 5, tau1 = 2/3, tau2 = 0.4: 6 problems")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tau3": [1]}, r"tau3: COPE has no such threshold; there are tau1 \(stage 1\), tau2 \(stage 2\)"),
        ({"tau1": []}, "tau1: expected at least one threshold"),
        ({"tau1": [75]}, "tau1: expected 0 to 1"),
        ({"tau1": ["x"]}, "tau1"),
        ({"tau1": [float("nan")]}, "tau1"),
        ({"tau1": None}, "tau1: expected a number such as 0.75 or the text '3/4', got None"),
        ({"k": 1.5}, "k: expected whole numbers"),
        ({"k": []}, "k: expected at least one"),
        ({"k": [1.5]}, "k: expected whole numbers"),
        ({"k": [-1]}, "k: expected whole numbers"),
        ({"estimator": "mean"}, "estimator: expected 'order' or 'subsets'"),
        ({"incomplete": "skip"}, "incomplete: expected 'refuse' or 'drop'"),
        ({"gate": {"stage 9": cope.Gate()}}, "gate: no stage 'stage 9'"),
        ({"gate": cope.Gate("perplexity", 2)}, "stage 1 was recorded without perplexity"),
        ({"estimator": "subsets"}, "record with carry='all'"),
    ],
)
def test_arguments_that_cannot_work_are_refused(recorded: Recorded, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(cope.ConfigError, match=message):
        recorded.recording.sweep(**arguments)


def test_more_k_than_recorded_is_refused_with_what_is_there(recorded: Recorded) -> None:
    with pytest.raises(
        cope.DataError, match=r"k: 8 samples are more than the 5 that are recorded.*k = 1, 2, 3, 5.*cope.record"
    ):
        recorded.recording.sweep(k=[1, 8])


def test_a_partial_recording_says_which_problems_and_stages_are_missing(endpoint: Endpoint, tmp_path: Path) -> None:
    small, large = pair(endpoint, tmp_path)
    method = cope.methods.COPE(small, large, k=3)
    # Room for the guidelines of some problems: those after them have no second and third stage.
    part = cope.record(
        method, PROBLEMS, k=[3], store=tmp_path / "s", budget_usd="0.003", partial=True, window=1, progress=False
    )
    with pytest.raises(cope.DataError) as error:
        part.sweep()
    text = str(error.value)
    assert "COPE: samples are not recorded (" in text
    assert "stage 3: fewer than 1 sample of" in text
    assert "'p4'" in text
    assert "cope.record(" in text
    assert "incomplete='drop'" in text
    whole = cope.record(method, PROBLEMS, k=[3], store=tmp_path / "s", budget_usd=1, progress=False).sweep()
    assert whole.problems == tuple(problem.id for problem in PROBLEMS)


def test_an_empty_recording_is_refused(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    # What a crash leaves that came before the first problem's end: runs without outcomes.
    monkeypatch.setattr(cope._recorded, "traces", lambda store, run_id: iter(()))
    begun = cope.open_recording(recorded.store)
    with pytest.raises(cope.DataError, match=r"the recording is empty.*cope.record\("):
        begun.sweep()


def test_sampling_order_is_not_conditional(recorded: Recorded) -> None:
    with pytest.raises(cope.ConfigError, match="conditional: sampling order is not conditional on anything"):
        recorded.recording.sweep(conditional=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 4, "tau1": 0, "tau2": 0}, "at, k: 4 is not in the sweep; there are 1, 2, 3, 5"),
        ({"k": 5, "tau1": "0.51", "tau2": 0}, "at, tau1: 0.51 is not in the sweep; there are 0, 1/3, 0.5"),
        ({"k": 5, "tau1": 0}, "at, tau2: expected one of 0, 0.4, 1"),
        ({"k": 5, "tau": 0}, "at: no axis 'tau'; there are k, tau1, tau2"),
    ],
)
def test_a_point_that_is_not_there_is_refused(sweep: cope.sweeps.Sweep, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(cope.ConfigError, match=message):
        sweep.at(**settings)


def test_problems_without_gold_are_left_out_and_said_to_be(endpoint: Endpoint, tmp_path: Path) -> None:
    small, large = pair(endpoint, tmp_path)
    problems = [*PROBLEMS[:3], cope.Problem("none", "What is 7 + 1?")]
    recording = cope.record(cope.methods.COPE(small, large, k=3), problems, store=tmp_path / "s", progress=False)
    sweep = recording.sweep()
    assert sweep.problems == ("p0", "p1", "p2")
    assert "Left out: 1 problem ('none'): no gold answer" in " ".join(repr(sweep).split())
    bare = cope.record(cope.methods.COPE(small, large, k=3), problems[3:], store=tmp_path / "b", progress=False)
    with pytest.raises(cope.DataError, match="no problem has a gold answer"):
        bare.sweep()


@pytest.mark.parametrize("measure", ["perplexity", "agreement", "score", "passed", "custom"])
def test_other_gates_are_swept_as_they_are_replayed(endpoint: Endpoint, tmp_path: Path, measure: str) -> None:
    small, large = pair(endpoint, tmp_path)
    values = {"perplexity": ["1.1", "1.3", "1.6"], "score": [1, 2, 3], "custom": [0, "1/2", 1]}.get(measure)
    gates: dict[str, cope.Gate] = {
        "perplexity": cope.Gate("perplexity", "1.3"),
        "agreement": cope.Gate("agreement", 0, other_draw="first"),
        "score": cope.Gate("score", 2, ">="),
        "passed": cope.Gate("passed"),
        "custom": cope.Gate("custom", "1/2", function=share_of_twos),
    }
    method = cope.Cascade(
        cope.Stage(
            cope.Draw("first", small, n=3, temperature=1.0),
            cope.Draw("second", small, n=3, temperature=0.5),
            gate=gates[measure],
        ),
        cope.Stage(cope.Draw("solution", large, given=cope.Given("second", "goal"))),
        name=measure,
    )
    task = (
        cope.Task("math", score=score if measure == "score" else has_a_two)
        if measure in ("score", "passed")
        else "math"
    )
    recording = cope.record(method, PROBLEMS, k=[1, 2, 3], store=tmp_path / "s", task=task, progress=False)
    sweep = recording.sweep() if values is None else recording.sweep(tau1=values)
    ended = set()
    for point in sweep.points():
        thresholds = None if values is None else [point["tau1"]]
        run = recording.replay(k=point["k"], thresholds=thresholds, early_stop=False)
        here = sweep.at(**point)
        assert here.stage is not None
        assert here.stage.tolist() == [row["stage"] if row["stage"] >= 0 else 1 for row in run.rows]
        assert here.correct.tolist() == [row["correct"] is True for row in run.rows]
        assert here.cost_pusd is not None
        assert here.cost_pusd.tolist() == [row["ideal_pusd"] for row in run.rows]
        ended.update(here.stage.tolist())
    assert ended == {0, 1}


def share_of_twos(samples: Any, problem: Any) -> float:
    return sum("2" in text for text, _ in samples) / len(samples)


def score(text: str) -> float:
    return float(sum(map(ord, text)) % 4)


def has_a_two(text: str) -> float:
    return float("2" in text)


def test_the_expectation_over_subsets_is_the_mean_over_all_orders_of_the_samples(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    small, _ = pair(endpoint, tmp_path)
    method = cope.Cascade(
        cope.Stage(cope.Draw("votes", small, n=4, temperature=1.0), gate=cope.Gate("consensus", 0.5)),
        cope.Stage(cope.Draw("last", small)),
        name="self-consistency, then once",
    )
    recording = cope.record(method, PROBLEMS, k=[4], store=tmp_path / "s", progress=False)
    swept = recording.sweep(k=[1, 2, 4], tau1=["0.5", "0.7"], estimator="subsets")
    accuracy = np.zeros((3, 2))
    stages = [recording.arrays(0), recording.arrays(1)]
    last = stages[1].correct[:, 0, 0]
    for row, k in enumerate((1, 2, 4)):
        for column, tau in enumerate((0.5, 0.7)):
            for p in range(len(PROBLEMS)):
                classes, correct = stages[0].classes[p, 0], stages[0].correct[p, 0]
                means = []
                for order in itertools.permutations(range(4), k):
                    drawn = [classes[i] for i in order]
                    votes = [drawn.count(label) if label >= 0 else 0 for label in drawn]
                    best = max(votes)
                    accepted = best > 0 and best / k > tau
                    means.append(correct[order[votes.index(best)]] if accepted else last[p])
                accuracy[row, column] += np.mean(means) / len(PROBLEMS)
    np.testing.assert_allclose(swept.accuracy, accuracy, atol=1e-12)
    assert swept.at(k=2, tau1="0.5").stage is None
    assert "Expectation over ordered choices" in " ".join(repr(swept).split())


def vote(classes: Any, order: tuple[int, ...]) -> tuple[float, int]:
    """The share of the largest class among the samples drawn in an order, and the first sample of it."""
    drawn = [int(classes[i]) for i in order]
    votes = [drawn.count(label) if label >= 0 else 0 for label in drawn]
    return max(votes) / len(order), order[votes.index(max(votes))]


def test_the_expectation_runs_over_the_carried_plans_where_all_were_recorded(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    small, large = pair(endpoint, tmp_path)
    method = cope.methods.COPE(small, large, k=3)
    recording = cope.record(method, PROBLEMS, carry="all", store=tmp_path / "s", progress=False)
    swept = recording.sweep(k=[2, 3], tau1=["0.5", "0.9"], tau2=["0.5"], estimator="subsets")
    first, second, last = (recording.arrays(stage) for stage in range(3))
    for row, k in enumerate((2, 3)):
        orders = list(itertools.permutations(range(3), k))
        for column, tau in enumerate((0.5, 0.9)):
            mean = 0.0
            for p in range(len(PROBLEMS)):
                for order in orders:
                    share, best = vote(first.classes[p, 0], order)
                    if share > tau:
                        mean += first.correct[p, 0, best] / len(orders)
                        continue
                    for inner in orders:
                        share, later = vote(second.classes[p, best], inner)
                        right = second.correct[p, best, later] if share > 0.5 else last.correct[p, 0, 0]
                        mean += right / len(orders) ** 2
            np.testing.assert_allclose(swept.correct[row, column, 0], mean, atol=1e-12)
    given = recording.sweep(k=[2, 3], tau1=["0.5"], tau2=["0.5"], estimator="subsets", conditional=True)
    assert "given the plans carried in sampling order" in " ".join(repr(given).split())
    assert not np.array_equal(given.correct, swept.correct[:, :1])


def test_programs_are_swept_by_the_tests_that_score_them(endpoint: Endpoint, tmp_path: Path) -> None:
    problems = cope.datasets.tiny_functions(4, seed=0)
    right = {problem.question: problem.answer for problem in problems}

    def reply(request: dict[str, Any]) -> tuple[int, bytes]:
        question = next(each for each in right if each in request["messages"][-1]["content"])
        body = right[question] if request["seed"] % 3 else "def f(x):\n    return 'wrong'"
        return 200, json.dumps(completion(f"```python\n{body}\n```")).encode()

    endpoint.reply = reply
    model = endpoint.model(price="free", prompts="embedded")
    method = cope.methods.COPE(model, model, k=3, gate="passed")
    recording = cope.record(method, problems, k=[1, 2, 3], task="code", store=tmp_path / "s", progress=False)
    swept = recording.sweep()
    assert list(swept.axes) == ["k"]
    for k in (1, 2, 3):
        run = recording.replay(k=k, early_stop=False)
        here = swept.at(k=k)
        assert here.stage is not None
        assert here.stage.tolist() == [row["stage"] for row in run.rows]
        assert here.correct.tolist() == [row["correct"] is True for row in run.rows]
    assert 0 < recording.arrays(0).correct.mean() < 1


def test_problems_with_tests_and_no_answer_are_graded_everywhere_alike(endpoint: Endpoint, tmp_path: Path) -> None:
    problems = [
        cope.Problem(
            f"p{i}",
            f"Write f for {i}.",
            None,
            {"level": i % 2, "visible_tests": ["assert f() == 1"], "hidden_tests": []},
        )
        for i in range(4)
    ]

    def reply(request: dict[str, Any]) -> tuple[int, bytes]:
        text = (
            "no program" if "for 2." in request["messages"][-1]["content"] else "```python\ndef f():\n    return 1\n```"
        )
        return 200, json.dumps(completion(text)).encode()

    endpoint.reply = reply
    model = endpoint.model(price="free", prompts="embedded")
    method = cope.methods.SmallMajority(model, k=2)
    recording = cope.record(method, problems, k=[1, 2], task="code", store=tmp_path / "s", progress=False)
    run = recording.replay(k=2)
    assert (run.accuracy, run.counts.unscored_with_gold) == (0.75, 1)
    assert recording.sweep(k=2).accuracy.item() == 0.75
    table = repr(cope.reports.difficulty(run, by="level"))
    assert "100.0 %" in table
    assert "50.0 %" in table
    other = cope.record(method.renamed("again"), problems, k=[2], task="code", store=tmp_path / "t", progress=False)
    assert "4 problems" in repr(cope.compare(run, other.replay()))


def test_problems_whose_requests_failed_are_refused_or_left_out(endpoint: Endpoint, tmp_path: Path) -> None:
    small, large = pair(endpoint, tmp_path)
    usual = endpoint.reply
    endpoint.reply = lambda request: (
        (400, b'{"error": {"message": "no"}}')
        if "Solve. What is 2 + 1? Goal: plan 1" in request["messages"][-1]["content"]
        else usual(request)
    )
    method = cope.methods.COPE(small, large, k=5)
    recording = cope.record(method, PROBLEMS, k=[5], store=tmp_path / "store", progress=False)
    with pytest.raises(cope.DataError, match="requests failed for 1 problem"):
        recording.sweep()
    swept = recording.sweep(incomplete="drop")
    assert swept.problems == ("p0", "p1", "p3", "p4", "p5")
    assert "Left out: 1 problem ('p2'): not all samples are recorded" in " ".join(repr(swept).split())
