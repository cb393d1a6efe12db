"""cope.plots: what is drawn is what the sweep, the recording and the runs say; labels carry units and n; matplotlib warns of nothing."""

from __future__ import annotations

import builtins
import io
import itertools
import json
import random
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import matplotlib
import numpy as np
import pytest

import cope
from cope import plots, reports
from cope.errors import ConfigError, DataError, Error
from cope.stats import wilson

from .conftest import Endpoint, completion

matplotlib.use("Agg")
import matplotlib.pyplot as plt

COUNT = 24


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[cope.Recording, cope.Run, cope.Run]]:
    """A recording and two runs, of a server whose small model errs the more the harder a problem is."""
    server = Endpoint()

    def reply(request: dict[str, Any]) -> tuple[int, bytes]:
        text = json.dumps(request["messages"])
        i = int(re.findall(r"What is (\d+)", text)[-1])
        rng = random.Random(f"{text} {request.get('seed')} {request['model']}")
        chance = 0.97 if request["model"] == "l" else 1 - 0.25 * (i % 4)
        answers = [i + 1 if rng.random() < chance else i + rng.choice((2, 2, 3)) for _ in range(request.get("n", 1))]
        return 200, json.dumps(completion(*(f"\\boxed{{{answer}}}" for answer in answers))).encode()

    server.reply = reply
    small = (
        server.model(stable_name="s").renamed("s")
        if hasattr(cope.Model, "renamed")
        else cope.Model("s", base_url=server.url, kind="generic", max_retries=0)
    )
    large = cope.Model("l", base_url=server.url, kind="generic", max_retries=0, price=cope.Price("1", "2"))
    problems = [
        {"id": f"p{i}", "question": f"What is {i} + 1?", "answer": str(i + 1), "level": 1 + i % 4} for i in range(COUNT)
    ]
    store = tmp_path_factory.mktemp("plots")
    method = cope.methods.COPE(small, large, k=4, stage1_plan="none")
    try:
        recording = cope.record(method, problems, k=[1, 2, 4], store=store / "r", progress=False, check=False)
        runs = [cope.run(each, problems, progress=False, check=False) for each in (method, cope.methods.Large(large))]
        yield recording, runs[0], runs[1]
    finally:
        server.close()


@pytest.fixture(scope="module")
def sweep(made: tuple[cope.Recording, cope.Run, cope.Run]) -> Any:
    return made[0].sweep(k=[1, 2, 4], tau1=["1/4", "1/2", "3/4"], tau2=["1/4", "1/2"])


def drawn(ax: Any) -> tuple[str, str, str]:
    """Draws in print quality, without a warning; returns the title and the labels."""
    ax.figure.savefig(io.BytesIO(), format="png", dpi=300)
    ax.figure.savefig(io.BytesIO(), format="pdf")
    return ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()


def test_the_frontier_shows_every_point_the_front_and_the_runs(made: Any, sweep: Any) -> None:
    _, run, large = made
    ax = plots.frontier(sweep, run, large, resamples=200)
    assert drawn(ax) == (
        f"Cost and accuracy, n = {COUNT} problems",
        "Cost (USD per million problems)",
        "Accuracy (%)\n95 % intervals: bootstrap, Wilson for runs",
    )
    everything = ax.lines[0]
    assert sorted(everything.get_xdata()) == pytest.approx(sorted(sweep.cost_usd_per_million.ravel()))
    assert sorted(everything.get_ydata()) == pytest.approx(sorted(100 * sweep.accuracy.ravel()))
    front = sweep.front(resamples=200)
    bars = {bar.get_label(): bar for bar in ax.containers}
    assert list(bars["Pareto front"].lines[0].get_xdata()) == pytest.approx(front.cost.tolist())
    assert bars["Large"].lines[0].get_ydata() == pytest.approx([100 * large.accuracy])
    assert bars["Large"].lines[0].get_xdata() == pytest.approx([large.cost.usd_per_million])
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert set(labels) == {
        "COPE: all points (cost of all samples)",
        "95 % band of the front",
        "Pareto front",
        "COPE (cost with early stopping)",
        "Large",
    }


def test_the_frontier_says_which_samples_are_paid_for_and_which_intervals_are_drawn(made: Any, sweep: Any) -> None:
    recording = made[0]
    runs = plots.frontier(recording.replay(), recording.replay(early_stop=False))
    assert runs.get_ylabel() == "Accuracy (%)\n95 % intervals: Wilson"
    labels = [text.get_text() for text in runs.get_legend().get_texts()]
    assert labels == ["COPE (cost with early stopping)", "COPE, no early stopping (cost of all samples)"]
    alone = plots.frontier(sweep, confidence=0.9, resamples=50)
    assert alone.get_ylabel() == "Accuracy (%)\n90 % intervals: bootstrap"


def test_the_frontier_refuses_runs_over_other_problems(made: Any, sweep: Any) -> None:
    large = large_model(made[2])
    problems: list[dict[str, Any]] = [
        {"id": f"p{i}", "question": f"What is {i} + 1?", "answer": str(i + 1)} for i in range(COUNT + 1)
    ]

    def run_over(part: list[dict[str, Any]]) -> cope.Run:
        return cope.run(cope.methods.Large(large), part, progress=False, check=False)

    with pytest.raises(
        ConfigError, match=r"'Large' has 23 problems .* 'COPE' 24; the first that only the sweep has is 'p5'"
    ):
        plots.frontier(sweep, run_over([each for each in problems[:COUNT] if each["id"] != "p5"]))
    with pytest.raises(
        ConfigError, match=r"'Large' has 25 problems .* 'COPE' 24; the first that only the run has is 'p24'"
    ):
        plots.frontier(sweep, run_over(problems))
    with pytest.raises(ConfigError, match="the runs are over different problem sets"):
        plots.frontier(made[1], run_over(problems))
    # Problems without a gold answer are in no sweep; a run may have them beside.
    ungraded = run_over([*problems[:COUNT], {"id": "open", "question": "What is 99 + 1?", "answer": None}])
    ax = plots.frontier(sweep, ungraded, resamples=20)
    costs = [row["ideal_pusd"] for row in ungraded.rows if row["problem_id"] != "open"]
    point = next(bars for bars in ax.containers if bars.get_label() == "Large").lines[0]
    assert point.get_xdata() == pytest.approx([np.mean(costs) / 1e6])


def labels_along(axis: Any) -> list[Any]:
    """The tick labels of a drawn axis that are not empty."""
    axis.figure.draw_without_rendering()
    return [label for label in axis.get_ticklabels() if label.get_text()]


@pytest.mark.parametrize("count", [3, 12, 30, 33, 101])
def test_labels_of_fine_axes_do_not_overlap(made: Any, count: int) -> None:
    fine = [Fraction(i, count - 1) for i in range(count)]
    swept = made[0].sweep(k=4, tau1=fine, tau2=fine)
    for ax, axis in (
        (plots.heat_map(swept), "x"),
        (plots.heat_map(swept), "y"),
        (plots.stage_shares(swept, along="tau1", tau2=1), "x"),
    ):
        labels = labels_along(getattr(ax, f"{axis}axis"))
        places = [label.get_position()["xy".index(axis)] for label in labels]
        assert [label.get_text() for label in labels] == [cope.tables.axis_value(fine[int(place)]) for place in places]
        assert len(set(np.diff(places))) == 1
        boxes = sorted(
            (getattr(label.get_window_extent(), f"interval{axis}") for label in labels), key=lambda box: box[0]
        )
        assert all(before[1] < after[0] for before, after in itertools.pairwise(boxes))
        assert len(labels) >= 3
        assert places[-1] == count - 1 or count in (12, 30)  # 11 and 29 are prime: no even steps end there


def test_a_heat_map_holds_the_figures_of_the_grid(sweep: Any) -> None:
    ax = plots.heat_map(sweep, k=4)
    title, x, y = drawn(ax)
    assert title.endswith(f"k = 4, n = {COUNT} problems")
    assert (x, y) == ("Threshold of stage 2", "Threshold of stage 1")
    np.testing.assert_allclose(ax.images[0].get_array(), 100 * sweep.accuracy[2])
    assert ax.images[0].cmap.name == "cividis"
    assert [text.get_text() for text in ax.texts] == [f"{100 * value:.1f}" for value in sweep.accuracy[2].ravel()]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0.25", "0.5", "0.75"]
    assert ax.figure.axes[-1].get_ylabel() == "Accuracy (%)"
    turned = plots.heat_map(sweep, of="cost", x="tau1", y="tau2", k=4)
    np.testing.assert_allclose(turned.images[0].get_array(), sweep.cost_usd_per_million[2].T)
    assert turned.figure.axes[-1].get_ylabel() == "Cost (USD per million problems)"


def test_accuracy_by_k_has_a_line_for_each_value_of_one_axis(sweep: Any) -> None:
    ax = plots.accuracy_by_k(sweep, tau1=0.75, resamples=200)
    title, x, y = drawn(ax)
    assert title.endswith(f"tau1 = 0.75, n = {COUNT} problems")
    assert (x, y) == ("Samples k", "Accuracy (%), 95 % intervals")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["tau2 = 0.25", "tau2 = 0.5"]
    np.testing.assert_allclose(ax.containers[1].lines[0].get_ydata(), 100 * sweep.accuracy[:, 2, 1])
    low, high = sweep.bootstrap(200, 0).accuracy.interval(0.95)
    segments = np.array(ax.containers[1].lines[2][0].get_segments())
    np.testing.assert_allclose(segments[:, :, 1], 100 * np.stack([low[:, 2, 1], high[:, 2, 1]], axis=1))


def test_stage_shares_add_up_to_all_problems(made: Any, sweep: Any) -> None:
    ax = plots.stage_shares(sweep, along="tau1", k=4, tau2=0.5)
    title, x, y = drawn(ax)
    assert title.endswith(f"k = 4, tau2 = 0.5, n = {COUNT} problems")
    assert (x, y) == ("Threshold of stage 1", "Share of problems (%)")
    heights = np.array([[bar.get_height() for bar in bars] for bars in ax.containers])
    np.testing.assert_allclose(heights.T, 100 * sweep.shares[2, :, 1])
    np.testing.assert_allclose(heights.sum(axis=0), 100)
    of_runs = plots.stage_shares(*made[1:])
    assert drawn(of_runs)[1] == "Method"
    assert [bar.get_height() for bar in of_runs.containers[0]][1] == 100  # Large has one stage
    hatches = {bars[0].get_hatch() for bars in of_runs.containers}
    assert len(hatches) == 3  # told apart without colours


def test_calibration_counts_votes_by_hand(made: Any) -> None:
    recording = made[0]
    ax = plots.calibration(recording, k=4)
    title, x, y = drawn(ax)
    assert f"n = {COUNT} problems" in title
    assert (x, y) == ("Consensus: the majority's share of k = 4 votes (%)", "Accuracy; share of problems (%)")
    arrays = recording.arrays(0)
    by_level: dict[int, list[bool]] = {}
    for classes, right in zip(arrays.classes[:, 0].tolist(), arrays.correct[:, 0].tolist(), strict=True):
        best = max(dict.fromkeys(classes), key=classes.count)
        by_level.setdefault(classes.count(best), []).append(bool(right[classes.index(best)]))
    levels = sorted(by_level)
    line = next(bars for bars in ax.containers if "Accuracy" in bars.get_label()).lines[0]
    np.testing.assert_allclose(line.get_xdata(), [25 * level for level in levels])
    np.testing.assert_allclose(line.get_ydata(), [100 * np.mean(by_level[level]) for level in levels])
    assert [text.get_text() for text in ax.texts] == [str(len(by_level[level])) for level in levels]
    with pytest.raises(ConfigError, match="expected 1 to 4"):
        plots.calibration(recording, k=5)


def test_difficulty_has_a_bar_for_each_method_and_group(made: Any) -> None:
    _, run, large = made
    ax = plots.difficulty(run, large, groups={"1-2": (1, 2), "3-4": (3, 4)})
    title, x, y = drawn(ax)
    assert (title, x, y) == (f"Accuracy by level, n = {COUNT} problems", "Level", "Accuracy (%), 95 % intervals")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1-2\nn = 12", "3-4\nn = 12"]
    bars = [container for container in ax.containers if hasattr(container, "patches")]
    rows = {row["id"]: row for row in run.to_dicts()}
    easy = [bool(row["correct"]) for row in rows.values() if row["meta"]["level"] <= 2]
    assert bars[0].patches[0].get_height() == pytest.approx(100 * np.mean(easy))


def test_plots_draw_into_axes_that_are_given(sweep: Any) -> None:
    figure, (left, right) = plt.subplots(1, 2)
    assert plots.heat_map(sweep, k=1, ax=left) is left
    assert plots.accuracy_by_k(sweep, tau1=0.5, tau2=0.5, resamples=20, ax=right) is right
    assert len(figure.axes) == 3  # and a colour bar


def test_what_cannot_be_drawn_says_what_to_set(made: Any, sweep: Any) -> None:
    _, run, _ = made
    cases: list[tuple[Any, str]] = [
        (lambda: plots.frontier(), "at least one"), (lambda: plots.frontier("x"), "got str"), (lambda: plots.frontier(sweep, sweep), "at most one sweep"),
        (lambda: plots.heat_map(sweep), "k: expected one of 1, 2, 4"), (lambda: plots.heat_map(sweep, k=3), "3 is not in the sweep"),
        (lambda: plots.heat_map(sweep, of="time", k=1), "of: expected"), (lambda: plots.heat_map(sweep, x="tau3", k=1), "no axis 'tau3'"),
        (lambda: plots.heat_map(sweep, x="tau1", k=1), "two different axes"), (lambda: plots.heat_map(sweep, tau1=0.5, k=1), "tau1 is an axis of the plot"),
        (lambda: plots.accuracy_by_k(sweep), "set all but one of tau1, tau2"), (lambda: plots.stage_shares(sweep, run), "one sweep, or runs alone"),
        (lambda: plots.stage_shares(run, tau1=0.5), "tau1 is a setting of a sweep"), (lambda: plots.calibration(run), "expected cope.Recording"),
        (lambda: plots.difficulty(run, by="topic"), "no 'topic' in its meta"),
    ]  # fmt: skip
    for call, named in cases:
        with pytest.raises(ConfigError, match=re.escape(named)):
            call()


def test_without_matplotlib_the_error_names_the_extra(sweep: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Error, match=r"cope-llm\[plots\]"):
        plots.heat_map(sweep, k=1)


# --- tables and choices of a sweep ------------------------------------------------------------------------------------


def test_the_effect_of_k_in_a_sweep_is_that_of_its_points(sweep: Any) -> None:
    table = reports.effect_of_k(sweep, tau1=0.75, tau2=0.5)
    assert [row[0] for row in table.rows] == ["1", "2", "4"]
    point = sweep.at(k=4, tau1=0.75, tau2=0.5)
    accepted = point.stage < 2
    right = int(point.correct[accepted].sum())
    assert table.rows[2][2] == cope.tables.percent(right / accepted.sum(), wilson(right, int(accepted.sum())))
    assert table.rows[2][3] == str(accepted.sum())
    assert "tau1 = 0.75, tau2 = 0.5; estimator order" in table.caption


def test_thresholds_of_a_sweep_are_its_points(sweep: Any) -> None:
    table = reports.thresholds(sweep, k=4)
    assert len(table.rows) == 6
    point = sweep.at(k=4, tau1=0.75, tau2=0.25)
    row = next(row for row in table.rows if row[:2] == ("> 0.75", "> 0.25"))
    assert row[2:5] == tuple(str((point.stage == stage).sum()) for stage in range(3))
    with pytest.raises(ConfigError, match="k: expected one of"):
        reports.thresholds(sweep)
    with pytest.raises(ConfigError, match="runs, or one sweep alone"):
        reports.thresholds(sweep, sweep)


def test_choosing_tests_points_that_decide_alike_once(made: Any) -> None:
    fine = made[0].sweep(k=4, tau1=[Fraction(i, 100) for i in range(100)], tau2=0.5)
    choice = fine.choose(max_error=0.6, confidence=0.9)
    assert choice.certificate is not None
    assert choice.certificate.tested == 4  # more than 0, 1, 2 or 3 of 4 votes; one vote is always there
    assert choice.settings is not None
    point = fine.at(**choice.settings)
    accepted = point.stage < 2
    assert choice.risk[choice.point] == pytest.approx(1 - point.correct[accepted].mean())
    assert choice.cost[choice.point] == pytest.approx(point.cost_usd_per_million)
    assert "USD per million problems" in [column.name for column in choice.table().columns]


def test_the_loss_is_against_the_last_stage_or_a_run(made: Any, sweep: Any) -> None:
    large = made[2]
    own = sweep.choose(max_error=0.5, risk="loss against large")
    other = sweep.choose(max_error=0.5, risk="loss against large", reference=large)
    assert own.point is not None
    right = {row["problem_id"]: bool(row["correct"]) for row in large.rows}
    mean = np.mean([right[problem] for problem in sweep.problems])
    np.testing.assert_allclose(other.risk, mean - other.accuracy)
    subset = cope.run(
        cope.methods.Large(large_model(large)),
        [{"id": "p0", "question": "What is 0 + 1?", "answer": "1"}],
        progress=False,
        check=False,
    )
    with pytest.raises(DataError, match="no outcome for 23 of the sweep's problems"):
        sweep.choose(max_error=0.5, risk="loss against large", reference=subset)


def large_model(run: cope.Run) -> cope.Model:
    """The model of a run of one model."""
    entry = run.manifest["models"][0]
    return cope.Model(
        entry["model"], base_url=entry["base_url"], kind="generic", max_retries=0, price=cope.Price("1", "2")
    )


def test_expectations_are_refused_where_outcomes_are_needed(made: Any) -> None:
    expected = made[0].sweep(k=[1, 2], tau1=[0.5], tau2=[0.5], estimator="subsets")
    with pytest.raises(ConfigError, match='estimator="order"'):
        expected.choose(max_error=0.3)
    with pytest.raises(ConfigError, match='estimator="order"'):
        reports.effect_of_k(expected)
    assert "Expectations." in reports.thresholds(expected, k=2).caption


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the kernel's own
def test_every_plot_of_a_notebook_is_shown() -> None:
    # matplotlib_inline turns interactive with the first figure; a style that is left undoes it, and later figures are lost.
    import nbformat
    from nbclient import NotebookClient

    draw = "from cope._drawing import new_axes\nwith new_axes(None) as ax:\n    ax.plot([1, 2])\n1"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(draw) for _ in range(3)])
    NotebookClient(notebook, kernel_name="python3", timeout=200).execute()
    for cell in notebook.cells:
        assert ["image/png" in output.get("data", {}) for output in cell.outputs].count(True) == 1
