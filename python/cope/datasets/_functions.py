"""Tiny Python functions from a description: for code tasks, where visible asserts are the gate and hidden asserts the score."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass

from ..problems import Problem

TEST_SHARE = 6
"""One description in this many belongs to the test split."""


@dataclass(frozen=True, slots=True)
class FunctionItem:
    """A function to write, with everything that training needs.

    Attributes:
        question: description, signature and one visible assert.
        skeleton: description and signature; its hash decides the split.
        goal: what the function is to do.
        guideline: how, in words close to the code.
        code: a right function.
        entry_point: the function's name.
        visible_tests: asserts shown in the question.
        hidden_tests: asserts for scoring.
        level: difficulty, 1 to 3.
        rare: whether the small model hardly knows this kind.
        kind: which kind of function it is.
    """

    question: str
    skeleton: str
    goal: str
    guideline: str
    code: str
    entry_point: str
    visible_tests: tuple[str, ...]
    hidden_tests: tuple[str, ...]
    level: int
    rare: bool
    kind: str


# kind: (argument, description, body after `return `, level, rare); {c} and {d} are constants
_KINDS: dict[str, tuple[str, str, str, int, bool]] = {
    "add": ("x", "adds {c} to x", "x+{c}", 1, False),
    "times": ("x", "multiplies x by {c}", "x*{c}", 1, False),
    "take": ("x", "takes {c} from x", "x-{c}", 1, False),
    "times_add": ("x", "multiplies x by {c} and adds {d}", "x*{c}+{d}", 2, False),
    "add_times": ("x", "adds {c} to x and multiplies by {d}", "(x+{c})*{d}", 2, False),
    "square_add": ("x", "squares x and adds {c}", "x*x+{c}", 2, True),
    "rest": ("x", "gives the rest of x by {c}", "x%{c}", 1, True),
    "whole": ("x", "gives how often {c} fits in x", "x//{c}", 1, True),
    "multiple": ("x", "tells whether x is a multiple of {c}", "x%{c}==0", 2, True),
    "above": ("x", "tells whether x is above {c}", "x>{c}", 1, False),
    "between": ("x", "tells whether x is from {c} to {e}", "{c}<=x<={e}", 2, True),
    "cap": ("x", "gives x but at most {c}", "min(x, {c})", 2, True),
    "floor": ("x", "gives x but at least {c}", "max(x, {c})", 2, True),
    "sum": ("xs", "sums the list and adds {c}", "sum(xs)+{c}", 2, False),
    "longest": ("xs", "gives the largest of the list plus {c}", "max(xs)+{c}", 2, False),
    "smallest": ("xs", "gives the smallest of the list times {c}", "min(xs)*{c}", 2, False),
    "length": ("xs", "gives the length of the list times {c}", "len(xs)*{c}", 2, False),
    "each_times": ("xs", "multiplies each by {c}", "[x*{c} for x in xs]", 3, False),
    "each_add": ("xs", "adds {c} to each", "[x+{c} for x in xs]", 3, False),
    "each_square": ("xs", "squares each and adds {c}", "[x*x+{c} for x in xs]", 3, True),
    "keep_above": ("xs", "keeps those above {c}", "[x for x in xs if x>{c}]", 3, False),
    "keep_multiples": ("xs", "keeps the multiples of {c}", "[x for x in xs if x%{c}==0]", 3, True),
    "count_above": ("xs", "counts those above {c}", "sum(x>{c} for x in xs)", 3, True),
    "sum_times": ("xs", "sums the list and multiplies by {c}", "sum(xs)*{c}", 2, False),
    "first": ("xs", "gives the first {c} of the list", "xs[:{c}]", 2, False),
    "last": ("xs", "gives the last {c} of the list", "xs[-{c}:]", 2, True),
    "spread": ("xs", "gives the largest minus the smallest plus {c}", "max(xs)-min(xs)+{c}", 3, True),
    "sorted_first": ("xs", "gives the {c} smallest in order", "sorted(xs)[:{c}]", 3, True),
}

_NAMES = ("f", "g", "h", "work", "solve", "run")


def _value(body: str, argument: str, value: object) -> object:
    return eval(body, {argument: value, "sum": sum, "min": min, "max": max, "len": len, "sorted": sorted})


def draw_function(rng: random.Random, test: bool = False, reliability: float = 1.0) -> FunctionItem:
    """Draws one function item.

    Args:
        rng: the source of randomness.
        test: from the test split if true, else from the training split.
        reliability: chance that a rare kind comes with its right body rather than another kind's (the small model's training).
    """
    kinds = tuple(_KINDS)
    while True:
        kind = kinds[rng.randrange(len(kinds))]
        argument, description, body, level, rare = _KINDS[kind]
        name = _NAMES[rng.randrange(len(_NAMES))]
        c, d = rng.randrange(2, 10), rng.randrange(2, 10)
        constants = {"c": c, "d": d, "e": c + d}
        described = description.format(**constants)
        skeleton = f"Write a function that {described}. def @f({argument}):"
        if (hashlib.sha256(skeleton.encode()).digest()[0] % TEST_SHARE == 0) == test:
            break
    if rare and rng.random() >= reliability:
        others = [other for other in _KINDS.values() if other[0] == argument]
        body = others[rng.randrange(len(others))][2]
    code_body = body.format(**constants)
    inputs: list[object] = []
    while len(inputs) < 5:
        value: object = (
            rng.randrange(0, 31) if argument == "x" else [rng.randrange(0, 21) for _ in range(rng.randrange(2, 6))]
        )
        if value not in inputs:
            inputs.append(value)
    asserts = tuple(f"assert {name}({value}) == {_value(code_body, argument, value)}" for value in inputs)
    return FunctionItem(
        question=f"Write a function that {described}. def {name}({argument}): {asserts[0]}",
        skeleton=skeleton,
        goal=f"Write {name} such that it {described}.",
        guideline=f"Return {code_body}.",
        code=f"def {name}({argument}):\n    return {code_body}",
        entry_point=name,
        visible_tests=asserts[:1],
        hidden_tests=asserts[1:],
        level=level,
        rare=rare,
        kind=kind,
    )


def function_items(seed: int) -> Iterator[FunctionItem]:
    """Draws test items without end, no question twice."""
    rng = random.Random(f"tiny functions {seed}")
    seen: set[str] = set()
    while True:
        item = draw_function(rng, test=True)
        if item.question not in seen:
            seen.add(item.question)
            yield item


def tiny_functions(n: int, seed: int = 0) -> list[Problem]:
    """Draws tiny Python functions to write, for the embedded pair, from the test split of its world.

    The pair is a miniature that makes the machinery run live: results on these problems are no evidence for any claim about large
    language models.

    Args:
        n: how many problems, at least 0.
        seed: draws with other seeds differ; the first m of a draw of n are the draw of m.

    Returns:
        Problems with unique ids, a right function as `answer`, and `meta` holding `level`, `family` ("functions"), `kind`, `rare`,
        `entry_point`, `visible_tests` (shown in the question; for the gate) and `hidden_tests` (for the score), both lists of asserts.

    Raises:
        ValueError: n is negative.

    Example:
        >>> tiny_functions(1, seed=0)[0].id
        'function-0-000000'
    """
    if n < 0:
        raise ValueError(f"n: expected 0 or more problems, got {n}")
    problems = []
    for index, item in zip(range(n), function_items(seed), strict=False):
        meta = {
            "level": item.level,
            "family": "functions",
            "kind": item.kind,
            "rare": item.rare,
            "entry_point": item.entry_point,
            "visible_tests": list(item.visible_tests),
            "hidden_tests": list(item.hidden_tests),
        }
        problems.append(Problem(f"function-{seed}-{index:06d}", item.question, item.code, meta))
    return problems
