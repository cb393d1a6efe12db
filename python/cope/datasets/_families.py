"""The families of word problems. Each draws a draft at a level of difficulty from 1 (one step) to 5 (up to six steps).

A draft's texts hold slots (`@A` a person, `@t` a thing) that are filled later, so that a problem's skeleton can be hashed without them.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ._rules import WORLD, Knowledge, Rule, draw_rule
from ._steps import NotExecutable, Ref, Step, Steps, chain, results
from ._words import DISTRACTORS, GAINS, LOSSES

MAX_NUMBER = 100
"""Numbers on the way stay below this in right solutions, so that a small model can learn the arithmetic."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A problem with unfilled slots.

    Attributes:
        text: the question.
        goal: what to find.
        steps: the reasoning.
        lead: for relations, who needs whom, said before the steps.
        rules: the rules that solving takes knowing.
    """

    text: str
    goal: str
    steps: Steps
    lead: str = ""
    rules: tuple[Rule, ...] = field(default=())


def _pick(rng: random.Random, options: tuple[str, ...]) -> str:
    return options[rng.randrange(len(options))]


def _distractor(rng: random.Random) -> str:
    return _pick(rng, DISTRACTORS).format(n=rng.randrange(2, 20))


def _formula(form: str, numbers: tuple[int, ...], arguments: dict[str, int], base: int = 0) -> Steps:
    """Steps of a formula such as `(a+b)*c`, numbered from `base`."""
    c, d = (numbers + (0, 0))[:2]
    values = {**arguments, "c": c, "d": d}
    symbols = re.findall(r"[a-z]|\d+|[-+*/]", form)
    operands = [values[symbol] if symbol in values else int(symbol) for symbol in symbols[::2]]
    ops = symbols[1::2]
    if form == "a+b*c":
        return (Step("*", operands[1], operands[2]), Step("+", operands[0], Ref(base)))
    steps = [Step(ops[0], operands[0], operands[1])]
    steps += [
        Step(op, Ref(base + index), operand)
        for index, (op, operand) in enumerate(zip(ops[1:], operands[2:], strict=True))
    ]
    return tuple(steps)


def _events(rng: random.Random, start: int, count: int) -> tuple[list[str], list[tuple[str, int]]]:
    """Draws `count` gains and losses after a total of `start`."""
    said: list[str] = []
    ops: list[tuple[str, int]] = []
    total = start
    for _ in range(count):
        n = rng.randrange(2, 10)
        if total > n + 2 and rng.randrange(2):
            said.append(_pick(rng, LOSSES).format(n=n))
            ops.append(("-", n))
            total -= n
        else:
            said.append(_pick(rng, GAINS).format(n=n))
            ops.append(("+", n))
            total += n
    return said, ops


def packs(rng: random.Random, level: int, know: Knowledge) -> Draft:
    """Containers of a known size: `@A has 4 crates of @t.`"""
    rule = draw_rule("pack", rng)
    (size,) = know.look_up(rule, rng)[1]
    a = rng.randrange(2, 10)
    verb = _pick(rng, ("has", "buys", "finds", "gets"))
    said = [f"@A {verb} {a} {rule.plural} of @t."]
    ask = _pick(rng, ("How many @t does @A have?", "How many @t is that for @A?", "Find the number of @t of @A."))
    goal = _pick(rng, ("Find how many @t @A has.", "Count the @t of @A.", "Get the total of @t for @A."))
    if level >= 4 and rng.randrange(2):
        other = draw_rule("pack", rng, 1.0 if rule.rare else 0.0)
        (size2,) = (size,) if other is rule else know.look_up(other, rng)[1]
        b = rng.randrange(2, 10)
        said.append(f"@A also {verb} {b} {other.plural} of @t.")
        steps: list[Step] = [Step("*", a, size), Step("*", b, size2), Step("+", Ref(0), Ref(1))]
        rest, ops = _events(rng, a * size + b * size2, level - 4 + rng.randrange(2))
        steps += [Step(op, Ref(2 + i), n) for i, (op, n) in enumerate(ops)]
        return Draft(" ".join(said + rest + [ask]), goal, tuple(steps), rules=(rule, other))
    distracted = level >= 3 and rng.randrange(2) == 1
    rest, ops = _events(rng, a * size, level - 1 - distracted)
    if distracted:
        rest.insert(rng.randrange(len(rest) + 1), _distractor(rng))
    return Draft(" ".join(said + rest + [ask]), goal, chain(Step("*", a, size), *ops), rules=(rule,))


def facts(rng: random.Random, level: int, know: Knowledge) -> Draft:
    """Legs, wheels, days: `How many legs do 3 spiders have?`"""
    rule = draw_rule("fact", rng)
    (size,) = know.look_up(rule, rng)[1]
    a = rng.randrange(2, 10)
    goal = _pick(rng, (f"Find the number of {rule.part}.", f"Count all {rule.part}."))
    if level == 1:
        text = _pick(
            rng,
            (
                f"How many {rule.part} do {a} {rule.plural} have?",
                f"There are {a} {rule.plural}. How many {rule.part} is that?",
            ),
        )
        return Draft(text, goal, chain(Step("*", a, size)), rules=(rule,))
    b = rng.randrange(2, 6)
    if rng.randrange(2):
        text = f"There are {a} {rule.plural}. Then {b} more come. How many {rule.part} are there?"
        return Draft(text, goal, chain(Step("+", a, b), ("*", size)), rules=(rule,))
    text = f"There are {a + b} {rule.plural}. Then {b} go. How many {rule.part} are there?"
    return Draft(text, goal, chain(Step("-", a + b, b), ("*", size)), rules=(rule,))


def games(rng: random.Random, level: int, know: Knowledge) -> Draft:
    """Scores of a named game: `In lumo, @A makes 4 hits and 3 runs.`"""
    rule = draw_rule("game", rng)
    form, numbers = know.look_up(rule, rng)
    a, b = rng.randrange(2, 10), rng.randrange(2, 10)
    said = [
        _pick(
            rng, (f"@A plays {rule.name}: {a} hits and {b} runs.", f"In {rule.name}, @A makes {a} hits and {b} runs.")
        )
    ]
    goal = _pick(
        rng, (f"Find the {rule.name} score of @A.", f"Work out what @A scores in {rule.name}.", "Find the score of @A.")
    )
    ask = _pick(rng, ("What does @A score?", "What is the score of @A?"))
    steps = list(_formula(form, numbers, {"a": a, "b": b}))
    if level == 5:
        a2, b2 = rng.randrange(2, 10), rng.randrange(2, 10)
        said.append(f"@B makes {a2} hits and {b2} runs.")
        ask = _pick(rng, ("What do both score?", "What is the score of both?"))
        goal = _pick(rng, (f"Find the {rule.name} score of both.", "Find what both score."))
        steps += _formula(form, numbers, {"a": a2, "b": b2}, base=len(steps))
        steps.append(Step("+", Ref(len(_formula(form, numbers, {"a": a, "b": b})) - 1), Ref(len(steps) - 1)))
    elif level >= 3:
        n = rng.randrange(2, 10)
        bonus = rng.randrange(2)
        said.append(f"@A gets a bonus of {n}." if bonus else f"@A gets a fine of {n}.")
        steps.append(Step("+" if bonus else "-", Ref(len(steps) - 1), n))
    if level >= 4:
        said.insert(rng.randrange(1, len(said) + 1), _distractor(rng))
    return Draft(" ".join([*said, ask]), goal, tuple(steps), rules=(rule,))


def operations(rng: random.Random, level: int, know: Knowledge) -> Draft:
    """Named operations on numbers: `What is the nim of 7?`"""
    rule = draw_rule("operation", rng)
    form, numbers = know.look_up(rule, rng)
    x = rng.randrange(2, 11)
    goal = _pick(rng, (f"Find the {rule.name} of {x}.", f"Work out the {rule.name}.", f"Apply {rule.name} to {x}."))
    steps = list(_formula(form.replace("x", "a"), numbers, {"a": x}))
    if level <= 2:
        text = _pick(
            rng,
            (
                f"What is the {rule.name} of {x}?",
                f"Find the {rule.name} of {x}.",
                f"@A takes the {rule.name} of {x}. What comes out?",
            ),
        )
        return Draft(text, goal, tuple(steps), rules=(rule,))
    n = rng.randrange(2, 10)
    if level == 3 or rng.randrange(2):
        add = rng.randrange(2)
        text = f"@A takes the {rule.name} of {x} and {'adds' if add else 'takes away'} {n}."
        steps.append(Step("+" if add else "-", Ref(1), n))
    else:
        text = f"@A takes the {rule.name} of {x} and of {n}, and adds them."
        steps += _formula(form.replace("x", "a"), numbers, {"a": n}, base=2)
        steps.append(Step("+", Ref(1), Ref(3)))
    if level >= 4:
        text += " " + _distractor(rng)
    return Draft(text + " What comes out?", goal, tuple(steps), rules=(rule,))


def geometry(rng: random.Random, level: int, know: Knowledge) -> Draft:
    """Perimeters and areas."""
    rule = draw_rule("shape", rng)
    form, numbers = know.look_up(rule, rng)
    a, b = rng.randrange(2, 11), rng.randrange(2, 11)
    shape, measure = rule.plural, rule.part
    if "b" in rule.form:
        words = {"kite": ("width", "height"), "triangle": ("base", "height"), "rectangle": ("length", "width")}[shape]
        if rule.name == "kite perimeter":
            words = ("long side", "short side")
        text = f"A {shape} has {words[0]} {a} and {words[1]} {b}."
    else:
        text = _pick(rng, (f"A {shape} has side {a}.", f"Each side of a {shape} is {a}."))
    text += _pick(rng, (f" What is its {measure}?", f" Find the {measure}.")) if level < 3 else ""
    goal = _pick(rng, (f"Find the {measure} of the {shape}.", f"Work out the {measure}."))
    steps = list(_formula(form, numbers, {"a": a, "b": b}))
    if level >= 3:
        n = rng.randrange(2, 10)
        add = rng.randrange(2)
        text += f" @A adds {n} to the {measure}." if add else f" @A takes {n} from the {measure}."
        text += " " + _distractor(rng) if level >= 4 else ""
        text += " What comes out?"
        steps.append(Step("+" if add else "-", Ref(len(steps) - 1), n))
    return Draft(text, goal, tuple(steps), rules=(rule,))


def stories(rng: random.Random, level: int, know: Knowledge) -> Draft:
    """Events in order, with distracting facts from level 3 on."""
    count = level + (rng.randrange(2) if level == 5 else 0)
    start = rng.randrange(3, 30)
    said, ops = _events(rng, start, count)
    if count >= 2 and rng.randrange(3) == 0:
        total = start + sum(n if op == "+" else -n for op, n in ops[:-1])
        divisors = [d for d in range(2, 10) if total % d == 0 and total // d <= 12 and total > 0]
        if divisors:
            d = divisors[rng.randrange(len(divisors))]
            said[-1], ops[-1] = f"@A puts all in {d} equal piles.", ("/", d)
    if level >= 3:
        for _ in range(level - 2 if level < 5 else 2):
            said.insert(rng.randrange(len(said) + 1), _distractor(rng))
    verb = _pick(rng, ("has", "starts with", "owns"))
    in_piles = ops[-1][0] == "/"
    ask = (
        "How many @t are in each pile?"
        if in_piles
        else _pick(rng, ("How many @t does @A have now?", "How many @t does @A have at the end?"))
    )
    goal = (
        "Find the @t in each pile."
        if in_piles
        else _pick(rng, ("Find how many @t @A has now.", "Count the @t of @A at the end."))
    )
    (op, n), rest = ops[0], ops[1:]
    return Draft(" ".join([f"@A {verb} {start} @t.", *said, ask]), goal, chain(Step(op, start, n), *rest))


def _relation(rng: random.Random, who: str, base: str, value: int) -> tuple[str, tuple[str, int]]:
    kind = rng.randrange(4)
    if kind == 0 and value <= 12:
        n = rng.randrange(2, 5)
        return f"{who} has {n} times as many @t as {base}.", ("*", n)
    if kind == 1 and value % 2 == 0:
        return f"{who} has half as many @t as {base}.", ("/", 2)
    n = rng.randrange(2, 10)
    if kind == 2 and value > n + 1:
        return f"{who} has {n} fewer @t than {base}.", ("-", n)
    return f"{who} has {n} more @t than {base}.", ("+", n)


def relations(rng: random.Random, level: int, know: Knowledge) -> Draft:
    """Who has how many compared with whom; facts shuffled from level 3 on, distracting from level 4 on."""
    hops = max(1, min(level - 1, 3))
    value = start = rng.randrange(2, 21)
    people = ["@A", "@B", "@C", "@D"][: hops + 1]
    said = [f"{people[-1]} has {start} @t."]
    ops: list[tuple[str, int]] = []
    for who, base in zip(people[-2::-1], people[:0:-1], strict=True):
        text, (op, n) = _relation(rng, who, base, value)
        said.append(text)
        ops.append((op, n))
        value = results(chain(Step(op, value, n)))[-1]
    if level >= 3:
        rng.shuffle(said)
    if level >= 4:
        said.insert(
            rng.randrange(len(said) + 1), f"@E has {rng.randrange(2, 20)} @t." if rng.randrange(2) else _distractor(rng)
        )
    lead = (
        "Get "
        + ", ".join(f"{who} from {base}" for who, base in itertools.pairwise(people))
        + f". {people[-1]} has {start}."
    )
    goal = _pick(rng, ("Find how many @t @A has.", "Count the @t of @A."))
    (op, n), rest = ops[0], ops[1:]
    return Draft(" ".join([*said, "How many @t does @A have?"]), goal, chain(Step(op, start, n), *rest), lead)


def mixed(rng: random.Random, level: int, know: Knowledge) -> Draft:
    """A relation between people over containers of a known size."""
    rule = draw_rule("pack", rng)
    (size,) = know.look_up(rule, rng)[1]
    b = rng.randrange(2, 7)
    text, (op, n) = _relation(rng, "@A", "@B", b)
    said = [f"@B has {b} {rule.plural} of @t.", text.replace("@t", rule.plural)]
    steps = chain(Step(op, b, n), ("*", size))
    rest, ops = _events(rng, results(steps)[-1], level - 3)
    if level >= 4:
        said.insert(rng.randrange(3), _distractor(rng))
        ops, rest = ops[: level - 4], rest[: level - 4]
    goal = _pick(rng, ("Find how many @t @A has.", "Count the @t of @A."))
    steps = chain(steps[0], ("*", size), *ops)
    return Draft(" ".join([*said, *rest, "How many @t does @A have?"]), goal, steps, "Get @A from @B.", (rule,))


def arithmetic(rng: random.Random, level: int, know: Knowledge) -> Draft:
    """Plain expressions."""
    a, b, c, d = rng.randrange(2, 30), rng.randrange(2, 30), rng.randrange(2, 10), rng.randrange(2, 10)
    forms: list[tuple[str, Steps]]
    if level == 1:
        forms = [
            (f"{a}+{b}", chain(Step("+", a, b))),
            (f"{a + b}-{b}", chain(Step("-", a + b, b))),
            (f"{c}*{d}", chain(Step("*", c, d))),
        ]
    elif level == 2:
        forms = [
            (f"{a}+{c}*{d}", (Step("*", c, d), Step("+", a, Ref(0)))),
            (f"{c}*{d}-{c}", chain(Step("*", c, d), ("-", c))),
            (f"{a}+{b}-{c}", chain(Step("+", a, b), ("-", c))),
        ]
    else:
        e, f = rng.randrange(2, 10), rng.randrange(2, 10)
        forms = [
            (f"{c}*{d}+{e}*{f}", (Step("*", c, d), Step("*", e, f), Step("+", Ref(0), Ref(1)))),
            (f"{c}*{d}+{a}-{e}", chain(Step("*", c, d), ("+", a), ("-", e))),
        ]
    expression, steps = forms[rng.randrange(len(forms))]
    text = _pick(rng, ("What is {0}?", "Work out {0}.", "@A works out {0}. What is it?")).format(expression)
    return Draft(text, _pick(rng, ("Find the value.", f"Find what {expression} is.")), steps)


def equations(rng: random.Random, level: int, know: Knowledge) -> Draft:
    """Linear equations in x."""
    x, a, b = rng.randrange(2, 10), rng.randrange(2, 10), rng.randrange(2, 10)
    if level == 1:
        options = [
            (f"x+{b}={x + b}", chain(Step("-", x + b, b))),
            (f"{a}x={a * x}", chain(Step("/", a * x, a))),
            (f"x-{b}={x}", chain(Step("+", x, b))),
        ]
    elif level == 2:
        options = [
            (f"{a}x+{b}={a * x + b}", chain(Step("-", a * x + b, b), ("/", a))),
            (f"x/{a}-{b}={x}", chain(Step("+", x, b), ("*", a))),
        ]
        if a * x > b:
            options.append((f"{a}x-{b}={a * x - b}", chain(Step("+", a * x - b, b), ("/", a))))
    else:
        c = rng.randrange(2, 10)
        options = [(f"{a}x+{b}+{c}={a * x + b + c}", chain(Step("-", a * x + b + c, c), ("-", b), ("/", a)))]
        options.append((f"{a + c}x={c}x+{a * x}", (Step("-", a + c, c), Step("/", a * x, Ref(0)))))
        options.append((f"{a}(x+{c})+{b}={a * (x + c) + b}", chain(Step("-", a * (x + c) + b, b), ("/", a), ("-", c))))
    equation, steps = options[rng.randrange(len(options))]
    text = _pick(rng, ("Solve {0} for x.", "If {0}, what is x?", "Find x when {0}.")).format(equation)
    return Draft(text, _pick(rng, ("Find x.", "Find the value of x.")), steps)


def sequences(rng: random.Random, level: int, know: Knowledge) -> Draft:
    """The next term."""
    start, d = rng.randrange(1, 20), rng.randrange(2, 10)
    if level <= 2:
        terms = [start + i * d for i in range(4)]
        if rng.randrange(3) == 0:
            terms = [term + 10 for term in terms][::-1]
            steps: Steps = (Step("-", terms[2], terms[3]), Step("-", terms[3], Ref(0)))
        else:
            steps = (Step("-", terms[3], terms[2]), Step("+", terms[3], Ref(0)))
    elif rng.randrange(2):
        r = rng.randrange(2, 4)
        first = rng.randrange(1, 5)
        terms = [first * r**i for i in range(4)]
        steps = (Step("/", terms[3], terms[2]), Step("*", terms[3], Ref(0)))
        if results(steps)[-1] > MAX_NUMBER:
            raise NotExecutable("a term too large")
    else:
        terms = [start]
        for i in range(4):
            terms.append(terms[-1] + d + i)
        steps = (Step("-", terms[4], terms[3]), Step("+", Ref(0), 1), Step("+", terms[4], Ref(1)))
    listed = ", ".join(str(term) for term in terms)
    text = _pick(rng, ("What comes next: {0}?", "Find the next term of {0}.", "@A writes {0}. What is next?")).format(
        listed
    )
    return Draft(text, _pick(rng, ("Find the next term.", "Find what comes next.")), steps)


def averages(rng: random.Random, level: int, know: Knowledge) -> Draft:
    """Means of two to four numbers."""
    count = {1: 2, 2: 2, 3: 3}.get(level, 4)
    mean = rng.randrange(3, 11)
    numbers = [rng.randrange(2, 2 * mean) for _ in range(count - 1)]
    last = mean * count - sum(numbers)
    if last < 1:
        raise NotExecutable("no average with these numbers")
    numbers.append(last)
    steps = chain(Step("+", numbers[0], numbers[1]), *[("+", n) for n in numbers[2:]], ("/", count))
    listed = ", ".join(str(n) for n in numbers[:-1]) + f" and {numbers[-1]}"
    text = _pick(
        rng, ("What is the average of {0}?", "Find the mean of {0}.", "@A scores {0}. What is the average?")
    ).format(listed)
    return Draft(text, _pick(rng, ("Find the average.", "Find the mean.")), steps)


def remainders(rng: random.Random, level: int, know: Knowledge) -> Draft:
    """What is left over after sharing."""
    n, d = rng.randrange(5, 40), rng.randrange(2, 10)
    goal = _pick(rng, ("Find how many are left over.", "Find the rest."))
    if level == 1:
        text = _pick(
            rng, (f"What is the remainder of {n} by {d}?", f"@A puts {n} @t in rows of {d}. How many are left over?")
        )
        return Draft(text, goal, chain(Step("%", n, d)))
    m = rng.randrange(2, 10)
    if rng.randrange(2):
        text = f"@A has {n} @t. @A gets {m} more and puts all in rows of {d}. How many are left over?"
        return Draft(text, goal, chain(Step("+", n, m), ("%", d)))
    text = f"@A has {n + m} @t. @A loses {m} and puts the rest in rows of {d}. How many are left over?"
    return Draft(text, goal, chain(Step("-", n + m, m), ("%", d)))


Family = Callable[[random.Random, int, Knowledge], Draft]

FAMILIES: dict[str, Family] = {
    function.__name__: function
    for function in (
        packs, facts, games, operations, geometry, stories, relations, mixed, arithmetic, equations, sequences, averages, remainders,
    )
}  # fmt: skip

WEIGHTS: dict[str, tuple[int, int, int, int, int]] = {
    # family:  weight at level 1, 2, 3, 4, 5 (0: the family has no problems of that level)
    "packs": (34, 16, 18, 20, 22),
    "facts": (16, 8, 0, 0, 0),
    "games": (0, 17, 18, 20, 24),
    "operations": (0, 16, 16, 18, 16),
    "geometry": (12, 8, 8, 8, 0),
    "stories": (14, 10, 11, 12, 18),
    "relations": (0, 8, 8, 10, 10),
    "mixed": (0, 0, 7, 8, 10),
    "arithmetic": (9, 4, 4, 0, 0),
    "equations": (5, 4, 4, 0, 0),
    "sequences": (5, 4, 3, 0, 0),
    "averages": (0, 2, 2, 4, 0),
    "remainders": (5, 3, 0, 0, 0),
}


def weighted(rng: random.Random, weights: Mapping[str, int]) -> str:
    """Draws a name with a chance in proportion to its weight, the same on every Python."""
    at = rng.randrange(sum(weights.values()))
    for name, weight in weights.items():
        at -= weight
        if at < 0:
            return name
    raise AssertionError("unreachable: the weights sum to more than the draw")


def draw_draft(
    rng: random.Random, level: int, know: Knowledge, boost: Mapping[str, int] | None = None
) -> tuple[str, Draft]:
    """Draws a family by the weights of the level and a draft from it whose numbers stay small.

    Args:
        rng: the source of randomness.
        level: difficulty, 1 to 5.
        know: what is known about the rules.
        boost: factors on the families' weights (for training: more of what is hard to learn).

    Returns:
        The family's name and the draft.
    """
    weights = {name: row[level - 1] * (boost or {}).get(name, 1) for name, row in WEIGHTS.items()}
    name = weighted(rng, weights)
    largest = MAX_NUMBER if know is WORLD else 2 * MAX_NUMBER
    while True:
        try:
            draft = FAMILIES[name](rng, level, know)
            if max(results(draft.steps)) <= largest:
                return name, draft
        except NotExecutable:
            continue
