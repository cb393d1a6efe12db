import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cope.datasets import _word_problems, tiny_functions, word_problems
from cope.datasets._families import FAMILIES, WEIGHTS
from cope.datasets._rules import RULES, WORLD, Knowledge
from cope.datasets._steps import NotExecutable, Ref, Step, chain, changed, guideline, program, results, solution
from cope.datasets._word_problems import draw_item, in_test, items
from cope.datasets._words import PEOPLE, THINGS


def drawn(count, seed=0, **options):
    rng = random.Random(seed)
    return [draw_item(rng, **options) for _ in range(count)]


def test_a_draw_has_unique_ids_and_questions():
    problems = word_problems(2000, seed=3)
    assert len({problem.id for problem in problems}) == 2000
    assert len({problem.question for problem in problems}) == 2000


def test_the_first_problems_of_a_longer_draw_are_the_shorter_draw():
    assert word_problems(50, seed=1) == word_problems(200, seed=1)[:50]


def test_seeds_and_levels_differ():
    assert word_problems(20, seed=0) != word_problems(20, seed=1)
    ids = {p.id for p in word_problems(20, seed=0)} | {p.id for p in word_problems(20, seed=0, level=2)}
    assert len(ids) == 40


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_a_level_is_kept_and_stated(level):
    problems = word_problems(100, seed=0, level=level)
    assert {problem.meta["level"] for problem in problems} == {level}


def test_higher_levels_take_more_steps():
    means = [sum(p.meta["steps"] for p in word_problems(300, level=level)) / 300 for level in (1, 2, 3, 4, 5)]
    assert means == sorted(means)
    assert means[0] < 1.3
    assert means[-1] > 3


def test_steps_range_from_one_to_six():
    assert {p.meta["steps"] for p in word_problems(1500)} == {1, 2, 3, 4, 5, 6}


def test_every_family_appears():
    assert {p.meta["family"] for p in word_problems(1500)} == set(FAMILIES) == set(WEIGHTS)


@pytest.mark.parametrize("arguments", [{"n": -1}, {"n": 1, "level": 0}, {"n": 1, "level": 6}])
def test_bad_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="expected"):
        word_problems(**arguments)


def test_a_thousand_problems_take_well_under_two_seconds():
    started = time.process_time()
    word_problems(1000, seed=5)
    tiny_functions(1000, seed=5)
    assert time.process_time() - started < 2


def test_train_and_test_are_disjoint_by_skeleton():
    train = {item.skeleton for item in drawn(20_000)}
    test = {item.skeleton for item in drawn(3_000, test=True)}
    assert not train & test
    assert all(in_test(skeleton) for skeleton in test)


def masked(question):
    """The question with people and things masked, by another way than the generator's."""
    return re.sub(r"\b(" + "|".join(PEOPLE) + r")\b", "P", re.sub(r"\b(" + "|".join(THINGS) + r")\b", "T", question))


def test_no_test_question_is_a_training_question_with_other_names():
    train = {masked(item.question) for item in drawn(20_000, seed=1)}
    test = [masked(problem.question) for problem in word_problems(2_000, seed=1)]
    shared = sum(question in train for question in test)
    # Two skeletons may differ only in which slot is whose; nothing else may coincide.
    assert shared <= len(test) * 0.002


def test_public_problems_come_from_the_test_split():
    wanted = [item.question for item, _ in zip(items(4), range(100), strict=False)]
    assert [problem.question for problem in word_problems(100, seed=4)] == wanted


def test_answers_follow_from_the_solution_and_the_program():
    for item in drawn(2000, seed=2):
        assert re.findall(r"\\boxed\{(\d+)\}", item.solution) == [item.answer]
        space = {}
        exec(item.program, space)
        assert str(space["ans"]) == item.answer


def test_equations_in_solutions_hold():
    for item in drawn(2000, seed=3):
        for left, op, right, value in re.findall(r"(\d+)([-+*/])(\d+)=(\d+)", item.solution):
            assert eval(f"{left}{op}{right}") == int(value), item.solution


def test_a_guideline_tells_no_result():
    for item in drawn(500, seed=4):
        assert "=" not in item.guideline
        assert "boxed" not in item.guideline


def test_a_guideline_is_shorter_than_its_solution():
    plans = sum(len(item.guideline) for item in drawn(500))
    solutions = sum(len(item.solution) for item in drawn(500))
    assert plans < 0.6 * solutions


def test_no_slot_is_left_unfilled():
    for item in drawn(3000, seed=6):
        assert "@" not in item.question + item.goal + item.guideline


def test_distractors_do_not_enter_the_steps_of_stories():
    for item in drawn(200, seed=7, level=4):
        if item.family == "stories":
            assert len(item.steps) == 4


def test_the_world_gives_rules_as_they_are_and_hearsay_gives_rare_ones_at_random():
    rng = random.Random(0)
    for kind, rules in RULES.items():
        for rule in rules:
            assert WORLD.look_up(rule, rng) == (rule.form, rule.numbers)
            heard = {Knowledge(0.0).look_up(rule, rng) for _ in range(50)}
            assert (len(heard) > 1) == rule.rare, (kind, rule.name)


def test_about_half_of_the_rules_are_rare():
    rare = [rule.rare for rules in RULES.values() for rule in rules]
    assert 0.4 < sum(rare) / len(rare) < 0.6
    assert len(rare) > 100


def test_the_same_draw_comes_out_of_another_process():
    code = (
        "from cope.datasets import tiny_functions, word_problems; import hashlib;"
        "print(hashlib.sha256(repr((word_problems(50), tiny_functions(50))).encode()).hexdigest())"
    )
    outputs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(outputs) == 1


def test_the_first_problems_are_known_on_every_python():
    # Frozen: a change means that recorded runs no longer match their problems.
    known = Path(__file__).with_name("first_problems.txt").read_text(encoding="utf-8").splitlines()
    problems = [*word_problems(20), *tiny_functions(10)]
    assert [f"{p.id} | {p.question} | {p.answer!r}" for p in problems] == known


# --- steps ---


def test_steps_say_and_do_what_they_hold():
    steps = (Step("*", 4, 6), Step("*", 3, 8), Step("+", Ref(0), Ref(1)))
    assert results(steps) == [24, 24, 48]
    assert guideline(steps) == "Multiply 4 by 6, then multiply 3 by 8, then add both."
    assert solution(steps).endswith(r"Add both: 24+24=48. The answer is \boxed{48}.")
    assert program(steps) == "a = 4*6\nb = 3*8\nans = a+b"


def test_a_remainder_is_worked_by_multiplication():
    assert solution((Step("%", 17, 5),)) == r"Take the remainder of 17 by 5: 5*3=15, 17-15=2. The answer is \boxed{2}."


@pytest.mark.parametrize(
    "step", [Step("-", 3, 4), Step("/", 7, 2), Step("/", 7, 0), Step("%", 7, 0), Step("*", 100, 100)]
)
def test_steps_out_of_range_are_refused(step):
    with pytest.raises(NotExecutable):
        results((step,))


def test_a_changed_plan_gives_another_answer():
    rng = random.Random(1)
    wrong = 0
    for item in drawn(500, seed=8):
        steps = changed(item.steps, rng)
        wrong += results(steps)[-1] != results(item.steps)[-1]
    assert wrong > 480


def test_a_chain_refers_to_the_step_before():
    assert chain(Step("+", 1, 2), ("*", 3)) == (Step("+", 1, 2), Step("*", Ref(0), 3))


def test_the_share_of_the_test_split_is_a_sixth():
    skeletons = [f"What is {a}+{b}?" for a in range(100) for b in range(100)]
    assert abs(sum(map(in_test, skeletons)) / len(skeletons) - 1 / _word_problems.TEST_SHARE) < 0.02
