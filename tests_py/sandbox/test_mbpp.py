"""The 974 problems of MBPP, their mutants, and recorded programs: the sandbox says what a plain Python process says."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cope.sandbox import Limits, Program, Report, Sandbox
from tests_py.sandbox import plain
from tests_py.sandbox.mutation import mutants

SHARED = os.environ.get("COPE_SHARED")
DATA = (Path(SHARED) if SHARED else Path(__file__).resolve().parents[3] / "shared") / "data"
MBPP = DATA / "mbpp" / "mbpp.jsonl"
RECORDED = DATA / "recorded" / "mbpp500_ldb_starcoder_codellama_gpt35.jsonl.gz"
MUTANTS_A_PROGRAM = 4
LIMITS = Limits(wall_ms=3_000, cpu_ms=3_000)
PATIENT = Limits(wall_ms=180_000, cpu_ms=30_000)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MBPP.exists(), reason=f"{MBPP.name} is not beside the checkout (../shared/data/mbpp)"),
    pytest.mark.timeout(3_600),
]


def rows() -> list[dict[str, Any]]:
    # Read as bytes: the texts hold CRLF.
    return [json.loads(line) for line in MBPP.read_bytes().splitlines()]


def program(row: dict[str, Any], source: str | None = None, limits: Limits = LIMITS) -> Program:
    return Program(
        row["code"] if source is None else source, row["test_list"], setup_after=row["test_setup_code"], limits=limits
    )


def said(report: Report) -> tuple[str, int]:
    """As plain.verdict says it: there, an operation that the sandbox forbids is an exception like any other."""
    return ("exception" if report.outcome == "forbidden" else report.outcome, report.tests_passed)


def test_all_reference_solutions_pass(sandbox: Sandbox):
    problems = rows()
    assert len(problems) == 974
    reports = sandbox.run_all(program(row, limits=PATIENT) for row in problems)
    wrong = {
        row["task_id"]: report
        for row, report in zip(problems, reports, strict=True)
        if not report.passed or report.tests_passed != len(row["test_list"])
    }
    assert wrong == {}
    assert sum(report.tests_inside for report in reports) == 0  # no form of test in MBPP needs it


def test_mutants_get_the_verdict_of_a_plain_run(sandbox: Sandbox):
    faulty = [
        (row, source)
        for row in rows()
        for source in mutants(row["code"].replace("\r\n", "\n"), MUTANTS_A_PROGRAM, row["task_id"])
    ]
    assert len(faulty) >= 3_000
    reports = sandbox.run_all(program(row, source) for row, source in faulty)

    def plainly(item: tuple[dict[str, Any], str], limits: Limits = LIMITS) -> tuple[str, int]:
        row, source = item
        return plain.verdict(
            source, row["test_list"], row["test_setup_code"], limits.wall_ms / 1000, limits.memory_bytes
        )

    with ThreadPoolExecutor(2) as pool:
        expected = list(pool.map(plainly, faulty))
    disagreements = []
    for item, report, verdict in zip(faulty, reports, expected, strict=True):
        if said(report) == verdict:
            continue
        # A busy machine is no verdict: both have all the time they want.
        again, verdict = sandbox.run(program(*item, PATIENT)), plainly(item, PATIENT)
        if said(again) != verdict:
            disagreements.append((item[0]["task_id"], item[1], again, verdict))
    assert disagreements == []
    assert sum(outcome == "passed" for outcome, _ in expected) > 100  # some mutants are as good as the original
    assert sum(outcome != "passed" for outcome, _ in expected) > 1_000


# What the recording's harness put before every program.
PRELUDE = "from typing import *\nimport math\nfrom heapq import *\nimport itertools\nimport re\nimport typing\nimport heapq\n_str=str\nimport re\n"
# Tasks whose recorded verdicts differ from Python's own, and how. For each such program a plain Python process says what the sandbox says.
PASSES = "recorded as failing; all of its tests pass"
FAILS = "recorded as passing its visible test, which it fails: the text lacks the tested function or its helper, or does not parse"
EXPLAINED: dict[int, str] = {
    **dict.fromkeys((20, 56, 73, 85, 133, 252, 255, 274, 349, 359, 411, 427, 448, 480, 486, 488), PASSES),
    **dict.fromkeys((18, 30, 70, 148, 323, 338, 348, 364, 367, 466, 501), FAILS),
    129: "needs numpy, which programs do not have",
    436: "`assert f(x) == -1,-6` compares with -1 alone; recorded as if with the pair",
}


def test_recorded_programs_get_their_recorded_verdicts(sandbox: Sandbox):
    problems = {row["task_id"]: row for row in rows()}
    with gzip.open(RECORDED, "rt", encoding="utf-8") as file:
        recorded = [json.loads(line) for line in file]
    assert len(recorded) == 1_500
    asked: list[tuple[tuple[int, str, str], Program, bool]] = []
    for record in recorded:
        row, key = problems[record["task_id"]], (record["task_id"], record["model"])
        after = row["test_setup_code"]
        for which, source, tests, verdict in (
            ("final", record["final"], row["test_list"], record["is_solved"]),
            ("seed", PRELUDE + record["seed_solution"], row["test_list"], record["seed_is_solved"]),
            ("visible", record["final"], record["given_tests"], record["is_passing"]),
        ):
            asked.append(((*key, which), Program(source, tests, setup_after=after, limits=LIMITS), verdict))
    reports = sandbox.run_all(program for _, program, _ in asked)
    unexplained = []
    differing = set()
    for (key, program, verdict), report in zip(asked, reports, strict=True):
        if report.outcome.startswith("timed_out") and verdict:  # a busy machine is no verdict
            report = sandbox.run(dataclasses.replace(program, limits=PATIENT))
        if report.passed == verdict:
            continue
        differing.add(key[0])
        expected = plain.verdict(program.source, program.tests, program.setup_after, 30, PATIENT.memory_bytes)
        if key[0] not in EXPLAINED or (expected[0] == "passed") != report.passed:
            unexplained.append((key, verdict, report, expected))
    assert unexplained == []
    assert differing == set(EXPLAINED)
