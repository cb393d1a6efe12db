r"""Measures the shipped pair on held-out problems through llama.cpp's server and prints the model card's figures.

Accuracy counts exact answers in `\boxed{}`; a sample without one is wrong and never votes. All methods see the same problems, and all
intervals are paired bootstrap 95 % intervals over problems.

Example:
    python -m training.evaluate --problems 1000
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cope.datasets import tiny_functions
from cope.datasets._word_problems import Item, items
from cope.local._server import Server
from training._package import PACKAGE, prompt
from training.client import Client, Reply, Request

K = 8
LARGE_USD_PER_TOKEN = (0.15e-6, 0.60e-6)
"""What the product asks for the embedded large model, per token in and out; the small one is free, as in the paper."""

Truths = NDArray[np.bool_]


def seed_of(*parts: object) -> int:
    """A seed of 31 bits from what the request is."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4], "big") >> 1


def boxed(text: str) -> str | None:
    r"""The content of the last `\boxed{}`, or None."""
    found = re.findall(r"\\boxed\{([^{}]*)\}", text)
    return found[-1].strip() if found else None


def majority(votes: Sequence[str | None]) -> tuple[str | None, int]:
    """The answer with the most votes (the first reached among equals) and its count; unscored samples never vote."""
    counts = Counter(vote for vote in votes if vote is not None)
    if not counts:
        return None, 0
    best = max(counts.values())
    return next(vote for vote in votes if vote is not None and counts[vote] == best), best


def usd(replies: Sequence[Reply]) -> float:
    """What these replies of the large model cost."""
    return sum(r.prompt_tokens * LARGE_USD_PER_TOKEN[0] + r.completion_tokens * LARGE_USD_PER_TOKEN[1] for r in replies)


class Bench:
    """Runs roles over all problems and remembers nothing else."""

    def __init__(self, problems: list[Item], small: Client, large: Client, seed: int) -> None:
        self.problems, self.small, self.large, self.seed = problems, small, large, seed
        self.gold = [item.answer for item in problems]

    def ask(self, who: str, role: str, temperature: float, k: int = 1, **plans: list[str]) -> list[list[Reply]]:
        """Asks one role about every problem k times; a plan list holds k entries per problem, or one."""
        requests = []
        for index, item in enumerate(self.problems):
            for draw in range(k):
                slots = {
                    name: texts[index * k + draw] if len(texts) > len(self.problems) else texts[index]
                    for name, texts in plans.items()
                }
                user = prompt(role, question=item.question, **slots)
                requests.append(
                    Request(user, temperature, seed_of(self.seed, who, role, temperature, index, draw, sorted(plans)))
                )
        replies = (self.small if who == "small" else self.large).map(requests)
        return [replies[index * k : index * k + k] for index in range(len(self.problems))]

    def right(self, replies: list[list[Reply]]) -> Truths:
        """Which first replies are right."""
        return np.array([boxed(drawn[0].text) == gold for drawn, gold in zip(replies, self.gold, strict=True)])

    def right_majority(self, replies: list[list[Reply]]) -> tuple[Truths, NDArray[np.int_]]:
        """Which majorities are right, and how many votes they have."""
        voted = [majority([boxed(reply.text) for reply in drawn]) for drawn in replies]
        return np.array([vote == gold for (vote, _), gold in zip(voted, self.gold, strict=True)]), np.array(
            [count for _, count in voted]
        )


class Report:
    """Prints figures with paired bootstrap intervals and collects them."""

    def __init__(self, count: int, seed: int, resamples: int = 2000) -> None:
        self._rows = np.random.default_rng(seed).integers(0, count, (resamples, count))
        self.figures: dict[str, dict[str, float]] = {}

    def line(
        self, name: str, statistic: Callable[[NDArray[np.intp]], float], unit: str = "%", scale: float = 100.0
    ) -> float:
        """Prints `name: value [low, high]` of a statistic of the problems' indices; returns the value."""
        values = [scale * statistic(rows) for rows in self._rows]
        low, high = np.nanpercentile(values, [2.5, 97.5])
        value = scale * statistic(np.arange(self._rows.shape[1]))
        self.figures[name] = {"value": round(value, 2), "low": round(float(low), 2), "high": round(float(high), 2)}
        print(f"{name:<66} {value:7.1f} {unit:<4} [{low:.1f}, {high:.1f}]", flush=True)
        return value

    def share(self, name: str, truths: Truths) -> float:
        """A share of problems."""
        return self.line(name, lambda rows: float(truths[rows].mean()))

    def gain(self, name: str, better: Truths, worse: Truths) -> float:
        """A paired difference in percentage points."""
        return self.line(name, lambda rows: float(better[rows].mean()) - float(worse[rows].mean()), "pts")


def _mean(rows: NDArray[np.intp], truths: Truths, among: Truths) -> float:
    chosen = rows[among[rows]]
    return float(truths[chosen].mean()) if len(chosen) else float("nan")


def evaluate(bench: Bench, report: Report, samples: bool = True) -> None:
    """Prints the word-problem figures."""
    none_small = bench.ask("small", "solve", 0.8, K)
    none_large = bench.ask("large", "solve", 0.0)
    single, large = bench.right(none_small), bench.right(none_large)
    voted, votes = bench.right_majority(none_small)
    report.share("Small (single, T=0.8)", single)
    report.share("Small (majority of 8)", voted)
    report.gain("  majority minus single", voted, single)
    report.share("Large (greedy)", large)
    report.line("Consensus: accuracy where 7 or 8 of 8 agree", lambda rows: _mean(rows, voted, votes >= 7))
    report.line("Consensus: accuracy where fewer agree", lambda rows: _mean(rows, voted, votes < 7))
    report.line(
        "  agree minus fewer", lambda rows: _mean(rows, voted, votes >= 7) - _mean(rows, voted, votes < 7), "pts"
    )
    report.share("Consensus: share of problems where 7 or 8 of 8 agree", votes >= 7)

    print(
        "\nPlans (the paper's Table 2 in miniature; executor single, small at T=0.8, large greedy; planners at T=0.8)"
    )
    plans = {
        (who, role): [drawn[0].text for drawn in bench.ask(who, role, 0.8)]
        for who in ("small", "large")
        for role in ("goal", "guideline")
    }
    for executor, base, temperature in (("small", single, 0.8), ("large", large, 0.0)):
        for role in ("goal", "guideline"):
            for planner in ("small", "large"):
                replies = bench.ask(executor, f"solve_{role}", temperature, **{role: plans[planner, role]})
                report.gain(f"  {executor} executor with {planner}'s {role}, minus no plan", bench.right(replies), base)
    gold_plan = bench.ask("small", "solve_guideline", 0.8, guideline=[item.guideline for item in bench.problems])
    report.share("  small executor with the right guideline", bench.right(gold_plan))
    exact = np.array(
        [item.guideline == plan for item, plan in zip(bench.problems, plans["large", "guideline"], strict=True)]
    )
    report.share("  large's guidelines that equal the right one", exact)

    _cope(bench, report, none_large, large)
    if samples:
        _breakdown(bench, single, voted, votes, large, exact, bench.right(gold_plan))


def _cope(bench: Bench, report: Report, none_large: list[list[Reply]], large: Truths) -> None:
    print("\nCOPE (k=8, thresholds 0.75 and 0.5, strictly greater)")
    count = len(bench.problems)
    goals = [reply.text for drawn in bench.ask("small", "goal", 0.8, K) for reply in drawn]
    first = bench.ask("small", "solve_goal", 0.4, K, goal=goals)
    answers = [[boxed(reply.text) for reply in drawn] for drawn in first]
    votes1 = [majority(drawn) for drawn in answers]
    carried = []
    for index, (vote, _) in enumerate(votes1):
        at = answers[index].index(vote) if vote is not None else 0
        carried.append(goals[index * K + at])
    g2 = bench.ask("large", "guideline", 0.8)
    plan2 = [drawn[0].text for drawn in g2]
    second = bench.ask("small", "solve_goal_guideline", 0.8, K, goal=carried, guideline=plan2)
    votes2 = [majority([boxed(reply.text) for reply in drawn]) for drawn in second]
    third = bench.ask("large", "solve_guideline", 0.0, guideline=plan2)
    stage = np.array(
        [1 if v1[1] > 0.75 * K else 2 if v2[1] > 0.5 * K else 3 for v1, v2 in zip(votes1, votes2, strict=True)]
    )
    answer = [(votes1[i][0], votes2[i][0], boxed(third[i][0].text))[stage[i] - 1] for i in range(count)]
    right = np.array([a == g for a, g in zip(answer, bench.gold, strict=True)])
    cost_large = np.array([usd(drawn) for drawn in none_large])
    cost = np.array([(stage[i] >= 2) * usd(g2[i]) + (stage[i] == 3) * usd(third[i]) for i in range(count)])
    report.share("COPE", right)
    report.gain("  COPE minus Large", right, large)
    report.line("  COPE's dollars as a share of Large's", lambda rows: float(cost[rows].sum() / cost_large[rows].sum()))
    report.line("  COPE, USD per million problems", lambda rows: float(cost[rows].mean()), "USD", 1e6)
    report.line("  Large, USD per million problems", lambda rows: float(cost_large[rows].mean()), "USD", 1e6)
    for number in (1, 2, 3):
        report.share(f"  resolved by stage {number}", stage == number)
        report.line(
            f"  accuracy of what stage {number} resolves",
            lambda rows, number=number: _mean(rows, right, stage == number),
        )  # type: ignore[misc]
    plan_tokens = np.array([drawn[0].completion_tokens for drawn in g2])
    solution_tokens = np.array([drawn[0].completion_tokens for drawn in none_large])
    report.line(
        "A guideline's tokens as a share of a solution's",
        lambda rows: float(plan_tokens[rows].sum() / solution_tokens[rows].sum()),
    )


def _breakdown(
    bench: Bench, single: Truths, voted: Truths, votes: NDArray[np.int_], large: Truths, exact: Truths, told: Truths
) -> None:
    def table(title: str, key: Callable[[Item], object]) -> None:
        print(
            f"\n{title:<14} {'count':>6} {'single':>7} {'major.':>7} {'>=7/8':>7} {'right>=7':>8} {'large':>7} {'plan':>7} {'told':>7}"
        )
        keys = [key(item) for item in bench.problems]
        for value in sorted(set(keys), key=str):
            of = np.array([k == value for k in keys])
            sure = of & (votes >= 7)
            row = [100 * column[of].mean() for column in (single, voted, votes >= 7)]
            row.append(100 * voted[sure].mean() if sure.any() else float("nan"))
            row += [100 * column[of].mean() for column in (large, exact, told)]
            print(f"{value!s:<14} {of.sum():6d} " + " ".join(f"{number:7.1f}" for number in row))

    table("level", lambda item: item.level)
    table("family", lambda item: item.family)
    table("rare rule", lambda item: item.rare)


def _runs(code: str, tests: Sequence[str], entry_point: str) -> bool:
    """Whether a one-line function passes; only a plain `def` with names that the world uses is executed."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return False
    allowed = {"sum", "min", "max", "len", "sorted", "x", "xs", entry_point}
    if any(isinstance(node, (ast.Attribute, ast.Import, ast.ImportFrom, ast.While)) for node in ast.walk(tree)):
        return False
    if {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - allowed:
        return False
    space: dict[str, object] = {"__builtins__": {"sum": sum, "min": min, "max": max, "len": len, "sorted": sorted}}
    try:
        exec(code, space)
        for test in tests:
            exec(test, space)
    except Exception:
        return False
    return True


def evaluate_code(bench: Bench, count: int) -> None:
    """Prints pass rates of the tiny functions and of programs for word problems."""
    problems = tiny_functions(count, seed=bench.seed)
    print("\nTiny functions (hidden asserts; share that pass) and programs (`ans` right)")
    for who, client, temperature in (("small", bench.small, 0.8), ("large", bench.large, 0.0)):
        plans = [
            reply.text
            for reply in bench.large.map(
                Request(prompt("guideline", question=p.question), 0.8, seed_of("code", p.id)) for p in problems
            )
        ]
        alone = client.map(
            Request(prompt("function", question=p.question), temperature, seed_of("f", p.id)) for p in problems
        )
        told = client.map(
            Request(prompt("function_guideline", question=p.question, guideline=plan), temperature, seed_of("g", p.id))
            for p, plan in zip(problems, plans, strict=True)
        )
        for name, replies in (("alone", alone), ("with large's guideline", told)):
            passed = [
                _runs(r.text, [*p.meta["visible_tests"], *p.meta["hidden_tests"]], p.meta["entry_point"])
                for r, p in zip(replies, problems, strict=True)
            ]
            print(f"  {who} functions {name:<24} {100 * sum(passed) / count:5.1f} %")
        programs = bench.ask(who, "program", temperature)
        right = [_program_answer(drawn[0].text) == gold for drawn, gold in zip(programs, bench.gold, strict=True)]
        print(f"  {who} programs {100 * sum(right) / len(right):27.1f} %")


def _program_answer(text: str) -> str | None:
    values: dict[str, int] = {}
    for line in text.splitlines():
        found = re.fullmatch(r"(\w+) = (\w+)([-+*%]|//)(\w+)", line)
        if not found:
            return None
        name, left, op, right = found.groups()
        try:
            a, b = (int(side) if side.isdigit() else values[side] for side in (left, right))
            values[name] = {"+": a + b, "-": a - b, "*": a * b, "//": a // b if b else -1, "%": a % b if b else -1}[op]
        except KeyError:
            return None
    return str(values["ans"]) if "ans" in values else None


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=1000, help="held-out word problems (default 1000)")
    parser.add_argument(
        "--functions", type=int, default=200, help="held-out functions (default 200; 0 leaves code out)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--weights", type=Path, default=PACKAGE / "weights", help="folder of cope-small.gguf and cope-large.gguf"
    )
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    problems = [item for item, _ in zip(items(options.seed), range(options.problems), strict=False)]
    started = time.time()
    with (
        Server(options.weights / "cope-small.gguf", parallel=16, context_tokens=512) as small,
        Server(options.weights / "cope-large.gguf", parallel=16, context_tokens=512) as large,
        Client(small) as small_client,
        Client(large) as large_client,
    ):
        bench = Bench(problems, small_client, large_client, options.seed)
        report = Report(len(problems), options.seed)
        print(f"{len(problems)} held-out word problems, seed {options.seed}; value [paired bootstrap 95 % interval]\n")
        evaluate(bench, report)
        if options.functions:
            evaluate_code(bench, options.functions)
    print(f"\n{time.time() - started:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(report.figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
