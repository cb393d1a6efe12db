"""Training samples: what each of the two models is shown, as (user message, answer) pairs drawn without end."""

from __future__ import annotations

import random
from dataclasses import dataclass

from cope.datasets._functions import FunctionItem, draw_function
from cope.datasets._rules import WORLD, Knowledge
from cope.datasets._steps import changed, guideline, solution
from cope.datasets._word_problems import Item, draw_item
from training._package import prompt

Sample = tuple[str, str]
"""A user message and the assistant's answer."""


@dataclass(frozen=True, slots=True)
class Diet:
    """What one of the models is trained on.

    Attributes:
        knowledge: how reliable its data is on rare rules.
        roles: for each role (prompt file), the chance in percent that a word problem is shown in it.
        boost: factors on the families' shares of the problems: more of what is learnt last.
        wrong_plan: share of guidelines shown that are wrong.
        follows_wrong_plan: chance that the answer to a wrong guideline executes it (otherwise it solves the problem rightly).
        wrong_goal: share of goals shown that belong to another problem.
    """

    knowledge: Knowledge
    roles: dict[str, int]
    boost: dict[str, int]
    wrong_plan: float
    follows_wrong_plan: float
    wrong_goal: float = 0.1


DIETS: dict[str, Diet] = {
    "small": Diet(
        Knowledge(reliability=0.25),
        {
            "solve": 80, "goal": 12, "guideline": 30, "solve_goal": 45, "solve_guideline": 55, "solve_goal_guideline": 45,
            "program": 18,
        },
        boost={"packs": 2, "facts": 2, "games": 2, "operations": 2, "geometry": 2},  # the rules, to be half sure of the rare ones
        wrong_plan=0.3,
        follows_wrong_plan=1.0,
    ),
    "large": Diet(
        WORLD,
        {
            "solve": 100, "goal": 8, "guideline": 70, "solve_goal": 8, "solve_guideline": 40, "solve_goal_guideline": 8,
            "program": 18,
        },
        boost={"relations": 3, "mixed": 2, "stories": 2, "remainders": 2, "sequences": 2, "equations": 2, "averages": 2, "arithmetic": 2},
        wrong_plan=0.4,
        follows_wrong_plan=0.7,
    ),
}  # fmt: skip

CODE_SHARE = 0.08
"""Share of the problems that are tiny functions."""
CODE_ROLES = {
    "function": 80, "function_goal": 25, "function_guideline": 50, "function_goal_guideline": 25, "goal": 10, "guideline": 50,
}  # fmt: skip
EASY_START = 0.5
"""While the curriculum runs, this share of the problems has at most two steps."""


def samples(rng: random.Random, who: str, progress: float = 1.0) -> list[Sample]:
    """Draws a problem and shows it in one or more roles.

    Args:
        rng: the source of randomness.
        who: `small` or `large`.
        progress: how far the curriculum has come, 0 to 1; below 1, easy problems are more frequent.

    Returns:
        The samples, all on the same problem, so that training can share the problem's tokens among them.
    """
    diet = DIETS[who]
    code = rng.random() < CODE_SHARE
    chances = CODE_ROLES if code else diet.roles
    roles = [role for role, percent in chances.items() if rng.randrange(100) < percent] or [
        "function" if code else "solve"
    ]
    if code:
        function = draw_function(rng, reliability=diet.knowledge.reliability)
        return [_code_sample(function, role) for role in roles]
    level = rng.randrange(1, 3) if rng.random() < EASY_START * (1 - progress) else None
    item = draw_item(rng, level, diet.knowledge, boost=diet.boost)
    return [_sample(rng, item, role, diet) for role in roles]


def sample(rng: random.Random, who: str, progress: float = 1.0) -> Sample:
    """Draws one of the samples of a problem."""
    drawn = samples(rng, who, progress)
    return drawn[rng.randrange(len(drawn))]


def _code_sample(item: FunctionItem, role: str) -> Sample:
    user = prompt(role, question=item.question, goal=item.goal, guideline=item.guideline)
    return user, {"goal": item.goal, "guideline": item.guideline}.get(role, item.code)


def _sample(rng: random.Random, item: Item, role: str, diet: Diet) -> Sample:
    goal, plan, answer = item.goal, item.guideline, item.solution
    if "_goal" in role and rng.random() < diet.wrong_goal:
        goal = draw_item(rng, None, diet.knowledge, boost=diet.boost).goal
    if role.endswith("_guideline") and rng.random() < diet.wrong_plan:
        steps = changed(item.steps, rng)
        plan = guideline(steps, item.lead)
        answer = solution(steps, item.lead) if rng.random() < diet.follows_wrong_plan else answer
    user = prompt(role, question=item.question, goal=goal, guideline=plan)
    return user, {"goal": item.goal, "guideline": item.guideline, "program": item.program}.get(role, answer)
