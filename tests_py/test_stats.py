"""cope.stats against oracles that share no code with it: closed forms, exact enumeration, scipy.stats.bootstrap."""

from __future__ import annotations

import itertools
import math
import statistics
import tracemalloc
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from cope import stats
from cope.stats import Interval, clopper_pearson, holm, mcnemar, paired_bootstrap, resample, weights, wilson


def wilson_closed_form(successes: int, n: int, confidence: float) -> tuple[float, float]:
    z = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return centre - half, centre + half


@settings(deadline=None)
@given(
    st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.sampled_from([0.5, 0.9, 0.95, 0.99]),
)
def test_wilson_equals_its_closed_form(counts: tuple[int, int], confidence: float) -> None:
    interval = wilson(*counts, confidence)
    low, high = wilson_closed_form(*counts, confidence)
    assert interval.low == pytest.approx(max(low, 0), abs=1e-9)
    assert interval.high == pytest.approx(min(high, 1), abs=1e-9)
    assert counts[0] / counts[1] in Interval(interval.low - 1e-12, interval.high + 1e-12)


def test_wilson_equals_a_published_value() -> None:
    # Newcombe, Statistics in Medicine 17 (1998) 857-872, table I: 81 of 263 and 15 of 148, method 3.
    assert wilson(81, 263).low == pytest.approx(0.2553, abs=5e-5)
    assert wilson(81, 263).high == pytest.approx(0.3662, abs=5e-5)
    assert wilson(15, 148).low == pytest.approx(0.0624, abs=5e-5)
    assert wilson(15, 148).high == pytest.approx(0.1605, abs=5e-5)


def test_wilson_of_nothing_says_that_nothing_is_known() -> None:
    assert wilson(0, 0) == Interval(0.0, 1.0)


def test_wilson_takes_numpy_integers() -> None:
    assert wilson(np.int64(3), np.int64(7)) == wilson(3, 7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [((-1, 3), "successes"), ((4, 3), "successes"), ((0, -1), "successes"), ((1, 2, 0.0), "confidence"), ((1, 2, 1.0), "confidence"),
     ((1, 2, math.nan), "confidence"), ((1.5, 3), "successes"), ((1, "3"), "n:")],
)  # fmt: skip
def test_wilson_refuses(arguments: tuple[int, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        wilson(*arguments)


def test_bootstrap_of_few_problems_matches_the_enumeration_of_all_resamples() -> None:
    values = np.array([0.0, 1.0, 3.0, 7.0])
    exact = np.array([np.mean(picked) for picked in itertools.product(values, repeat=4)])
    result = paired_bootstrap([values], confidence=0.9, resamples=40_000)
    low, high = np.quantile(exact, [0.05, 0.95])
    [mean] = result.means
    assert mean.value == values.mean()
    assert mean.interval.low == pytest.approx(low, abs=0.26)  # one step of the lattice of means
    assert mean.interval.high == pytest.approx(high, abs=0.26)


def test_bootstrap_matches_scipys() -> None:
    rng = np.random.default_rng(5)
    right = (rng.random((3, 200)) < np.array([[0.6], [0.7], [0.9]])).astype(float)
    ours = paired_bootstrap(right, names=("a", "b", "c"), reference="c", resamples=20_000, seed=1)
    for row, name in enumerate("ab"):
        theirs = scipy.stats.bootstrap(
            (right[row], right[2]), lambda x, y, axis=-1: np.mean(x, axis=axis) - np.mean(y, axis=axis), paired=True, vectorized=True,
            method="percentile", n_resamples=20_000, rng=np.random.default_rng(2), batch=1000,
        ).confidence_interval  # fmt: skip
        estimate = ours.difference(name)
        assert estimate.value == pytest.approx(right[row].mean() - right[2].mean())
        assert estimate.interval.low == pytest.approx(theirs.low, abs=0.006)
        assert estimate.interval.high == pytest.approx(theirs.high, abs=0.006)
        single = scipy.stats.bootstrap(
            (right[row],), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(3), batch=1000
        ).confidence_interval
        assert ours.mean(name).interval.low == pytest.approx(single.low, abs=0.006)
        assert ours.mean(name).interval.high == pytest.approx(single.high, abs=0.006)


def test_pairing_makes_a_constant_difference_certain() -> None:
    base = np.random.default_rng(0).normal(size=50) * 100
    result = paired_bootstrap([base, base + 2], names=("x", "y"), reference="x", resamples=500)
    estimate = result.difference("y")
    assert (estimate.value, estimate.interval.low, estimate.interval.high) == pytest.approx((2, 2, 2))
    assert result.difference("x").interval == Interval(0.0, 0.0)


def test_the_seed_alone_sets_the_result_whatever_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random((2, 31))
    whole = paired_bootstrap(values, resamples=301, seed=7)
    monkeypatch.setattr(stats, "CHUNK_BYTES", 31 * 8 * 7)
    parts = paired_bootstrap(values, resamples=301, seed=7)
    other = paired_bootstrap(values, resamples=301, seed=8)
    assert whole == parts
    assert whole != other


def test_memory_stays_bounded() -> None:
    values = np.ones((2, 200_000))
    tracemalloc.start()
    try:
        paired_bootstrap(values, resamples=60)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Unchunked: 60 x 200,000 x 8 bytes = 96 MB for the picks alone, and as much again for the values.
    assert peak < 3 * stats.CHUNK_BYTES


def test_an_ungraded_problem_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match=r"problem 2 of method 'Large' is nan \(1 such in all\): it was not graded"):
        paired_bootstrap([[1.0, 0.0, 1.0], [1.0, 1.0, math.nan]], names=("Small", "Large"))


@pytest.mark.parametrize(
    ("values", "options", "named"),
    [([1, 0], {}, "shape"), ([[]], {}, "shape"), (np.empty((0, 3)), {}, "shape"), ([[1]], {"names": ("a", "b")}, "names"),
     ([[1], [2]], {"names": ("a", "a")}, "names"), ([[1]], {"reference": "b"}, "reference"), ([[1]], {"resamples": 0}, "resamples"),
     ([[1]], {"resamples": 1.5}, "resamples"), ([[1]], {"confidence": 95}, "confidence"), ([[math.inf]], {}, "inf")],
)  # fmt: skip
def test_bootstrap_refuses(values: Any, options: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        paired_bootstrap(values, **options)  # type: ignore[arg-type]


def test_asking_for_an_unknown_method_or_reference_names_what_there_is() -> None:
    result = paired_bootstrap([[1], [0]], names=("a", "b"))
    with pytest.raises(KeyError, match="there are 'a', 'b'"):
        result.mean("c")
    with pytest.raises(KeyError, match="no reference"):
        result.difference("a")


@settings(deadline=None)
@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_clopper_pearson_equals_the_quantiles_of_beta(counts: tuple[int, int]) -> None:
    x, n = counts
    interval = clopper_pearson(x, n, 0.9)
    assert interval.low == pytest.approx(scipy.stats.beta.ppf(0.05, x, n - x + 1) if x else 0.0, abs=1e-9)
    assert interval.high == pytest.approx(scipy.stats.beta.ppf(0.95, x + 1, n - x) if x < n else 1.0, abs=1e-9)


def test_clopper_pearson_covers_for_every_true_share() -> None:
    # Wilson's does not: the exact interval is the one to show beside a promise.
    for p in np.linspace(0.01, 0.99, 25):
        intervals = [clopper_pearson(x, 20, 0.9) for x in range(21)]
        covered = sum(scipy.stats.binom.pmf(x, 20, p) for x in range(21) if p in intervals[x])
        assert covered >= 0.9


def test_mcnemar_is_the_enumeration_of_the_discordant_pairs() -> None:
    first, second = [1] * 9 + [0] * 3 + [1] * 50 + [0] * 20, [0] * 9 + [1] * 3 + [1] * 50 + [0] * 20
    result = mcnemar(first, second)
    outcomes = [abs(sum(signs) - 6) >= 3 for signs in itertools.product((0, 1), repeat=12)]
    assert (result.only_first, result.only_second) == (9, 3)
    assert result.p_value == pytest.approx(sum(outcomes) / len(outcomes))
    assert mcnemar([1, 0], [1, 0]).p_value == 1.0


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [([1, 0], [1], "shape"), ([], [], "shape"), ([[1]], [[1]], "shape"), ([1, 2], [0, 1], "first: .*got 2"), ([1, 1], [0, math.nan], "second: .*nan")],
)  # fmt: skip
def test_mcnemar_refuses(first: list[float], second: list[float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        mcnemar(first, second)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_rejects_what_its_steps_reject(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for level in (0.01, 0.1, 0.5):
        rejected = set()
        for step, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
            if p_values[index] * (len(p_values) - step) > level:
                break
            rejected.add(index)
        assert set(np.flatnonzero(adjusted <= level)) == rejected


def test_holm_refuses_what_is_no_p_value() -> None:
    for bad in ([0.5, 1.1], [math.nan], [[0.1]]):
        with pytest.raises(ValueError, match="p_values"):
            holm(bad)


def test_seeds_are_a_second_level_below_problems() -> None:
    # Two problems, two seeds: all ways of drawing two problems and for each two of its seeds.
    values = np.array([[0.0, 4.0], [1.0, 9.0]])  # (seeds, problems)
    exact = [
        np.mean([values[s, p] for p, pair in zip(problems, seeds, strict=True) for s in pair])
        for problems in itertools.product((0, 1), repeat=2)
        for seeds in itertools.product(itertools.product((0, 1), repeat=2), repeat=2)
    ]
    ours = paired_bootstrap([values], resamples=60_000, confidence=0.8)
    assert ours.seeds == 2
    assert ours.means[0].value == values.mean()
    grid = resample(*values[:, :, np.newaxis], resamples=60_000, seed=3)
    for drawn in (grid.drawn[:, 0],):
        assert drawn.mean() == pytest.approx(np.mean(exact), abs=0.03)
        assert drawn.std() == pytest.approx(np.std(exact), rel=0.02)
    low, high = np.quantile(exact, [0.1, 0.9])
    assert (ours.means[0].interval.low, ours.means[0].interval.high) == pytest.approx((low, high), abs=0.3)


def test_differences_pair_seeds_too() -> None:
    base = np.random.default_rng(0).normal(size=(3, 40))
    result = paired_bootstrap([base, base + 1], names=("x", "y"), reference="x", resamples=300)
    estimate = result.difference("y")
    assert (estimate.value, estimate.interval.low, estimate.interval.high) == pytest.approx((1, 1, 1))


def test_simultaneous_intervals_are_wider_and_hold_together() -> None:
    rng = np.random.default_rng(1)
    covered_all = covered_each = 0
    for trial in range(200):
        values = rng.normal(size=(7, 60))
        result = paired_bootstrap(values, reference="0", resamples=400, seed=trial)
        both = list(zip(result.differences[1:], result.simultaneous[1:], strict=True))
        assert all(wide.low <= each.interval.low and each.interval.high <= wide.high for each, wide in both[:1])
        covered_all += all(0.0 in wide for _, wide in both)
        covered_each += all(0.0 in each.interval for each, _ in both)
    assert covered_all >= 180  # 95 % of 200 is 190; P(fewer than 180 of 200) is below 1e-3
    assert covered_each < covered_all - 10


def test_weights_are_rows_of_resampled_sets() -> None:
    drawn = weights(30, 500, seed=4)
    assert drawn.shape == (500, 30)
    np.testing.assert_allclose(drawn.sum(axis=1), 1.0)
    np.testing.assert_allclose((drawn * 30).round(), drawn * 30, atol=1e-9)
    assert (drawn.mean(axis=0) * 30).std() < 0.1
    assert weights(30, 2, seeds=3).shape == (2, 90)


def test_a_grid_resampled_is_each_point_resampled() -> None:
    values = np.random.default_rng(0).random((50, 3, 2))
    grid = resample(values, resamples=20, seed=9)
    rows = weights(50, 20, seed=9)
    np.testing.assert_allclose(grid.drawn[:, 2, 1], rows @ values[:, 2, 1])
    np.testing.assert_allclose(grid.value, values.mean(axis=0))
    low, high = grid.interval(0.9)
    assert low.shape == (3, 2)
    wide_low, wide_high = grid.band(0.9)
    assert (wide_low < grid.value).all()
    assert ((wide_high - wide_low) > (high - low)).mean() > 0.8


def test_a_grid_in_small_blocks_has_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random((2, 20, 4))
    whole = resample(*values, resamples=31, seed=7)
    monkeypatch.setattr(stats, "CHUNK_BYTES", 2000)
    # The same draws; a matrix product of other shape may round its sums otherwise.
    np.testing.assert_allclose(whole.drawn, resample(*values, resamples=31, seed=7).drawn, rtol=1e-14)


def test_points_that_never_vary_have_a_band_of_no_width() -> None:
    low, high = resample(np.ones((9, 3))).band()
    assert low.tolist() == high.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [((), "shape"), (([],), "shape"), (([[1, 2]], [[1]]), "shape"), ((3.0,), "shape"), (([[1.0, math.nan]],), "problem 0 at point 1 is nan")],
)  # fmt: skip
def test_resample_refuses(arguments: tuple[Any, ...], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        resample(*arguments)


@pytest.mark.parametrize("options", [{"problems": 0}, {"resamples": 0}, {"seeds": 0}, {"problems": 1.5}])
def test_weights_refuses(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        weights(**{"problems": 3, "resamples": 3, **options})
