import pytest

pytest.importorskip("numpy")

import numpy as np

from cope.datasets import tiny_functions
from training import evaluate
from training.client import Reply


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"So \boxed{4}. The answer is \boxed{12}.", "12"),
        (r"The answer is \boxed{ 7 }.", "7"),
        ("The answer is 7.", None),
        (r"cut off \boxed{1", None),
    ],
)
def test_the_last_box_is_the_answer(text, expected):
    assert evaluate.boxed(text) == expected


def test_unscored_samples_never_vote_and_ties_go_to_the_first():
    assert evaluate.majority(["3", None, "4", "4", "3"]) == ("3", 2)
    assert evaluate.majority([None, None]) == (None, 0)


def test_cost_is_the_large_models_price_list():
    assert evaluate.usd([Reply("", 1_000_000, 0), Reply("", 0, 1_000_000)]) == pytest.approx(0.75)


def test_seeds_differ_and_repeat():
    assert evaluate.seed_of("a", 1) == evaluate.seed_of("a", 1) != evaluate.seed_of("a", 2)
    assert 0 <= evaluate.seed_of("a") < 2**31


def test_a_report_gives_the_paired_interval(capsys):
    report = evaluate.Report(400, seed=0)
    better = np.arange(400) % 2 == 0
    assert report.gain("same", better, better) == 0
    assert report.figures["same"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert report.share("half", better) == 50
    assert 44 < report.figures["half"]["low"] < 50 < report.figures["half"]["high"] < 56
    assert "half" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("program", "answer"),
    [
        ("a = 4*6\nans = a-3", "21"),
        ("ans = 17%5", "2"),
        ("a = 9//3", None),
        ("ans = b+1", None),
        ("import os", None),
        ("ans = 4//0", "-1"),
    ],
)
def test_programs_are_read_without_running_them(program, answer):
    assert evaluate._program_answer(program) == answer


def test_right_functions_pass_and_others_are_not_run():
    problem = tiny_functions(1)[0]
    tests = [*problem.meta["visible_tests"], *problem.meta["hidden_tests"]]
    name = problem.meta["entry_point"]
    assert evaluate._runs(problem.answer, tests, name)
    for code in (
        "def f(x): return __import__('os')",
        "import os",
        "def f(x): return x.__class__",
        "while True: pass",
        "def (",
    ):
        assert not evaluate._runs(code, tests, name)
