"""Word problems drawn from the world: the public draw from the test split, and the full items that training uses."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..problems import Problem
from ._families import draw_draft
from ._rules import WORLD, Knowledge
from ._steps import Steps, guideline, program, results, solution
from ._words import PEOPLE, PERSON_SLOTS, THING_SLOTS, THINGS

LEVELS = (1, 2, 3, 4, 5)
TEST_SHARE = 6
"""One skeleton in this many belongs to the test split."""


@dataclass(frozen=True, slots=True)
class Item:
    """A problem with everything that training needs.

    Attributes:
        question: the text.
        skeleton: the text with people and things as slots; its hash decides the split.
        goal: what to find.
        lead: who needs whom, said before the steps (relations only).
        steps: the reasoning.
        level: difficulty, 1 to 5.
        family: the family's name.
        rare: whether solving takes knowing a rare rule.
        rules: names of the rules that solving takes knowing.
    """

    question: str
    skeleton: str
    goal: str
    lead: str
    steps: Steps
    level: int
    family: str
    rare: bool
    rules: tuple[str, ...]

    @property
    def answer(self) -> str:
        """The gold answer."""
        return str(results(self.steps)[-1])

    @property
    def guideline(self) -> str:
        """The right plan: the steps without their results."""
        return guideline(self.steps, self.lead)

    @property
    def solution(self) -> str:
        r"""The worked solution, ending in `\boxed{...}`."""
        return solution(self.steps, self.lead)

    @property
    def program(self) -> str:
        """A Python program that leaves the answer in `ans`."""
        return program(self.steps)


def in_test(skeleton: str) -> bool:
    """Whether a problem with this skeleton belongs to the test split.

    Example:
        >>> isinstance(in_test("What is 3+4?"), bool)
        True
    """
    return hashlib.sha256(skeleton.encode()).digest()[0] % TEST_SHARE == 0


def _fill(text: str, slots: dict[str, str]) -> str:
    for slot, word in slots.items():
        text = text.replace(slot, word)
    return text


def draw_item(
    rng: random.Random,
    level: int | None = None,
    know: Knowledge = WORLD,
    test: bool = False,
    boost: Mapping[str, int] | None = None,
) -> Item:
    """Draws one item.

    Args:
        rng: the source of randomness.
        level: difficulty 1 to 5; None draws it uniformly.
        know: what the item's texts say about the rules; for a test item always the world itself.
        test: from the test split if true, else from the training split.
        boost: factors on the families' weights, for training.

    Returns:
        The item.
    """
    wanted = level if level is not None else LEVELS[rng.randrange(len(LEVELS))]
    while True:
        family, draft = draw_draft(rng, wanted, know, boost)
        if in_test(draft.text) == test:
            break
    people, things = list(PEOPLE), list(THINGS)
    rng.shuffle(people)
    rng.shuffle(things)
    slots = dict(zip(PERSON_SLOTS + THING_SLOTS, people[: len(PERSON_SLOTS)] + things[: len(THING_SLOTS)], strict=True))
    return Item(
        question=_fill(draft.text, slots),
        skeleton=draft.text,
        goal=_fill(draft.goal, slots),
        lead=_fill(draft.lead, slots),
        steps=draft.steps,
        level=wanted,
        family=family,
        rare=any(rule.rare for rule in draft.rules),
        rules=tuple(rule.name for rule in draft.rules),
    )


def items(seed: int, level: int | None = None) -> Iterator[Item]:
    """Draws test items without end, no question twice."""
    rng = random.Random(f"word problems {seed} {level}")
    seen: set[str] = set()
    while True:
        item = draw_item(rng, level, test=True)
        if item.question not in seen:
            seen.add(item.question)
            yield item


def word_problems(n: int, seed: int = 0, level: int | None = None) -> list[Problem]:
    """Draws word problems for the embedded pair from the test split of its world.

    The pair is a miniature that makes the machinery run live: results on these problems are no evidence for any claim about large
    language models.

    Args:
        n: how many problems, at least 0.
        seed: draws with other seeds differ; the first m of a draw of n are the draw of m.
        level: difficulty from 1 (one step) to 5 (up to six steps, shuffled or distracting facts); None mixes all five.

    Returns:
        Problems with unique ids, a gold answer (an integer as text), and `meta` holding `level`, `family`, `steps` (their number), `rare`
        (whether a rule is needed that the small model hardly knows) and `rules` (the rules needed).

    Raises:
        ValueError: n is negative or level is not 1 to 5.

    Example:
        >>> [problem.id for problem in word_problems(2, seed=0)]
        ['word-0-000000', 'word-0-000001']
    """
    if n < 0:
        raise ValueError(f"n: expected 0 or more problems, got {n}")
    if level is not None and level not in LEVELS:
        raise ValueError(f"level: expected 1, 2, 3, 4, 5 or None, got {level!r}")
    prefix = f"word-{seed}" if level is None else f"word-{seed}-level{level}"
    problems = []
    for index, item in zip(range(n), items(seed, level), strict=False):
        meta = {
            "level": item.level,
            "family": item.family,
            "steps": len(item.steps),
            "rare": item.rare,
            "rules": list(item.rules),
        }
        problems.append(Problem(f"{prefix}-{index:06d}", item.question, item.answer, meta))
    return problems
