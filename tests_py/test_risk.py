"""cope.risk: p-values that are valid, choices that keep their promise, and where the naive choice breaks it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

from cope.errors import ConfigError, DataError
from cope.risk import betting_p_values, binomial_p_values, choose, hoeffding_bentkus_p_values
from cope.stats import clopper_pearson

LEVELS = np.arange(1, 9)


def population(seed: int, size: int = 4000) -> tuple[Any, Any, Any, Any]:
    """A made-up recording: eight thresholds on the votes of eight samples, then a large model for what is not accepted."""
    rng = np.random.default_rng(seed)
    ability = rng.beta(0.8, 0.5, size)
    # Wrong answers agree, too: what makes votes misleading.
    answers = np.where(rng.random((size, 8)) < ability[:, np.newaxis], 0, 1 + rng.binomial(2, 0.15, (size, 8)))
    votes = (answers[:, :, np.newaxis] == np.arange(3)).sum(axis=1)
    large = rng.random(size) < 0.75 + 0.25 * ability
    accepted = votes.max(axis=1)[:, np.newaxis] >= LEVELS
    correct = np.where(accepted, (votes.argmax(axis=1) == 0)[:, np.newaxis], large[:, np.newaxis])
    return (~accepted) * 300.0, correct, accepted, large


@pytest.mark.parametrize("limit", [0.05, 0.2])
def test_binomial_p_values_are_valid_and_exact(limit: float) -> None:
    counts = np.arange(51)
    p_values = binomial_p_values(counts, np.full(51, 50), limit)
    chance = scipy.stats.binom.pmf(counts, 50, limit)
    for level in (0.01, 0.1, 0.5):
        assert chance[p_values <= level].sum() <= level
    assert p_values == pytest.approx(np.cumsum(chance))
    assert binomial_p_values(0, 0, limit) == 1.0


@pytest.mark.parametrize("limit", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("size", [20, 100])
def test_hoeffding_bentkus_p_values_are_valid(limit: float, size: int) -> None:
    counts = np.arange(size + 1)
    p_values = hoeffding_bentkus_p_values(counts / size, size, limit)
    chance = scipy.stats.binom.pmf(counts, size, limit)
    for level in (0.01, 0.1, 0.5):
        assert chance[p_values <= level].sum() <= level
    assert (p_values >= binomial_p_values(counts, np.full(size + 1, size), limit) - 1e-12).all()


def test_betting_p_values_are_valid_at_the_limit() -> None:
    rng = np.random.default_rng(0)
    for chances in ([0.05, 0.9, 0.05], [0.3, 0.35, 0.35], [0.0, 0.98, 0.02]):
        losses = rng.choice([-1.0, 0.0, 1.0], size=(150, 4000), p=chances)
        mean = chances[2] - chances[0]
        p_values = betting_p_values(losses, -1, 1, mean)
        for level in (0.02, 0.1, 0.3):
            # 4,000 trials: three standard errors above the level would be a defect.
            assert (p_values <= level).mean() <= level + 3 * math.sqrt(level * (1 - level) / 4000)


def test_betting_profits_from_losses_that_hardly_vary() -> None:
    losses = np.zeros((300, 1))
    losses[::60] = 1.0
    betting = betting_p_values(losses, -1, 1, 0.06)[0]
    blunt = hoeffding_bentkus_p_values((losses.mean(axis=0) + 1) / 2, 300, 1.06 / 2)[0]
    assert betting < 0.02 < 0.2 < blunt


def choices(trials: int, size: int, **options: Any) -> tuple[int, int, int]:
    """Violations of the guaranteed and of the naive choice over fresh calibration sets, and how often there was a choice."""
    cost, correct, accepted, large = population(0)
    loss = options.get("risk") == "loss against large"
    truth = large.mean() - correct.mean(axis=0) if loss else (accepted & ~correct).sum(axis=0) / accepted.sum(axis=0)
    rng = np.random.default_rng(1)
    violated = naive = found = 0
    for trial in range(trials):
        drawn = rng.integers(0, len(cost), size)
        choice = choose(
            cost[drawn], correct[drawn], accepted[drawn], reference=large[drawn], splits=0, seed=trial, **options
        )
        found += choice.point is not None
        violated += choice.point is not None and bool(truth[choice.point] > options["max_error"])
        naive += choice.naive.point is not None and bool(truth[choice.naive.point] > options["max_error"])
    return violated, naive, found


@pytest.mark.parametrize(
    ("options", "size"),
    [({}, 300), ({"testing": "split"}, 400), ({"testing": "bonferroni"}, 300), ({"testing": "fixed sequence", "order": [[7, 6, 5, 4, 3, 2, 1, 0]]}, 300),
     ({"max_error": 0.055, "risk": "loss against large"}, 400)],
)  # fmt: skip
def test_the_guarantee_holds_where_the_naive_choice_breaks_it(options: dict[str, Any], size: int) -> None:
    trials, delta = 150, 0.1
    violated, naive, found = choices(trials, size, **{"max_error": 0.155, "confidence": 1 - delta, **options})
    assert clopper_pearson(violated, trials, 0.99).low <= delta
    assert clopper_pearson(naive, trials, 0.99).low > delta
    assert found > trials / 2


def test_the_choice_is_the_cheapest_certified_and_shows_its_certificate() -> None:
    cost, correct, accepted, _ = population(3, 2000)
    choice = choose(cost, correct, accepted, max_error=0.155, names=[f">= {level} of 8" for level in LEVELS])
    assert choice.point is not None
    assert choice.certificate is not None
    assert choice.cost[choice.point] == choice.cost[choice.certified].min()
    errors = (accepted & ~correct).sum(axis=0)
    assert choice.p_values == pytest.approx(scipy.stats.binom.cdf(errors, accepted.sum(axis=0), 0.155))
    assert choice.certificate.adjusted_p_value <= 0.1
    assert (choice.certificate.tested, choice.certificate.problems) == (8, 2000)
    shown = str(choice)
    assert "error among accepted at most 0.155: 2,000 problems" in shown
    assert choice.names[choice.point] in shown
    assert "With probability 0.9 the first point" in " ".join(shown.split())
    assert "exact binomial" in shown


def test_the_naive_choice_looks_better_where_it_was_chosen() -> None:
    cost, correct, accepted, _ = population(5, 300)
    naive = choose(cost, correct, accepted, max_error=0.155, splits=400).naive
    assert naive.splits > 350
    assert naive.seen < 0.155
    assert naive.held_out > naive.seen
    assert naive.violations > 0.1


def test_a_cost_limit_takes_the_most_accurate_point_within_it() -> None:
    cost, correct, accepted, _ = population(7, 1000)
    choice = choose(cost, correct, accepted, max_cost=150.0)
    assert choice.point is not None
    within = [
        point
        for point in range(8)
        if scipy.stats.ttest_1samp(cost[:, point], 150.0, alternative="less").pvalue * 8 <= 0.1
    ]
    assert set(within) <= set(choice.certified)
    assert choice.accuracy[choice.point] == choice.accuracy[choice.certified].max()
    assert choice.cost[choice.point] < 150
    assert np.isnan(choice.risk).all()
    assert "t-test" in str(choice)
    both = choose(cost, correct, accepted, max_cost=150.0, max_error=0.2)
    assert set(both.certified) <= set(choice.certified)
    assert "error among accepted at most 0.2, mean cost at most 150" in str(both)


def test_where_nothing_can_be_certified_it_says_what_to_do() -> None:
    cost, correct, accepted, _ = population(0, 12)
    choice = choose(cost, correct, accepted, max_error=0.01)
    assert choice.point is None
    assert choice.certificate is None
    assert "No point could be certified" in str(choice)
    assert "<table>" in choice._repr_html_()


def test_names_are_escaped_in_a_notebook() -> None:
    ones = np.ones((40, 1))
    assert "<b>" not in choose(ones, ones, ones, max_error=0.1, names=["<b>"])._repr_html_()


OK = np.ones((4, 2))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "named"),
    [((OK, OK, OK), {"max_error": None}, ConfigError, "a limit"), ((OK, OK, OK), {"max_error": 10}, ConfigError, "max_error"),
     ((OK, OK, OK), {"max_cost": math.nan}, ConfigError, "max_cost"), ((OK, OK, OK), {"confidence": 90}, ConfigError, "confidence"),
     ((OK, OK, OK), {"risk": "r"}, ConfigError, "risk"), ((OK, OK, OK), {"testing": "t"}, ConfigError, "testing"),
     ((OK, OK, OK), {"testing": "fixed sequence"}, ConfigError, "order"), ((OK, OK, OK), {"order": [[0]]}, ConfigError, "order"),
     ((OK, OK, OK), {"testing": "fixed sequence", "order": [[0, 2]]}, ConfigError, "indices from 0 to 1"),
     ((OK, OK, OK), {"test": "x"}, ConfigError, "test"), ((OK, OK, OK), {"names": ["a"]}, ConfigError, "names"),
     ((OK[:3], OK[:3], OK[:3]), {"testing": "split"}, ConfigError, "at least 4"), ((OK, OK), {}, ConfigError, "accepted: needed"),
     ((OK, OK, OK[:3]), {}, ConfigError, "accepted: expected the shape"), ((OK, OK, OK * 0.5), {}, DataError, "accepted"),
     ((OK[:3], OK, OK), {}, ConfigError, "cost"), ((OK, OK[0], OK), {}, ConfigError, "correct: expected shape"),
     ((OK, OK * math.nan, OK), {}, DataError, "correct: problem 0 at point 0 is nan"), ((OK * math.inf, OK, OK), {}, DataError, "cost: problem 0"),
     ((OK, OK * 0.5, OK), {}, DataError, "expected values"), ((OK, OK), {"risk": "loss against large"}, ConfigError, "reference"),
     ((OK, OK), {"risk": "loss against large", "reference": [1, 1, 1, math.nan]}, DataError, "reference: problem 3")],
)  # fmt: skip
def test_choose_refuses(
    arguments: tuple[Any, ...], options: dict[str, Any], error: type[Exception], named: str
) -> None:
    with pytest.raises(error, match=named):
        choose(*arguments, **{"max_error": 0.1, **options})


RECORDED = Path(__file__).parents[2] / "shared" / "data" / "recorded"


@pytest.mark.slow
@pytest.mark.skipif(not (RECORDED / "mot_gsm8k.jsonl.gz").exists(), reason=f"needs the recordings in {RECORDED}")
@pytest.mark.parametrize(("risk", "limit"), [("error among accepted", 0.24), ("loss against large", 0.08)])
def test_on_a_real_recording_the_promise_holds_in_1000_choices(risk: Any, limit: float) -> None:
    from bench.risk_control import keep_promise, population

    whole = population(RECORDED)
    assert whole.correct.sum(axis=0)[[5, 3]].tolist() == [360, 310]  # accepted from 6 and from 4 of 8
    result = keep_promise(whole, max_error=limit, confidence=0.9, risk=risk, trials=1000, problems=400)
    assert clopper_pearson(result.violated, 1000).high <= 0.1
    assert clopper_pearson(result.naive_violated, 1000).low > 0.2
    assert result.found > 600
