r"""Steps: the one representation behind a problem's guideline, worked solution and program.

A problem's reasoning is a short list of arithmetic steps. Each operand is a number from the problem (or from a rule) or the result of an
earlier step. The guideline is the steps without their results, the worked solution is the steps with them, the program is the same as
Python, and a wrong plan is a changed copy of the steps.

Example:
    >>> steps = (Step("*", 4, 6), Step("-", Ref(0), 3))
    >>> guideline(steps)
    'Multiply 4 by 6, then subtract 3.'
    >>> solution(steps)
    'Multiply 4 by 6: 4*6=24. Subtract 3: 24-3=21. The answer is \\\\boxed{21}.'
    >>> program(steps)
    'a = 4*6\\nans = a-3'
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

MAX_RESULT = 999
"""No step may give more than this: the models are trained on small numbers."""


@dataclass(frozen=True, slots=True)
class Ref:
    """The result of the step at `index` (counted from 0)."""

    index: int


Operand = int | Ref


@dataclass(frozen=True, slots=True)
class Step:
    """One operation: `op` is one of + - * / % (remainder)."""

    op: str
    left: Operand
    right: Operand


Steps = tuple[Step, ...]


class NotExecutable(ValueError):
    """The steps leave the range of small non-negative integers or divide with a remainder."""


def results(steps: Steps) -> list[int]:
    """Executes the steps.

    Returns:
        One result per step; the last is the answer.

    Raises:
        NotExecutable: a result is negative, above MAX_RESULT or not an integer.
    """
    values: list[int] = []
    for step in steps:
        left = values[step.left.index] if isinstance(step.left, Ref) else step.left
        right = values[step.right.index] if isinstance(step.right, Ref) else step.right
        if step.op == "+":
            value = left + right
        elif step.op == "-":
            value = left - right
        elif step.op == "*":
            value = left * right
        elif right == 0 or (step.op == "/" and left % right):
            raise NotExecutable(f"{left}{step.op}{right}")
        elif step.op == "/":
            value = left // right
        else:
            value = left % right
        if not 0 <= value <= MAX_RESULT:
            raise NotExecutable(f"{left}{step.op}{right}={value}")
        values.append(value)
    return values


_BOTH_NUMBERS = {
    "+": "add {0} and {1}",
    "-": "subtract {1} from {0}",
    "*": "multiply {0} by {1}",
    "/": "divide {0} by {1}",
    "%": "take the remainder of {0} by {1}",
}
_AFTER_RESULT = {
    "+": "add {1}",
    "-": "subtract {1}",
    "*": "multiply by {1}",
    "/": "divide by {1}",
    "%": "take the remainder by {1}",
}
_BEFORE_RESULT = {"+": "add {0}", "-": "subtract that from {0}", "*": "multiply by {0}", "/": "divide {0} by that"}
_BOTH_RESULTS = {
    "+": "add both",
    "-": "subtract the second from the first",
    "*": "multiply both",
    "/": "divide the first by the second",
}


def clauses(steps: Steps) -> list[str]:
    """Says each step in words, without results: `multiply 4 by 6`, `subtract 3`, `add both`."""
    said = []
    for step in steps:
        left_ref, right_ref = isinstance(step.left, Ref), isinstance(step.right, Ref)
        table = (
            _BOTH_RESULTS
            if left_ref and right_ref
            else _AFTER_RESULT
            if left_ref
            else _BEFORE_RESULT
            if right_ref
            else _BOTH_NUMBERS
        )
        said.append(table[step.op].format(step.left, step.right))
    return said


def _capitalised(text: str) -> str:
    return text[0].upper() + text[1:]


def guideline(steps: Steps, lead: str = "") -> str:
    """The steps as one sentence without results, after `lead` (which person needs which, for relations)."""
    sentence = _capitalised(", then ".join(clauses(steps))) + "."
    return f"{lead} {sentence}" if lead else sentence


def solution(steps: Steps, lead: str = "") -> str:
    r"""The worked solution: each step in words with its result, ending in `\boxed{...}`."""
    values = results(steps)
    parts = [lead] if lead else []
    for step, said, value in zip(steps, clauses(steps), values, strict=True):
        left = values[step.left.index] if isinstance(step.left, Ref) else step.left
        right = values[step.right.index] if isinstance(step.right, Ref) else step.right
        if step.op == "%":
            whole = left // right
            worked = f"{right}*{whole}={right * whole}, {left}-{right * whole}={value}"
        else:
            worked = f"{left}{step.op}{right}={value}"
        parts.append(f"{_capitalised(said)}: {worked}.")
    parts.append(f"The answer is \\boxed{{{values[-1]}}}.")
    return " ".join(parts)


def program(steps: Steps) -> str:
    """The steps as a Python program that leaves the answer in `ans` (Program-of-Thought)."""
    lines = []
    for index, step in enumerate(steps):
        left, right = (
            "abcdefgh"[operand.index] if isinstance(operand, Ref) else str(operand)
            for operand in (step.left, step.right)
        )
        op = "//" if step.op == "/" else step.op
        name = "ans" if index == len(steps) - 1 else "abcdefgh"[index]
        lines.append(f"{name} = {left}{op}{right}")
    return "\n".join(lines)


def chain(start: Step, *rest: tuple[str, int]) -> Steps:
    """Steps that each go on from the one before: `chain(Step("*", 4, 6), ("-", 3))`."""
    steps = [start]
    for op, number in rest:
        steps.append(Step(op, Ref(len(steps) - 1), number))
    return tuple(steps)


def changed(steps: Steps, rng: random.Random) -> Steps:
    """A wrong plan: one operation or one number changed, or the last step left out, such that it can still be executed."""
    right_answer = results(steps)[-1]
    for _ in range(20):
        at = rng.randrange(len(steps))
        step = steps[at]
        kind = rng.randrange(3)
        if kind == 0 and step.op in "+-*":
            new = replace(step, op="+-*".replace(step.op, "")[rng.randrange(2)])
            candidate = steps[:at] + (new,) + steps[at + 1 :]
        elif kind == 1 and isinstance(step.right, int):
            candidate = steps[:at] + (replace(step, right=rng.randrange(2, 13)),) + steps[at + 1 :]
        elif len(steps) > 1 and isinstance(steps[-1].left, Ref) != isinstance(steps[-1].right, Ref):
            candidate = steps[:-1]
        else:
            continue
        try:
            if results(candidate)[-1] != right_answer:
                return candidate
        except NotExecutable:
            continue
    return steps
