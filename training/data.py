"""Training samples: what each of the two models is shown, as (user message, answer) pairs drawn without end."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from training._package import PACKAGE, ensure_importable, render

ensure_importable()

from cope.datasets._families import weighted  # noqa: E402
from cope.datasets._functions import draw_function  # noqa: E402
from cope.datasets._rules import WORLD, Knowledge  # noqa: E402
from cope.datasets._steps import changed, guideline, solution  # noqa: E402
from cope.datasets._word_problems import Item, draw_item  # noqa: E402


@dataclass(frozen=True, slots=True)
class Diet:
    """What one of the models is trained on.

    Attributes:
        knowledge: how reliable its data is on rare rules.
        roles: weight of each role (prompt file) in the mixture; `code` stands for all roles of the tiny functions.
        wrong_plan: share of guidelines shown that are wrong.
        follows_wrong_plan: chance that the answer to a wrong guideline executes it (otherwise it solves the problem rightly).
        wrong_goal: share of goals shown that belong to another problem.
    """

    knowledge: Knowledge
    roles: dict[str, int]
    wrong_plan: float
    follows_wrong_plan: float
    wrong_goal: float = 0.1


BOOST = {
    "relations": 2,
    "mixed": 2,
    "remainders": 3,
    "sequences": 2,
    "equations": 2,
    "averages": 2,
    "arithmetic": 2,
}
"""Families shown more often in training than their share of the problems: what is learnt last (the chain of people), or has few problems."""


DIETS: dict[str, Diet] = {
    "small": Diet(
        Knowledge(reliability=0.15),
        {
            "solve": 28, "goal": 5, "guideline": 9, "solve_goal": 14, "solve_guideline": 17, "solve_goal_guideline": 14,
            "program": 6, "code": 8,
        },
        wrong_plan=0.3,
        follows_wrong_plan=1.0,
    ),
    "large": Diet(
        WORLD,
        {
            "solve": 27, "goal": 3, "guideline": 40, "solve_goal": 3, "solve_guideline": 9, "solve_goal_guideline": 3,
            "program": 8, "code": 7,
        },
        wrong_plan=0.3,
        follows_wrong_plan=0.7,
    ),
}  # fmt: skip

CODE_ROLES = {
    "function": 5,
    "function_goal": 2,
    "function_guideline": 3,
    "function_goal_guideline": 2,
    "goal": 1,
    "guideline": 3,
}
EASY_START = 0.5
"""While the curriculum runs, this share of the problems has at most two steps."""


@cache
def _template(role: str) -> str:
    return (PACKAGE / "prompts" / "embedded" / f"{role}.txt").read_text(encoding="utf-8").removesuffix("\n")


def _code_sample(rng: random.Random, diet: Diet) -> tuple[str, str]:
    item = draw_function(rng, reliability=diet.knowledge.reliability)
    role = weighted(rng, CODE_ROLES)
    user = render(_template(role), {"question": item.question, "goal": item.goal, "guideline": item.guideline})
    return user, {"goal": item.goal, "guideline": item.guideline}.get(role, item.code)


def sample(rng: random.Random, who: str, progress: float = 1.0) -> tuple[str, str]:
    """Draws one training sample.

    Args:
        rng: the source of randomness.
        who: `small` or `large`.
        progress: how far the curriculum has come, 0 to 1; below 1, easy problems are more frequent.

    Returns:
        The user message and the assistant's answer.
    """
    diet = DIETS[who]
    role = weighted(rng, diet.roles)
    if role == "code":
        return _code_sample(rng, diet)
    level = rng.randrange(1, 3) if rng.random() < EASY_START * (1 - progress) else None
    item = draw_item(rng, level, diet.knowledge, boost=BOOST)
    goal, plan, answer = item.goal, item.guideline, item.solution
    if "goal" in role and role != "goal" and rng.random() < diet.wrong_goal:
        goal = draw_item(rng, None, diet.knowledge).goal
    if role.endswith("guideline") and role != "guideline" and rng.random() < diet.wrong_plan:
        plan, answer = _wrong_plan(rng, item, diet)
    user = render(_template(role), {"question": item.question, "goal": goal, "guideline": plan})
    return user, {"goal": item.goal, "guideline": item.guideline, "program": item.program}.get(role, answer)


def _wrong_plan(rng: random.Random, item: Item, diet: Diet) -> tuple[str, str]:
    steps = changed(item.steps, rng)
    follows = rng.random() < diet.follows_wrong_plan
    return guideline(steps, item.lead), solution(steps, item.lead) if follows else item.solution
