"""Decisions on recorded samples: the native decision function against a plain Python cascade, in one run.

Both decide COPE (k = 8, thresholds 0.75 and 0.5, strict) on the same recorded answer classes, with all samples of all stages at hand, and must agree on every
stage and answer. Prints one line of JSON. The issue's target is a ratio of at least 100.

    python bench/decide.py
"""

from __future__ import annotations

import json
import time
from collections import Counter
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from cope import _core

K = 8
PROBLEMS = 50_000
ROUNDS = 7
NATIVE_CALLS = 20
"""Of each round: a call takes 2 ms, as long as what else happens on a machine; the Python cascade takes a hundred times that."""
THRESHOLDS = (Fraction(3, 4), Fraction(1, 2))


def gate(measure: str, draw: int, threshold: Fraction) -> dict[str, object]:
    ratio = [threshold.numerator, threshold.denominator]
    return {"measure": measure, "draw": draw, "comparison": ">", "threshold": ratio, "denominator": "k"}


def draw(name: str, stage: int, n: int, plan: bool, **given: tuple[int, str]) -> dict[str, object]:
    fields = [{"field": field, "draw": source, "pick": pick} for field, (source, pick) in given.items()]
    return {"name": name, "stage": stage, "n": n, "plan": plan, "given": fields}


CASCADE = {
    "name": "COPE",
    "early_stop": True,
    "stages": [
        {"name": "1", "gate": gate("consensus", 1, THRESHOLDS[0])},
        {"name": "2", "gate": gate("consensus", 3, THRESHOLDS[1])},
        {"name": "3", "gate": gate("always", 4, Fraction(0))},
    ],
    "draws": [
        draw("goals", 0, K, True),
        draw("solutions", 0, K, False, goal=(0, "each")),
        draw("guideline", 1, 1, True),
        draw("solutions", 1, K, False, goal=(0, "carried"), guideline=(2, "each")),
        draw("solution", 2, 1, False, guideline=(2, "carried")),
    ],
}


def recording(seed: int) -> NDArray[np.int32]:
    """Classes of shape (PROBLEMS, 8 + 8 + 1 + 8 + 1); problems differ in how much their samples agree, and some samples are unscored (-1)."""
    random = np.random.default_rng(seed)
    agreement = random.beta(2.0, 1.0, size=(PROBLEMS, 1))
    width = 3 * K + 2
    agree = random.random((PROBLEMS, width)) < agreement
    classes = np.where(agree, 0, random.integers(-1, 6, size=(PROBLEMS, width)))
    return np.ascontiguousarray(classes, dtype=np.int32)


def plain_python(rows: list[list[int]]) -> list[tuple[int, int]]:
    """The cascade as one writes it in a script: count the votes of each stage, take the first of the largest classes."""

    def majority(votes: list[int]) -> tuple[int, int]:
        counts = Counter(vote for vote in votes if vote >= 0)
        return counts.most_common(1)[0] if counts else (-1, 0)

    limits = [threshold.numerator * K for threshold in THRESHOLDS]
    scales = [threshold.denominator for threshold in THRESHOLDS]
    decided = []
    for row in rows:
        answer, votes = majority(row[K : 2 * K])
        if votes and votes * scales[0] > limits[0]:
            decided.append((0, answer))
            continue
        answer, votes = majority(row[2 * K + 1 : 3 * K + 1])
        if votes and votes * scales[1] > limits[1]:
            decided.append((1, answer))
            continue
        decided.append((2, row[3 * K + 1]))
    return decided


def main() -> None:
    classes = recording(seed=0)
    rows: list[list[int]] = classes.tolist()
    spec = json.dumps(CASCADE)
    native_s: list[float] = []
    python_s: list[float] = []
    for _ in range(ROUNDS):
        for _ in range(NATIVE_CALLS):
            begin = time.perf_counter()
            native = _core.replay_keys(spec, classes)
            native_s.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        plain = plain_python(rows)
        python_s.append(time.perf_counter() - begin)
    if native.tolist() != [list(pair) for pair in plain]:
        raise SystemExit("the two disagree: the benchmark compares nothing")
    result = {
        "bench": "decide",
        "problems": PROBLEMS,
        "native_ns_per_problem": round(min(native_s) / PROBLEMS * 1e9, 1),
        "python_ns_per_problem": round(min(python_s) / PROBLEMS * 1e9, 1),
        "ratio": round(min(python_s) / min(native_s), 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
