"""Learn-then-Test and the naive choice on a real recording: how often the chosen threshold breaks its limit. Prints a table, and one line of JSON last.

The population is a recording of 400 GSM8K problems: Llama-2-13B answers each 8 times; where enough of these agree, their answer is accepted, and gpt-4o-mini
answers the other problems. Again and again problems are drawn from it, independently and with replacement; a threshold is chosen on them, and its true risk is
that over the whole recording.

Usage: python bench/risk_control.py [--data ../shared/data/recorded] [--trials 1000] [--problems 400]
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cope.risk import choose
from cope.stats import clopper_pearson
from cope.tables import Column, Table, percent

VOTES = 8


class Population(NamedTuple):
    """A recording as arrays: one row a problem, one column for each count of equal votes that a threshold may ask for, 1 to 8."""

    cost: np.ndarray[Any, Any]
    correct: np.ndarray[Any, Any]
    accepted: np.ndarray[Any, Any]
    large: np.ndarray[Any, Any]


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def same(value: Any) -> Any:
    """What is compared: numbers after rounding to 5 decimals."""
    return round(float(value), 5) if isinstance(value, (int, float)) else json.dumps(value)


def population(data: Path) -> Population:
    """Reads the recording; the cost is the share of problems that the large model is asked."""
    weak = [
        row for row in lines(data / "mot_gsm8k.jsonl.gz") if (row["model"], row["prompt"]) == ("llama-2-13b", "pot2")
    ]
    strong = {
        row["idx"]: bool(row["cot_score"])
        for row in lines(data / "gsm8k_gpt-4o-mini.jsonl.gz")
        if row["run"] == "vanilla"
    }
    votes, right = [], []
    for row in weak:
        answers = [same(value) for value in row["results"][:VOTES]]
        counts = {
            answer: answers.count(answer) for answer in answers
        }  # in sampling order: the first of the largest wins a tie
        best = max(counts, key=counts.__getitem__, default=None)
        votes.append(counts.get(best, 0))
        right.append(best == same(row["gold"]))
    large = np.array([strong[row["idx"]] for row in weak])
    accepted = np.array(votes)[:, np.newaxis] >= np.arange(1, VOTES + 1)
    correct = np.where(accepted, np.array(right)[:, np.newaxis], large[:, np.newaxis])
    return Population((~accepted).astype(float), correct, accepted, large)


class Outcome(NamedTuple):
    """Of many choices on freshly drawn problems: how many there were, and how many broke the limit."""

    trials: int
    found: int
    violated: int
    naive_found: int
    naive_violated: int
    cost: float


def keep_promise(
    whole: Population, *, max_error: float, confidence: float, risk: Any, trials: int, problems: int, seed: int = 0
) -> Outcome:
    """Chooses again and again on problems drawn from the population, and looks up the true risk of what was chosen."""
    if risk == "loss against large":
        truth = whole.large.mean() - whole.correct.mean(axis=0)
    else:
        truth = (whole.accepted & ~whole.correct).sum(axis=0) / whole.accepted.sum(axis=0)
    rng = np.random.default_rng(seed)
    found = violated = naive_found = naive_violated = 0
    costs = []
    for trial in range(trials):
        drawn = rng.integers(0, len(whole.cost), problems)
        choice = choose(
            whole.cost[drawn], whole.correct[drawn], whole.accepted[drawn], reference=whole.large[drawn],
            max_error=max_error, confidence=confidence, risk=risk, splits=0, seed=trial,
        )  # fmt: skip
        if choice.point is not None:
            found += 1
            violated += bool(truth[choice.point] > max_error)
        costs.append(1.0 if choice.point is None else whole.cost[:, choice.point].mean())
        if choice.naive.point is not None:
            naive_found += 1
            naive_violated += bool(truth[choice.naive.point] > max_error)
    return Outcome(trials, found, violated, naive_found, naive_violated, float(np.mean(costs)))


# Limits a little below what some threshold really has (17.4 %, 24.8 %, 34.1 %; 4.0 %, 8.8 %, 16.5 %), where choosing is hard, and one that is easy.
CASES = [
    *(("error among accepted", limit) for limit in (0.17, 0.24, 0.33, 0.4)),
    *(("loss against large", limit) for limit in (0.035, 0.08, 0.15, 0.2)),
]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/recorded"))
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--problems", type=int, default=400)
    parser.add_argument("--confidence", type=float, default=0.9)
    options = parser.parse_args()
    whole = population(options.data)
    rows, found = [], []
    for risk, limit in CASES:
        result = keep_promise(
            whole,
            max_error=limit,
            confidence=options.confidence,
            risk=risk,
            trials=options.trials,
            problems=options.problems,
        )
        broken, naive = (
            percent(count / options.trials, clopper_pearson(count, options.trials))
            for count in (result.violated, result.naive_violated)
        )
        rows.append((risk, f"{limit:g}", broken, naive, percent(result.found / options.trials), percent(result.cost)))
        found.append({"risk": risk, "max_error": limit, **result._asdict()})
    right = [
        Column(name, right=True)
        for name in ("Limit", "Broken", "Broken by the naive choice", "Certified", "Asks the large model")
    ]
    caption = (
        f"Limits broken in {options.trials:,} choices on {options.problems} problems each, with Clopper-Pearson intervals (95 %); at confidence "
        f"{options.confidence:g} at most {1 - options.confidence:.0%} may be. Where nothing is certified, the large model is asked for all."
    )
    print(Table(f"{len(whole.cost)} problems as the population", ["Risk", *right], rows, caption))
    print(json.dumps({"cases": found}))


if __name__ == "__main__":
    main()
