"""Answers: grading against Math-Verify and sympy on the same pairs, extraction against Math-Verify's and a compiled regular expression, hostile inputs.

Pairs: the labelled ones in ../shared/data/equivalence (COPE_SHARED names another place), else the policy's own cases. Prints one line of JSON: medians
and 99th percentiles of a call, one thread, in microseconds. Targets: 100 times Math-Verify at the median and at p99; extraction 50 times Math-Verify's
and 10 times the regular expression's; hostile inputs 10 ms at most.

    pip install math-verify; python -m bench.answers [--pairs 400] [--megabytes 1000]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cope import answers
from tests_py.answers import policy

SHARED = Path(os.environ.get("COPE_SHARED", Path(__file__).parents[2] / "shared")) / "data" / "equivalence"


def pairs(count: int) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for path in sorted(SHARED.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row.get("form") != "output" and len(row["prediction"]) < 200:
                found.append((row["gold"], row["prediction"]))
    found = found or [case[:2] for cases in policy.CASES.values() for case in cases]
    random.Random(0).shuffle(found)
    return found[:count]


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    with contextlib.suppress(Exception):  # a peer that fails has taken its time
        call()
    return (time.perf_counter() - start) * 1e6


def percentiles(times: list[float]) -> dict[str, float]:
    return {"median_us": round(float(np.median(times)), 2), "p99_us": round(float(np.percentile(times, 99)), 2)}


def grading(count: int) -> dict[str, object]:
    import math_verify
    import sympy

    some = pairs(count)
    logging.disable(logging.CRITICAL)

    def peer(gold: str, prediction: str) -> bool:
        return bool(math_verify.verify(math_verify.parse(f"${gold}$"), math_verify.parse(f"${prediction}$")))

    def by_sympy(gold: str, prediction: str) -> bool:
        left = math_verify.parse(f"${gold}$")
        right = math_verify.parse(f"${prediction}$")
        return bool(sympy.simplify(left[0] - right[0]) == 0)

    for gold, prediction in some[:20]:
        timed(lambda g=gold, p=prediction: peer(g, p))  # imports, caches
    ours = [min(timed(lambda g=gold, p=prediction: answers.grade(g, p)) for _ in range(3)) for gold, prediction in some]
    theirs = [timed(lambda g=gold, p=prediction: peer(g, p)) for gold, prediction in some]
    symbolic = [timed(lambda g=gold, p=prediction: by_sympy(g, p)) for gold, prediction in some[: count // 4]]
    mine, other, third = percentiles(ours), percentiles(theirs), percentiles(symbolic)
    return {
        "pairs": len(some),
        "cope": mine,
        "math_verify": other,
        "sympy": third,
        "ratio_median": round(other["median_us"] / mine["median_us"], 1),
        "ratio_p99": round(other["p99_us"] / mine["p99_us"], 1),
        "ratio_sympy_median": round(third["median_us"] / mine["median_us"], 1),
    }


PROSE = "we then have that the sum of $x^2 + 3x$ and 12 is at most \\frac{3}{4}, so by the triangle inequality (see above) it follows."


def documents(megabytes: int) -> list[str]:
    """Reasoning texts of 2 to 200 KB; every fourth has no box, and ends in a sentence."""
    rng = random.Random(1)
    words = PROSE.split()
    block = " ".join(rng.choice(words) for _ in range(60_000))
    texts: list[str] = []
    total = 0
    while total < megabytes * 1_000_000:
        size = int(2_000 * 100 ** rng.random())
        start = rng.randrange(len(block) - 200_000)
        ending = "So the final answer is $\\boxed{\\frac{3}{4}}$." if len(texts) % 4 else "The answer is 42."
        texts.append(block[start : start + size] + ending)
        total += size
    return texts


def extraction(megabytes: int) -> dict[str, object]:
    import math_verify

    texts = documents(megabytes)
    total = sum(map(len, texts)) / 1e6
    pattern = re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}|answer is\s*([^\n.]*)")

    def scan(text: str) -> str | None:
        found = list(pattern.finditer(text))
        return found[-1].group() if found else None

    def rate(call: Callable[[str], object], some: list[str]) -> float:
        start = time.perf_counter()
        for text in some:
            call(text)
        return sum(map(len, some)) / 1e6 / (time.perf_counter() - start)

    ours = rate(answers.extract, texts)
    start = time.perf_counter()
    answers.extract_all(texts)
    batch = total / (time.perf_counter() - start)
    regex = rate(scan, texts[: max(1, len(texts) // 20)])
    theirs = rate(lambda text: math_verify.parse(text, parsing_timeout=None), texts[:60])
    return {
        "megabytes": round(total),
        "cope_mb_s": round(ours),
        "cope_batch_mb_s": round(batch),
        "regex_mb_s": round(regex, 1),
        "math_verify_mb_s": round(theirs, 2),
        "ratio_regex": round(ours / regex, 1),
        "ratio_math_verify": round(ours / theirs, 1),
    }


HOSTILE = {
    "tower": "9^{9^{9^9}}",
    "factorial": "(10^7)!",
    "digits": "9" * 1_000_000,
    "digits below the limit": "9" * 8_000,
    "open boxes": "\\boxed{" * 20_000,
    "power of a sum": "(x+y+z+w)^{200}",
    "sum to 10^9": "\\sum_{k=1}^{1000000000} k",
    "nested sums": "\\sum_{k=1}^{3000}\\sum_{j=1}^{3000}\\sin(jk)",
    "sum of roots": "\\sum_{k=1}^{4000}\\sqrt{k}",
    "product of factorials": "\\prod_{k=1}^{4000}(k^k)!",
    "nested roots": "\\sqrt{2+" * 30 + "2" + "}" * 30,
    "brackets": "(" * 8_000,
    "exponents": "x^" * 2_000 + "1",
    "huge sine": "\\sin(10^{100000})",
    "unions": "(0,1)\\cup" * 500 + "(0,1)",
    "list": "\\sqrt2," * 900 + "1",
    "maximum": "\\max(" + "\\sqrt{2}," * 900 + "1)",
    "matrix": "\\begin{pmatrix}" + "\\sqrt{3}&" * 1000 + "1\\end{pmatrix}",
    "gaussian power": "(1+i)^{100000}",
    "gamma": "(n!)!(n!)!(n!)!",
    "fractions": "+".join(rf"\frac{{1}}{{{n}}}" for n in range(2, 600)),
    "large fractions": "+".join(rf"\frac{{1}}{{{n}^{{200}}}}" for n in range(2, 400)),
    "equation": "x^{50}+" * 200 + "y=0",
    "signs": "\\pm 1" * 500,
}


def hostile() -> dict[str, float]:
    times = {
        name: min(timed(lambda t=text: answers.grade(t + " ", t.replace("9", "8"))) for _ in range(3)) / 1000
        for name, text in HOSTILE.items()
    }
    worst = max(times, key=lambda name: times[name])
    return {
        "worst_ms": round(times[worst], 2),
        "worst": worst,
        **{name: round(ms, 3) for name, ms in times.items() if ms > 1},
    }  # type: ignore[dict-item]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=400)
    parser.add_argument("--megabytes", type=int, default=1000)
    options = parser.parse_args()
    print(
        json.dumps(
            {
                "bench": "answers",
                "hostile": hostile(),
                "extraction": extraction(options.megabytes),
                "grading": grading(options.pairs),
            }
        )
    )


if __name__ == "__main__":
    main()
