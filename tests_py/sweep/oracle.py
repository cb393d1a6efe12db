"""The expectation over subsets by its definition: every ordered choice of k of the samples, decided one by one in exact fractions."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

from .arrays import taus_of

Figures = tuple[Fraction, ...]  # right, unscored, cost, then resolved by each stage


class Seen(NamedTuple):
    """What a stage shows in one order of its samples."""

    votes: int
    of: int
    agrees: bool
    answer: int  # the sample that answers; -1: none
    carried: int  # the sample that is carried on
    cost: int


def majority(labels: Sequence[int], order: Sequence[int]) -> tuple[int, int]:
    """The votes of the largest class and its first sample; of equally large ones the class that is seen first."""
    counts = Counter(labels[i] for i in order if labels[i] >= 0)
    most = max(counts.values(), default=0)
    return most, next((i for i in order if labels[i] >= 0 and counts[labels[i]] == most), -1)


def law(stage: Mapping[str, Any], p: int, v: int, k: int) -> dict[Seen, Fraction]:
    """How likely each outcome of a stage is."""
    labels = stage["classes"][p, v].tolist()
    costs = stage["cost_pusd"][p, v].tolist()
    used = k if stage["uses_k"] else len(labels)
    others: Counter[int] = Counter({-1: 1})
    if stage["gate"]["measure"] == "agreement":
        second = stage["other"][p, v].tolist()
        used_second = k if stage["uses_k"] else len(second)
        firsts = (majority(second, order)[1] for order in itertools.permutations(range(len(second)), used_second))
        others = Counter(-1 if first < 0 else second[first] for first in firsts)
    found: Counter[Seen] = Counter()
    for order in itertools.permutations(range(len(labels)), used):
        votes, first = majority(labels, order)
        of = used if stage["gate"]["denominator"] == "k" else sum(labels[i] >= 0 for i in order)
        cost = int(stage["once_pusd"][p, v]) + sum(costs[i] for i in order)
        for other, times in others.items():
            agrees = first >= 0 and labels[first] == other
            found[Seen(votes, of, agrees, first, order[0] if first < 0 else first, cost)] += times
    total = sum(found.values())
    return {seen: Fraction(times, total) for seen, times in found.items()}


def accepts(gate: Mapping[str, Any], seen: Seen, tau: Fraction) -> bool:
    """Whether a gate accepts what a stage shows."""
    if seen.answer < 0 or gate["measure"] == "always":
        return seen.answer >= 0
    if gate["measure"] == "agreement":
        return seen.agrees
    share = Fraction(seen.votes, seen.of)
    return share > tau if gate["comparison"] == ">" else share >= tau


def expectation(stages: Sequence[Mapping[str, Any]], p: int, k: int) -> dict[tuple[Fraction, ...], Figures]:
    """The figures of a problem at every choice of thresholds, one for each stage but the last."""
    laws = cache(lambda s, v: law(stages[s], p, v, k))

    @cache
    def reached(s: int, v: int, taus: tuple[Fraction, ...]) -> Figures:
        """From stage s on, with variant v."""
        figures = [Fraction(0)] * (3 + len(stages))
        for seen, chance in laws(s, v).items():
            figures[2] += chance * seen.cost
            if s == len(stages) - 1 or accepts(stages[s]["gate"], seen, taus[0]):
                right = seen.answer >= 0 and stages[s]["correct"][p, v, seen.answer]
                figures[0] += chance * int(right)
                figures[1] += chance * (seen.answer < 0)
                figures[3 + s] += chance
                continue
            variant = seen.carried if stages[s + 1]["classes"].shape[1] > 1 else 0
            figures = [
                own + chance * later for own, later in zip(figures, reached(s + 1, variant, taus[1:]), strict=True)
            ]
        return tuple(figures)

    return {taus: reached(0, 0, taus) for taus in itertools.product(*(taus_of(stage) for stage in stages[:-1]))}
