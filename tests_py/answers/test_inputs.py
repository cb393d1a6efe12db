"""What is not an answer: other types, broken text, huge text, arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import cope
from cope import answers


@pytest.mark.parametrize("bad", [None, 5, 1.5, b"5", ["5"], object()])
def test_what_is_no_text_is_named(bad: Any) -> None:
    with pytest.raises(TypeError, match=r"^text: expected str, got "):
        answers.extract(bad)
    with pytest.raises(TypeError, match=r"^gold: expected str, got "):
        answers.grade(bad, "5")
    with pytest.raises(TypeError, match=r"^prediction: expected str, got "):
        answers.grade("5", bad)
    with pytest.raises(TypeError, match=r"^answer: expected str, got "):
        answers.vote_key(bad)


def test_items_are_named_by_their_position() -> None:
    with pytest.raises(TypeError, match=r"^answers\[1\]: expected str, got int"):
        answers.vote_keys(["5", 5])
    with pytest.raises(TypeError, match=r"^predictions\[0\]: expected str, got bytes"):
        answers.grade_all(["5"], [b"5"])
    with pytest.raises(TypeError, match=r"^texts: expected a list or an array of str, got str"):
        answers.extract_all("5")
    with pytest.raises(TypeError, match=r"^answers: expected a list or an array of str, got int"):
        answers.tally(5)
    with pytest.raises(ValueError, match="equal lengths, got 2 and 1"):
        answers.grade_all(["1", "2"], ["1"])


def test_an_unknown_kind_says_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"expected math, integer, .* got 'maths'"):
        answers.extract("5", "maths")  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["\ud800", "5\udfff", "\0", "5\0 6", "\x1b[0m", "\U0001f600", "é" * 300, "\n" * 9000])
def test_broken_text_is_read(text: str) -> None:
    for kind in ("math", "number", "choice", "date", "text", "output", "auto"):
        answers.extract(text, kind)
        answers.vote_key(text, kind)
        assert not answers.grade("7", text, kind)
        assert not answers.grade(text, "7", kind)


def test_ten_megabytes_are_read() -> None:
    for piece in ("9", "x+", "\\boxed{", "the answer ", "$", "\n"):
        text = piece * (10_000_000 // len(piece))
        answers.extract(text)
        assert not answers.grade("7", text)
        answers.vote_key(text)


ITEMS = ["1/2", None, "0.5"]


@pytest.mark.parametrize(
    "array",
    [
        tuple(ITEMS),
        iter(ITEMS),
        np.array(ITEMS, dtype=object),
        pa.array(ITEMS),
        pa.array(ITEMS, pa.large_string()),
        pa.array(ITEMS).dictionary_encode(),
        pa.array(["7", *ITEMS, "7"])[1:4],
        pa.chunked_array([ITEMS[:1], ITEMS[1:]]),
        pd.Series(ITEMS),
        pd.Series(ITEMS, dtype="string"),
        pd.Series(ITEMS, dtype="category"),
        pd.Series(["1/2", float("nan"), "0.5"], index=[2, 1, 0], dtype=object),
        pd.Index(ITEMS),
    ],
    ids=lambda array: type(array).__name__,
)
def test_arrays_are_lists(array: Any) -> None:
    assert answers.vote_keys(array) == ["1/2", None, "1/2"]


def test_every_form_over_many_takes_arrays() -> None:
    array = pa.chunked_array([ITEMS])
    strings = np.array(["1/2", "7", "0.50"])  # fixed width, no None
    assert answers.extract_all(array) == ITEMS
    assert [bool(each) for each in answers.grade_all(strings, array)] == [True, False, True]
    assert answers.tally(strings).classes[0].votes == 2
    assert answers.tally(pa.array([], pa.string())).answer is None
    assert answers.tally([]).k == 0


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.array([["1", "2"]]), "expected one dimension, got ndarray of 2"),
        (np.array("5"), "expected one dimension, got ndarray of 0"),
        (pd.DataFrame({"answer": ["5"]}), "expected one dimension, got DataFrame of 2"),
        ({"5": 1}, "expected a list or an array of str, got dict"),
        ({"5"}, "expected a list or an array of str, got set"),
        (np.array([1, 2]), r"answers\[0\]: expected str, got int"),
        (pa.array([1.5]), r"answers\[0\]: expected str, got float"),
        (pa.table({"answer": ["5"]}), "expected a list or an array of str, got Table"),
    ],
)
def test_what_is_no_list_of_answers_is_refused(bad: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        answers.tally(bad)


def test_an_empty_answer_is_never_right() -> None:
    for empty in ("", "  ", "$$"):
        assert answers.vote_key(empty) is None
        assert not answers.grade(empty, empty)


def test_a_tally_names_its_majority() -> None:
    tally = answers.tally(["2", "0.5", r"\frac12", None, ""])
    assert (tally.answer, tally.consensus, tally.unscored, tally.k) == ("0.5", 0.4, 2, 5)


def test_kinds_are_tasks_of_the_engine() -> None:
    assert cope.Task("number").native
