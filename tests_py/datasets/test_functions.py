import random

import pytest

from cope.datasets import tiny_functions
from cope.datasets._functions import draw_function


def passes(code, tests):
    space = {}
    exec(code, space)
    try:
        for test in tests:
            exec(test, space)
    except AssertionError:
        return False
    return True


def test_reference_functions_pass_their_tests():
    for problem in tiny_functions(300):
        assert passes(problem.answer, [*problem.meta["visible_tests"], *problem.meta["hidden_tests"]])


def test_the_visible_test_is_in_the_question_and_the_hidden_ones_are_not():
    for problem in tiny_functions(100):
        (visible,) = problem.meta["visible_tests"]
        assert visible in problem.question
        assert len(problem.meta["hidden_tests"]) == 4
        assert not any(test in problem.question for test in problem.meta["hidden_tests"])


def test_ids_and_questions_are_unique_and_a_longer_draw_goes_on():
    problems = tiny_functions(300, seed=2)
    assert len({p.id for p in problems}) == len({p.question for p in problems}) == 300
    assert problems[:20] == tiny_functions(20, seed=2)


def test_train_and_test_are_disjoint():
    rng = random.Random(0)
    train = {draw_function(rng).skeleton for _ in range(5000)}
    test = {draw_function(rng, test=True).skeleton for _ in range(1000)}
    assert not train & test


def test_unreliable_training_gives_rare_kinds_another_body():
    rng = random.Random(0)
    bodies = {}
    for _ in range(3000):
        item = draw_function(rng, reliability=0.0)
        if "rest of x by 5" in item.question:
            bodies.setdefault(item.rare, set()).add(item.guideline)
    assert len(bodies[True]) > 3


def test_a_negative_count_is_refused():
    with pytest.raises(ValueError, match="0 or more"):
        tiny_functions(-1)
