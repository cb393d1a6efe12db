"""_core.sweep, estimator "subsets": the mean over all orders for small recordings, Monte Carlo for large ones, worked examples."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cope import _core

from .arrays import TAUS, gate, stage
from .oracle import expectation

GATES = {
    "votes of k": gate("consensus", ">", "k", TAUS),
    "at least, of k": gate("consensus", ">=", "k", TAUS),
    "votes of the answered": gate("consensus", ">", "answered", TAUS[1:5]),
    "at least, of the answered": gate("consensus", ">=", "answered", TAUS[1:5]),
    "agreement": gate("agreement"),
    "always": gate("always"),
}
PAIRS = [
    ("votes of k", "votes of k"), ("at least, of k", "votes of the answered"), ("at least, of the answered", "agreement"),
    ("agreement", "at least, of k"), ("agreement", "agreement"), ("votes of k", "always"),
]  # fmt: skip
SAMPLES = 5
K = np.array([1, 2, 3, 5], np.int32)


def three_stages(seed: int, first: str, second: str, *, carries: bool, problems: int = 3) -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)
    of = {"problems": problems, "samples": SAMPLES}
    stages = [
        stage(random, GATES[first], **of),  # type: ignore[arg-type]
        stage(random, GATES[second], variants=SAMPLES if carries else 1, **of),  # type: ignore[arg-type]
        stage(random, gate("consensus"), problems=problems, samples=2, uses_k=False),
    ]
    if carries:
        stages[1]["carries"] = 0
    return stages


@pytest.mark.parametrize("carries", [False, True], ids=["nothing carried", "carries plans"])
@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_point_is_the_mean_over_all_ordered_choices(seed: int, first: str, second: str, carries: bool) -> None:
    stages = three_stages(seed, first, second, carries=carries)
    found = _core.sweep_problems(stages, K, estimator="subsets")  # type: ignore[arg-type]
    summed = _core.sweep(stages, K, estimator="subsets")  # type: ignore[arg-type]
    for p in range(3):
        for column, k in enumerate(K.tolist()):
            wanted = expectation(stages, p, k)
            shape = found["correct"].shape[2:]
            figures = np.array([[float(figure) for figure in each] for each in wanted.values()]).reshape(*shape, 6)
            for place, name in enumerate(("correct", "unscored", "cost_pusd")):
                np.testing.assert_allclose(found[name][p, column], figures[..., place], rtol=1e-12, atol=1e-13)  # type: ignore[literal-required]
            np.testing.assert_allclose(found["resolved"][p, column], figures[..., 3:], rtol=1e-12, atol=1e-13)
    for name in ("correct", "unscored", "cost_pusd", "resolved"):
        np.testing.assert_allclose(summed[name], found[name].sum(axis=0), rtol=1e-12, atol=1e-13)  # type: ignore[literal-required]


def test_a_tie_is_split_evenly_and_holds_a_threshold_exactly() -> None:
    # Two votes each: accepted at 1/2 by >= only, and right in half of the orders. With two of four: alike in 2 of 6 subsets.
    classes = np.array([[[0, 0, 1, 1]]], np.int32)
    last = np.full((1, 1, 1), -1, np.int32)

    def swept(comparison: str) -> _core.SweepGrid:
        voting = {"gate": gate("consensus", comparison, "k", [Fraction(1, 2)]), "classes": classes}
        ends = {"gate": gate("always"), "classes": last, "correct": np.zeros((1, 1, 1), np.uint8), "uses_k": False}
        stages = [{**voting, "correct": (classes == 0).astype(np.uint8)}, ends]
        return _core.sweep(stages, np.array([1, 2, 4], np.int32), estimator="subsets")  # type: ignore[arg-type]

    above, at_least = swept(">"), swept(">=")
    np.testing.assert_allclose(above["resolved"][:, 0, 0], [1, 1 / 3, 0], atol=1e-15)
    np.testing.assert_allclose(above["correct"][:, 0], [1 / 2, 1 / 6, 0], atol=1e-15)
    np.testing.assert_allclose(at_least["resolved"][:, 0, 0], [1, 1, 1], atol=1e-15)
    np.testing.assert_allclose(at_least["correct"][:, 0], [1 / 2, 1 / 2, 1 / 2], atol=1e-15)
    np.testing.assert_allclose(above["unscored"][:, 0], [0, 2 / 3, 1], atol=1e-15)


@pytest.mark.parametrize("estimator", ["order", "subsets"])
def test_resamples_are_weighted_sums_of_what_each_problem_comes_to(estimator: Any) -> None:
    stages = three_stages(3, "votes of k", "at least, of the answered", carries=False, problems=40)
    weights = np.random.default_rng(0).multinomial(40, np.full(40, 1 / 40), size=9).astype(np.float64)
    each = _core.sweep_problems(stages, K, estimator=estimator)  # type: ignore[arg-type]
    drawn = _core.sweep_bootstrap(stages, K, weights, estimator=estimator)  # type: ignore[arg-type]
    np.testing.assert_allclose(drawn["correct"], np.tensordot(weights, each["correct"].astype(float), 1), rtol=1e-12)
    np.testing.assert_allclose(
        drawn["cost_pusd"], np.tensordot(weights, each["cost_pusd"].astype(float), 1), rtol=1e-12
    )


# --- large recordings against Monte Carlo ---------------------------------------------------------------------------

LARGE, LARGE_K, LARGE_TAUS = 32, (4, 8, 16, 31), TAUS[1:6]
DRAWS, PROBLEMS = 4000, 24


def shuffled_votes(
    random: np.random.Generator, labels: NDArray[np.int32], classes: int, ks: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """One random order a row of labels [draws, N]: at each k votes and the first sample of the majority, [K, draws]; and the orders."""
    order = np.argsort(random.random(labels.shape), axis=1)
    drawn = np.take_along_axis(labels, order, axis=1)
    of_class = drawn[:, None, :] == np.arange(classes)[:, None]  # [draws, class, place]
    first = np.where(of_class.any(axis=2), of_class.argmax(axis=2), LARGE)
    votes, samples = [], []
    for k in ks:
        counts = of_class[:, :, :k].sum(axis=2)
        winner = (counts * (LARGE + 1) - first).argmax(axis=1)  # of the largest the one that is seen first
        most = np.take_along_axis(counts, winner[:, None], axis=1)[:, 0]
        place = np.take_along_axis(first, winner[:, None], axis=1)[:, 0]
        votes.append(most)
        samples.append(np.take_along_axis(order, np.where(most > 0, place, 0)[:, None], axis=1)[:, 0])
    return np.array(votes), np.array(samples), order


def drawn_totals(stages: list[dict[str, Any]], seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Right answers and cost over all problems, in `DRAWS` independent orders of all samples: [draws, K, T1, T2]."""
    random = np.random.default_rng(seed)
    shape = (DRAWS, len(LARGE_K), len(LARGE_TAUS), len(LARGE_TAUS))
    right, cost = np.zeros(shape), np.zeros(shape)
    limits = np.array([float(tau) for tau in LARGE_TAUS])
    rows = np.arange(DRAWS)
    one, two, three = stages
    for p in range(len(one["classes"])):
        votes, samples, order = shuffled_votes(random, np.tile(one["classes"][p, 0], (DRAWS, 1)), 4, LARGE_K)
        spent = np.cumsum(one["cost_pusd"][p, 0][order], axis=1)
        for column, k in enumerate(LARGE_K):
            carried = samples[column]
            accepted = votes[column][:, None] > limits * k
            later, answers, second_order = shuffled_votes(random, two["classes"][p, carried], 4, (k,))
            second = later[0][:, None] > limits * k
            good = two["correct"][p, carried, answers[0]]
            last = three["correct"][p, 0, 0]
            tail = np.where(second, good[:, None], last)[:, None, :]
            right[:, column] += np.where(accepted[:, :, None], one["correct"][p, 0, carried][:, None, None], tail)
            paid = two["once_pusd"][p, carried] + np.take_along_axis(
                two["cost_pusd"][p, carried], second_order[:, :k], axis=1
            ).sum(axis=1)
            end = three["once_pusd"][p, 0] + three["cost_pusd"][p, 0, 0]
            goes_on = paid[:, None, None] + np.where(second[:, None, :], 0, end)
            own = one["once_pusd"][p, 0] + spent[rows, k - 1]
            cost[:, column] += own[:, None, None] + np.where(accepted[:, :, None], 0, goes_on)
    return right, cost


def z_scores(drawn: NDArray[np.float64], value: NDArray[Any], scale: float) -> NDArray[np.float64]:
    """Of the figures that vary enough between draws for a normal error; the others, which hang on rare orders, must be close."""
    deviation = drawn.std(axis=0, ddof=1)
    off = drawn.mean(axis=0) - value
    varies = deviation > 0.2 * scale
    assert (abs(off[~varies]) < 0.02 * scale).all()  # > 6 of the largest standard errors that they can have
    return np.asarray(off[varies] / deviation[varies] * np.sqrt(len(drawn)))


@pytest.mark.parametrize("seed", [0, 1])
def test_large_recordings_agree_with_monte_carlo_within_four_standard_errors(seed: int) -> None:
    random = np.random.default_rng(seed)
    votes = gate("consensus", ">", "k", LARGE_TAUS)
    hard: dict[str, Any] = {"problems": PROBLEMS, "samples": LARGE, "classes": 4, "agreement": (1.0, 2.0)}
    stages = [
        stage(random, votes, **hard),
        {**stage(random, votes, variants=LARGE, **hard), "carries": 0},
        stage(random, gate("always"), problems=PROBLEMS, samples=1, uses_k=False),
    ]
    ks = np.array(LARGE_K, np.int32)
    exact = _core.sweep(stages, ks, estimator="subsets")  # type: ignore[arg-type]
    right, cost = drawn_totals(stages, 100 + seed)
    # 200 figures: were they independent, one beyond 4 standard errors would come in 1.3 % of seeds; these two are fixed.
    for drawn, name, scale in ((right, "correct", 1), (cost, "cost_pusd", 1000)):
        scores = z_scores(drawn, exact[name], scale)  # type: ignore[literal-required]
        assert len(scores) > 90
        assert abs(scores).max() < 4
    # And the comparison sees what differs: the recorded order alone is far from the mean over orders.
    given = {**stages[1], "variant": np.zeros((PROBLEMS, len(LARGE_K)), np.int32)}
    order = _core.sweep([stages[0], given, stages[2]], ks)  # type: ignore[list-item]
    error = right.std(axis=0, ddof=1) / np.sqrt(DRAWS)
    assert (abs(right.mean(axis=0) - order["correct"]) > 10 * error).any()
