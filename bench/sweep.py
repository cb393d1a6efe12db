"""Sweeps of a recording: the exact expectation over subsets against Monte Carlo and against NumPy, and the bootstrap of the whole grid, in one run.

500 problems, 32 recorded samples in each of two voting stages and one of the last, 8 values of k, 33 x 33 thresholds. Peers:

- Monte Carlo as strong as NumPy makes it: 1,000 random orders of the samples of each problem and stage, shared by all values of k. Votes are matrix products of
  prefixes and one-hot labels, a grid is one matrix product of what the first stage rejects and what the later ones then come to. All draws are run, none
  scaled.
- The same with one set of orders for all problems, so that votes are one product: cheaper, but errors of problems no longer average out independently.
- Those shared orders, looked at as no replay is: of each stage only how often it shows what, put together as the closed form does. The least that 1,000
  draws can cost, though not what one would call Monte Carlo of a cascade.
- The same closed form in vectorised NumPy: generating functions of all problems at once.
- For the bootstrap: the matrix product that it needs, 1,000 resamples x problems x points, by NumPy.

    python bench/sweep.py

Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb

from cope import _core

P, N, CLASSES, DRAWS, DRAWS_AT_A_TIME = 500, 32, 6, 1000, 50
K = np.array([1, 2, 4, 8, 12, 16, 24, 32], np.int32)
TAUS = np.array([[i, 32] for i in range(33)], np.int64)
RESAMPLES = 1000


def labels(seed: int, problems: int) -> NDArray[np.int32]:
    """[problems, N]: problems differ in how much their samples agree; some samples are unscored (-1)."""
    random = np.random.default_rng(seed)
    agreement = random.beta(2.0, 1.0, size=(problems, 1))
    agree = random.random((problems, N)) < agreement
    return np.where(agree, 0, random.integers(-1, CLASSES, size=(problems, N))).astype(np.int32)


def stages(problems: int = P) -> list[dict[str, Any]]:
    """COPE's three stages, as _core.sweep takes them."""
    gate = {"measure": "consensus", "comparison": ">", "thresholds": TAUS}
    made = []
    for seed in (0, 1):
        classes = labels(seed, problems)[:, None, :].copy()
        made.append({"gate": gate, "classes": classes, "correct": (classes == 0).astype(np.uint8)})
    last = np.zeros((problems, 1, 1), np.int32)
    always = {"measure": "always", "comparison": ">"}
    return [*made, {"gate": always, "classes": last, "correct": (last == 0).astype(np.uint8), "uses_k": False}]


def timed(work: Callable[[], Any], rounds: int = 3) -> float:
    """The shortest of a few runs, in seconds."""
    found = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return min(found)


def drawn_votes(
    recorded: list[dict[str, Any]], shared: bool
) -> Iterator[list[tuple[NDArray[np.float32], NDArray[np.float32]]]]:
    """For each chunk of draws and of both voting stages: votes of the majority, and whether it is right (a tie counts its share). [draws, K, P].

    `shared`: the orders are those of all problems.
    """
    random = np.random.default_rng(0)
    one_hot = []
    for stage in recorded[:2]:
        classes = stage["classes"][:, 0]
        labels = (classes[:, None, :] == np.arange(CLASSES)[:, None]).astype(np.float32)  # [P, class, sample]
        one_hot.append(labels.transpose(2, 1, 0).reshape(N, -1) if shared else labels)
    for _ in range(0, DRAWS, DRAWS_AT_A_TIME):
        found = []
        for labels in one_hot:
            order = random.random((1 if shared else P, DRAWS_AT_A_TIME, N), np.float32).argsort(axis=2).astype(np.int8)
            prefixes = (order[:, :, None, :] < K.astype(np.int8)[:, None]).astype(np.float32).reshape(len(order), -1, N)
            # The products: [draws x K, class, P] of shared orders, [P, class, draws x K] of each problem's own.
            votes = (prefixes[0] @ labels).reshape(-1, CLASSES, P) if shared else labels @ prefixes.transpose(0, 2, 1)
            most = votes.max(axis=1)
            first = votes == most[:, None]
            right = first[:, 0] / first.sum(axis=1, dtype=np.float32)
            figures = (most, right) if shared else (most.T, right.T)
            found.append((figures[0].reshape(-1, len(K), P), figures[1].reshape(-1, len(K), P)))
        yield found


def monte_carlo(recorded: list[dict[str, Any]], shared: bool) -> NDArray[np.float64]:
    """The expected accuracy [K, 33, 33]: the mean over draws of what each comes to at each point."""
    taus = (TAUS[:, 0] / TAUS[:, 1]).astype(np.float32)
    grid = np.zeros((len(K), 33, 33))
    last = recorded[2]["correct"][:, 0, 0].astype(np.float32)
    for (votes, right), (later_votes, later_right) in drawn_votes(recorded, shared):
        for index, k in enumerate(K.tolist()):
            accepted = (votes[:, index, :, None] > taus * k).reshape(-1, 33).astype(np.float32)
            then = np.where(later_votes[:, index, :, None] > taus * k, later_right[:, index, :, None], last[:, None])
            grid[index] += (right[:, index].reshape(-1) @ accepted)[:, None] + (1 - accepted).T @ then.reshape(-1, 33)
    return grid / (P * DRAWS)


def stage_frequencies(recorded: list[dict[str, Any]]) -> NDArray[np.float64]:
    """The same figures from how often each stage shows what: [K, 33, 33]."""
    size = P * (N + 1)
    found = np.zeros((2, len(K), size, 2))
    rows = np.arange(P) * (N + 1)
    for chunk in drawn_votes(recorded, shared=True):
        for stage, (votes, right) in enumerate(chunk):
            for index in range(len(K)):
                place = (rows + votes[:, index].astype(np.int64)).reshape(-1)
                found[stage, index, :, 1] += np.bincount(place, right[:, index].reshape(-1), size)
                found[stage, index, :, 0] += np.bincount(place, minlength=size)
    found[..., 0] -= found[..., 1]
    return put_together(list(found.reshape(2, len(K), P, N + 1, 2) / DRAWS))


def numpy_closed_form(recorded: list[dict[str, Any]]) -> NDArray[np.float64]:
    """The expected accuracy [K, 33, 33] by the same generating functions, all problems at once."""
    wins: list[NDArray[np.float64]] = []  # of each stage [K, P, votes + 1, right or wrong]
    for stage in recorded[:2]:
        classes = stage["classes"][:, 0]
        counts = np.stack([(classes == c).sum(axis=1) for c in range(-1, CLASSES)], axis=1)  # [P, 1 + CLASSES]
        ways_of = comb(counts[:, :, None], np.arange(N + 1)[None, None, :])  # [P, class, i]
        found = np.zeros((len(K), P, N + 1, 2))
        for m in range(1, N + 1):
            for c in range(1, CLASSES + 1):
                alive = counts[:, c] >= m
                if not alive.any():
                    continue
                most = N - m
                poly = np.zeros((alive.sum(), CLASSES, most + 1))  # [P, ties, d]
                poly[:, 0, :] = ways_of[alive, 0, : most + 1]
                for other in range(1, CLASSES + 1):
                    if other == c:
                        continue
                    grown = np.zeros_like(poly)
                    for i in range(min(m, most) + 1):
                        factor = ways_of[alive, other, i][:, None, None]
                        if i < m:
                            grown[:, :, i:] += factor * poly[:, :, : most + 1 - i]
                        else:
                            grown[:, 1:, i:] += factor * poly[:, :-1, : most + 1 - i]
                    poly = grown
                ways = (poly / np.arange(1, CLASSES + 1)[None, :, None]).sum(axis=1) * ways_of[alive, c, m][:, None]
                for index, k in enumerate(K):
                    if k >= m:
                        found[index, alive, m, 1 if c == 1 else 0] += ways[:, k - m] / comb(N, k)
        wins.append(found)
    return put_together(wins)


def put_together(wins: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The expected accuracy [K, 33, 33] from the laws of the two voting stages, each [K, P, votes, wrong or right]."""
    grid = np.zeros((len(K), 33, 33))
    for index, k in enumerate(K):
        above = (np.arange(N + 1)[:, None] * 32 > TAUS[:, 0] * k).astype(np.float64)  # [votes, tau]
        right = [found[index, :, :, 1] @ above for found in wins]
        ends = [found[index].sum(axis=2) @ above for found in wins]
        later = right[1] + (1 - ends[1])  # the last stage is always right
        grid[index] = (right[0].sum(axis=0)[:, None] + (1 - ends[0]).T @ later) / P
    return grid


def microseconds_a_problem(sizes: tuple[int, ...]) -> dict[str, float]:
    """The time of the exact form divided by the number of problems; sizes take turns, so that what else runs here meets all of them."""
    recorded = {problems: stages(problems) for problems in sizes}
    found = dict.fromkeys(sizes, float("inf"))
    for _ in range(40):
        for problems, of in recorded.items():
            seconds = timed(lambda of=of: _core.sweep(of, K, estimator="subsets"), 1)  # type: ignore[misc]
            found[problems] = min(found[problems], seconds / problems * 1e6)
    return {str(problems): round(microseconds, 2) for problems, microseconds in found.items()}


def main() -> None:
    """Measures and prints."""
    recorded = stages()

    def exact() -> NDArray[np.float64]:
        return _core.sweep(recorded, K, estimator="subsets")["correct"] / P  # type: ignore[arg-type]

    closed = numpy_closed_form(recorded)
    if not np.allclose(closed, exact(), rtol=0, atol=1e-9):
        raise SystemExit("the two closed forms disagree: the benchmark compares nothing")
    forms: dict[str, Callable[[], NDArray[np.float64]]] = {
        "monte_carlo": lambda: monte_carlo(recorded, shared=False),
        "monte_carlo_of_shared_orders": lambda: monte_carlo(recorded, shared=True),
        "stage_frequencies": lambda: stage_frequencies(recorded),
    }
    for name, form in forms.items():
        if abs(form() - closed).max() > 0.01:
            raise SystemExit(f"{name} disagrees: the benchmark compares nothing")

    exact_s = timed(exact, 100)
    numpy_s = timed(lambda: numpy_closed_form(recorded))
    draws_s = {name: timed(form) for name, form in forms.items()}

    weights = np.random.default_rng(0).multinomial(P, np.full(P, 1 / P), size=RESAMPLES).astype(np.float64)
    points = np.random.default_rng(1).random((P, len(K) * 33 * 33))
    gemm_s = timed(lambda: weights @ points)
    bootstrap_s = timed(lambda: _core.sweep_bootstrap(recorded, K, weights))  # type: ignore[arg-type]
    subsets_s = timed(lambda: _core.sweep_bootstrap(recorded, K, weights, estimator="subsets"))  # type: ignore[arg-type]
    by_problems = microseconds_a_problem((500, 1000, 2000, 4000, 8000))
    print(
        json.dumps(
            {
                "bench": "sweep",
                "cores": os.cpu_count(),
                "exact_ms": round(exact_s * 1e3, 2),
                **{f"{name}_over_exact": round(seconds / exact_s) for name, seconds in draws_s.items()},
                "monte_carlo_draws": f"{DRAWS:,}, all of them run: none scaled",
                "numpy_over_exact": round(numpy_s / exact_s, 1),
                "bootstrap_over_gemm": round(bootstrap_s / gemm_s, 2),
                "subsets_bootstrap_over_gemm": round(subsets_s / gemm_s, 2),
                "us_per_problem_by_problems": by_problems,
                "most_over_least_us_per_problem": round(max(by_problems.values()) / min(by_problems.values()), 2),
            }
        )
    )


if __name__ == "__main__":
    main()
