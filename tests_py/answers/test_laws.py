"""The laws of votes and verdicts, on answers made of pieces that models write."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cope import answers

KINDS = st.sampled_from(get_args(answers.Kind))
numbers = st.one_of(
    st.integers(-30, 30).map(str),
    st.tuples(st.integers(-9, 9), st.integers(1, 9)).map(lambda pair: rf"\frac{{{pair[0]}}}{{{pair[1]}}}"),
    st.decimals(-5, 5, places=2).map(str),
    st.integers(0, 99).map(lambda n: rf"{n}\%"),
    st.sampled_from(
        [
            r"\pi",
            "e",
            "i",
            r"\sqrt{2}",
            r"\sqrt[3]{5}",
            "1e-3",
            "1,234",
            r"45^\circ",
            r"\frac12",
            r"\infty",
            r"2\frac13",
        ]
    ),
)
expressions = st.recursive(
    st.one_of(numbers, st.sampled_from(["x", "y", "n", "A", "I"])),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", r"\cdot ", "/", r"\pm ", "^"]), inner).map(
            lambda t: f"({t[0]}){t[1]}({t[2]})"
        ),
        inner.map(lambda e: rf"\sqrt{{{e}}}"),
        inner.map(lambda e: rf"|{e}|"),
        st.tuples(st.sampled_from([r"\sin", r"\cos", r"\ln", r"\log_2", r"\arctan"]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
    ),
    max_leaves=4,
)
structures = st.one_of(
    expressions,
    st.lists(expressions, min_size=1, max_size=3).map(", ".join),
    st.lists(expressions, min_size=1, max_size=3).map(lambda e: r"\{" + ", ".join(e) + r"\}"),
    st.tuples(st.sampled_from("(["), expressions, expressions, st.sampled_from(")]")).map(
        lambda t: f"{t[0]}{t[1]},{t[2]}{t[3]}"
    ),
    st.tuples(expressions, st.sampled_from(["=", "<", r"\le ", ">", r"\in "]), expressions).map("".join),
    st.tuples(numbers, st.sampled_from(["cm", "m", "dollars", "apples", "hours"])).map(
        lambda t: rf"{t[0]}\text{{ {t[1]}}}"
    ),
    expressions.map(lambda e: rf"\begin{{pmatrix}}{e}\\1\end{{pmatrix}}"),
    st.sampled_from(
        ["(C)", r"\text{ellipse}", "an ellipse", "3:30 p.m.", "52_8", r"\emptyset", "05/01/2021", "May 1, 2021", ""]
    ),
)
# Letters of other scripts, of which a byte is no character: keys must tell them apart.
foreign = st.lists(
    st.sampled_from(
        [*"是否北京上海東ДаНетЖéèüöñß日本語한국عربي", "💥", "🎉", "€", "₹", "。", "x", "5", " ", r"\text{是}"]
    ),
    min_size=1,
    max_size=4,
).map("".join)
anything = st.one_of(structures, foreign, st.text(max_size=40))


@given(anything, KINDS)
@settings(deadline=None)
def test_an_answer_is_right_against_itself(answer: str, kind: answers.Kind) -> None:
    if answers.vote_key(answer, kind) is not None:
        assert answers.grade(answer, answer, kind)


@given(anything, anything, KINDS)
@settings(deadline=None)
def test_equal_keys_grade_as_correct(left: str, right: str, kind: answers.Kind) -> None:
    key = answers.vote_key(left, kind)
    if key is not None and key == answers.vote_key(right, kind):
        assert answers.grade(left, right, kind)
        assert answers.grade(right, left, kind)


@given(expressions, expressions)
@settings(deadline=None)
def test_rearranged_expressions_share_a_key(left: str, right: str) -> None:
    for one, other in [
        (f"({left})+({right})", f"({right})+({left})"),
        (f"2({left})", f"({left})+({left})"),
        (f"({left})({right})", rf"({right})\cdot({left})"),
    ]:
        first, second = answers.vote_key(one), answers.vote_key(other)
        assert first is not None
        assert second is not None
        evaluated = not first.startswith(("u:", "t:", "long:")) and not second.startswith(("u:", "t:", "long:"))
        if evaluated:
            assert first == second, (one, other)


@given(st.fractions(), st.fractions())
@settings(deadline=None)
def test_rational_numbers_are_compared_exactly(left: object, right: object) -> None:
    assert (answers.vote_key(str(left)) == answers.vote_key(str(right))) == (left == right)


@given(st.integers(-(10**40), 10**40), st.integers(0, 12))
@settings(deadline=None)
def test_decimals_are_exact(digits: int, places: int) -> None:
    whole, part = divmod(abs(digits), 10**places)
    shown = f"{'-' if digits < 0 else ''}{whole}" + (f".{part:0{places}d}" if places else "")
    assert answers.vote_key(shown) == answers.vote_key(rf"\frac{{{digits}}}{{{10**places}}}")


@given(st.lists(st.one_of(st.none(), anything), max_size=12), KINDS)
@settings(deadline=None)
def test_a_tally_counts_every_answer_once(given_answers: list[str | None], kind: answers.Kind) -> None:
    tally = answers.tally(given_answers, kind)
    assert tally.k == len(given_answers) == tally.unscored + sum(each.votes for each in tally.classes)
    assert [each.votes for each in tally.classes] == sorted((each.votes for each in tally.classes), reverse=True)
    assert all(given_answers[each.first] == each.answer for each in tally.classes)


@given(st.lists(anything, max_size=40), KINDS)
@settings(max_examples=30, deadline=None)
def test_the_forms_over_many_answers_agree_with_the_single_ones(many: list[str], kind: answers.Kind) -> None:
    assert answers.vote_keys(many, kind) == [answers.vote_key(each, kind) for each in many]
    assert answers.extract_all(many, kind) == [answers.extract(each, kind) for each in many]
    assert answers.grade_all(many, many[::-1], kind) == [
        answers.grade(*pair, kind) for pair in zip(many, many[::-1], strict=True)
    ]


@given(st.lists(structures, min_size=1, max_size=20))
@settings(max_examples=10, deadline=None)
def test_eight_threads_reach_the_same_verdicts(many: list[str]) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: answers.grade_all(many, many[::-1]), range(8)))
    assert all(result == results[0] for result in results)


def calls_until_another_thread_runs(call: Callable[[], object], most: int) -> int:
    """How often a thread makes a call before another gets to run. Threads switch only where a call gives the interpreter up."""
    other_ran = threading.Event()
    made = 0

    def repeat() -> None:
        nonlocal made
        while made < most and not other_ran.is_set():
            call()
            made += 1

    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        thread = threading.Thread(target=repeat)
        thread.start()  # returns when the thread has given the interpreter up, or has ended
        other_ran.set()
        thread.join()
    finally:
        sys.setswitchinterval(before)
    return made


@pytest.mark.parametrize("name", ["vote_keys", "extract_all", "grade_all", "tally", "extract"])
def test_other_threads_run_meanwhile(name: str) -> None:
    many = [rf"\sqrt{{{n}}}+\sin {n}" for n in range(500)]
    calls: dict[str, Callable[[], object]] = {
        "vote_keys": lambda: answers.vote_keys(many),
        "extract_all": lambda: answers.extract_all(many),
        "grade_all": lambda: answers.grade_all(many, many[::-1]),
        "tally": lambda: answers.tally(many),
        "extract": lambda: answers.extract("a" * 1_000_000),
    }
    most = 10_000
    assert calls_until_another_thread_runs(lambda: sum(range(100)), most) == most  # the measure tells
    assert calls_until_another_thread_runs(calls[name], most) < most
