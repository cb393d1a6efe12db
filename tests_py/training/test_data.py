import random
import re

import pytest

from cope.datasets._word_problems import items
from training import data
from training._package import PACKAGE, prompt, render

ROLES = {
    "goal", "guideline", "solve", "solve_goal", "solve_guideline", "solve_goal_guideline", "program",
    "function", "function_goal", "function_guideline", "function_goal_guideline",
}  # fmt: skip


def drawn(who, count, seed=0):
    rng = random.Random(seed)
    return [data.sample(rng, who) for _ in range(count)]


def test_there_is_one_prompt_file_per_role():
    assert {path.stem for path in (PACKAGE / "prompts" / "embedded").glob("*.txt")} == ROLES


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_prompt_asks_for_the_slots_of_its_name(role):
    slots = set(re.findall(r"\{(\w+)\}", (PACKAGE / "prompts" / "embedded" / f"{role}.txt").read_text()))
    assert slots == {"question"} | ({"goal", "guideline"} & set(role.split("_")[1:]))


def test_slots_are_replaced_in_one_pass():
    assert render("{question} {goal}", {"question": "{goal}", "goal": "g"}) == "{goal} g"
    assert prompt("solve", question="What is {goal}?") == "Problem: What is {goal}?\nSolve it."


@pytest.mark.parametrize("who", ["small", "large"])
def test_every_role_is_learnt(who):
    endings = {user.rsplit("\n", 1)[1] for user, _ in drawn(who, 2000)}
    assert endings == {
        "Solve it.", "What is the goal?", "Write a guideline.", "Write a program.", "Write the code.",
    }  # fmt: skip
    shapes = {tuple(part in user for part in ("\nGoal: ", "\nGuideline: ")) for user, _ in drawn(who, 2000)}
    assert shapes == {(False, False), (True, False), (False, True), (True, True)}


@pytest.mark.parametrize("who", ["small", "large"])
def test_no_training_question_is_a_test_question(who):
    test = {item.question for item, _ in zip(items(0), range(3000), strict=False)}
    for user, _ in drawn(who, 5000):
        assert user.split("\n")[0].removeprefix("Problem: ") not in test


def answer_follows(plan, answer):
    said = [clause.strip().lower() for clause in plan.rstrip(".").split(". ")[-1].split(", then ")]
    return all(f"{clause}:" in answer.lower() for clause in said)


def test_the_small_model_always_follows_a_plan_and_the_large_one_often():
    for who, low, high in (("small", 1.0, 1.0), ("large", 0.75, 0.99)):
        followed = []
        for user, answer in drawn(who, 6000):
            plan = re.search(r"\nGuideline: (.*)\nSolve it", user)
            if plan:
                followed.append(answer_follows(plan.group(1), answer))
        assert low <= sum(followed) / len(followed) <= high


def test_the_curriculum_starts_with_easier_problems():
    rng = random.Random(0)
    early = [data.sample(rng, "large", progress=0.0) for _ in range(1500)]
    late = [data.sample(rng, "large", progress=1.0) for _ in range(1500)]
    assert sum(len(user) for user, _ in early) < 0.95 * sum(len(user) for user, _ in late)
