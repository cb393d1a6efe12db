"""Answers: grading against Math-Verify and sympy on the same pairs; extraction against Math-Verify's, search-and-learn's and a compiled regular
expression; hostile inputs.

Pairs: the labelled ones in ../shared/data/equivalence (COPE_SHARED names another place), else those of tests_py/answers/pairs.jsonl. Prints one line of
JSON: medians and 99th percentiles of a call, one thread, in microseconds; rates in MB a second, one thread but for `batch`. Targets: 100 times
Math-Verify's at the median and at p99; extraction 50 times the peers' and 10 times the regular expression's; hostile inputs 10 ms at most.

    pip install math-verify; python bench/answers.py [--pairs 200] [--megabytes 100]
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

SHARED = Path(os.environ.get("COPE_SHARED", Path(__file__).parents[2] / "shared")) / "data" / "equivalence"
OWN = Path(__file__).parents[1] / "tests_py" / "answers" / "pairs.jsonl"


def pairs(count: int) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for path in sorted(SHARED.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row.get("form") != "output" and len(row["prediction"]) < 200:
                found.append((row["gold"], row["prediction"]))
    for line in [] if found else OWN.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found += [(row["gold"], answer) for answer in row["right"] + row["wrong"]]
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
        "grade_median_ratio": round(other["median_us"] / mine["median_us"], 1),
        "grade_p99_ratio": round(other["p99_us"] / mine["p99_us"], 1),
        "grade_sympy_median_ratio": round(third["median_us"] / mine["median_us"], 1),
    }


# Unit names, as search-and-learn's normalisation takes them out of an answer one by one; it has 264 of them.
UNIT_NAMES = """
degree mph kmph ft mile monkey prime ratio rd gm lb tile per dm lt gain way west men soldier pie excess st inch noon percent by gal
kmh acre rise th sq mark toy coin gallon profit yr women feet am pm hr square are rupee round cubic cc mtr ohm number day hour minute min
second man woman sec cube mt mp hectare more unit rs kg month km cm mm apple liter loss yard pure year increase decrease less litre metre
meter east
"""
UNITS = [name + ending for name in UNIT_NAMES.split() for ending in ("", "s")]


def located(text: str) -> str:
    """Where search-and-learn looks for an answer (huggingface/search-and-learn, src/sal/utils/qwen_math_parser.py, extract_answer; Apache-2.0), restated:
    the last box, else what follows "he answer is", else the last number.
    """
    text = text.replace("\u043a\u0438", "")
    if "final answer is $" in text and "$. I hope" in text:
        return text.split("final answer is $", 1)[1].split("$. I hope", 1)[0].strip()
    if "boxed" in text:
        rest = text.split("boxed")[-1]
        if not rest.startswith("{"):
            return rest.split("$")[0].strip()
        depth, inside = 1, ""
        for char in rest[1:]:
            depth += (char == "{") - (char == "}")
            if depth == 0:
                break
            inside += char
        return inside
    if "he answer is" in text:
        return text.split("he answer is")[-1].strip()
    numbers = re.findall(r"-?\d*\.?\d+", text.replace(",", ""))
    return numbers[-1] if numbers else ""


def normalised(text: str) -> str:
    """The costly half of its normalisation (strip_string), restated with fewer units: two rounds of a substitution for each unit's name."""
    found = re.sub(r"\n\s*", "", located(text)).removesuffix(".")
    for _ in range(2):
        for unit in UNITS:
            found = re.sub(r"(^|\W)" + unit + r"($|\W)", r"\1\2", found) or found
    return found


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
    learn = rate(normalised, texts[: max(1, len(texts) // 20)])
    finding = rate(located, texts[: max(1, len(texts) // 4)])
    return {
        "megabytes": round(total),
        "cope_mb_s": round(ours),
        "cope_batch_mb_s": round(batch),
        "regex_mb_s": round(regex, 1),
        "math_verify_mb_s": round(theirs, 2),
        "search_and_learn_mb_s": round(learn, 1),
        "search_and_learn_location_mb_s": round(finding),
        "times_regex": round(ours / regex, 1),
        "times_math_verify": round(ours / theirs, 1),
        "times_search_and_learn": round(ours / learn, 1),
        "times_search_and_learn_location": round(ours / finding, 1),
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


def hostile() -> dict[str, object]:
    times = {
        name: min(timed(lambda t=text: answers.grade(t + " ", t.replace("9", "8"))) for _ in range(3)) / 1000
        for name, text in HOSTILE.items()
    }
    worst = max(times, key=lambda name: times[name])
    return {"hostile_worst_ms": round(times[worst], 2), "hostile_worst": worst}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--megabytes", type=int, default=100)
    options = parser.parse_args()
    measured = {**hostile(), **extraction(options.megabytes), **grading(options.pairs)}
    print(json.dumps({"bench": "answers", **measured}))


if __name__ == "__main__":
    main()
