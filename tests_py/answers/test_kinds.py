r"""Kinds other than "math": what a text gives as its answer, and when that is right."""

from __future__ import annotations

from typing import get_args

import pytest

from cope import answers

NUMBERS = [
    ("So the probability is 3/8.", "3/8"),
    ("so x = 3/8", "3/8"),
    ("The change is -3/8", "-3/8"),
    ("You need 1 1/2 cups", "1 1/2"),
    ("That is 5^2", "5^2"),
    ("That is 5^{12}.", "5^{12}"),
    ("The area is 12π.", "12π"),
    ("The area is 12pi.", "12pi"),
    ("The volume is 4π/3.", "4π/3"),
    ("It is 2√3 cm", "2√3"),
    (r"It is \frac{3}{8}.", r"\frac{3}{8}"),
    ("There are 2.5 million people", "2.5 million"),
    ("It is 3 * 10^5 m", "3 * 10^5"),
    ("It is .5", ".5"),
    ("She ate 1/3rd of it", "1/3"),
    ("On 05/01/2021", "2021"),
    ("5-3 = 2", "2"),
    ("9 * 2 = $18", "18"),
    ("The numbers are 3 4", "4"),
    (r"\boxed{} The answer is 33.", "33"),
    (r"So it is 33. $\boxed{}$", "33"),
    ("x = " + "1/" * 5000 + "2", "2"),
]


@pytest.mark.parametrize("kind", ["math", "number", "integer", "auto"])
@pytest.mark.parametrize(("text", "answer"), NUMBERS, ids=lambda text: text[:30])
def test_a_number_is_taken_whole(text: str, answer: str, kind: answers.Kind) -> None:
    assert answers.extract(text, kind) == answer


@pytest.mark.parametrize(
    ("kind", "gold", "prediction", "correct"),
    [
        ("number", "8", "The probability is 3/8", False),
        ("number", "3/8", "The probability is 3/8", True),
        ("number", "2500000", "There are 2.5 million people", True),
        ("integer", "8", "The probability is 3/8", False),
        ("integer", "2", "You need 1 1/2 cups", False),
    ],
)
def test_a_number_of_a_sentence(kind: answers.Kind, gold: str, prediction: str, correct: bool) -> None:
    assert answers.grade(gold, prediction, kind).correct == correct


@pytest.mark.parametrize(
    "output",
    [
        "05/01/2021",
        "**05/01/2021**",
        r"\boxed{05/01/2021}",
        r"\boxed{\text{May 1, 2021}}",
        "So the answer is 05/01/2021",
        "The answer is May 1st, 2021.",
        "The date is 05/01/2021.",
        "1st of May, 2021",
        "Yesterday was April 30, 2021. The answer is May 1, 2021.",
        "The answer is 2021-05-01 because 4/30/2021 was yesterday.",
    ],
)
def test_an_output_gives_a_date(output: str) -> None:
    assert answers.grade("05/01/2021", output, "date")
    assert answers.vote_key(answers.extract(output, "date") or "", "date") == "2021-05-01"


@pytest.mark.parametrize(
    "output",
    ["05/02/2021", r"\boxed{05/02/2021}", "05/02/2021 or 05/01/2021", "The answer is 05/01/2021 or 05/02/2021"],
)
def test_another_date_or_several_are_wrong(output: str) -> None:
    assert not answers.grade("05/01/2021", output, "date")


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("Yesterday was April 30, 2021. The date tomorrow is May 2, 2021.", "May 2, 2021"),
        ("Tomorrow is May 2, 2021", "May 2, 2021"),
        ("It was the 2nd of May 2021 then", "2nd of May 2021"),
        ("On Sept. 2, 2021, it rained", "Sept. 2, 2021"),
        ("Maybe 2, 2021", "Maybe 2, 2021"),
        ("It rained in 2021 for all of the year, and no one knew why.", None),
    ],
)
def test_written_months_are_found(text: str, date: str | None) -> None:
    assert answers.extract(text, "date") == date


@pytest.mark.parametrize(
    "output",
    [
        "Paris",
        r"\text{Paris}",
        r"\boxed{\text{Paris}}",
        "The answer is Paris.",
        "The final answer is **Paris**.",
        "Answer: Paris",
        "#### Paris",
        "The answer is Paris because it is the capital.",
    ],
)
def test_an_output_gives_a_text(output: str) -> None:
    assert answers.grade("Paris", output, "text")


@pytest.mark.parametrize(
    "output", ["London", "not Paris", "The answer is not Paris.", "Paris and London", r"\boxed{Rome}"]
)
def test_another_text_is_wrong(output: str) -> None:
    assert not answers.grade("Paris", output, "text")


@pytest.mark.parametrize("text", ["Paris is nice", r"\text{Paris}", "a\nb", "an answer", "the answers"])
def test_a_text_without_a_marker_stays_as_it_is(text: str) -> None:
    assert answers.extract(text, "text") == text


@pytest.mark.parametrize(
    "output",
    [
        "B",
        "b",
        "b)",
        "(b)",
        "Option B",
        "Choice B",
        "option (b)",
        "the answer is option (b)",
        "the answer is b.",
        "The answer is B, not A.",
        "The answer is B, A is too small",
        "It must be (B), not (A).",
        "So, the answer is (B) because A is impossible.",
        r"\boxed{\textbf{(B) } 42}",
        r"\boxed{} The answer is B.",
    ],
)
def test_an_output_chooses(output: str) -> None:
    assert answers.grade("B", output, "choice")
    assert answers.extract(output, "choice") == "B"


@pytest.mark.parametrize(
    "output",
    [
        "The answer is B and C.",
        "The answer is (B) or (C).",
        "Answer: B, C",
        r"\boxed{B} or \boxed{C}",
        r"\boxed{\text{B and C}}",
        "**B** or **C**",
        "B, C",
        "B/C",
        "(B) and (C)",
        "The answer is not B.",
        "It isn't (B).",
        "The answer is neither B nor C.",
    ],
)
def test_several_or_denied_letters_choose_nothing(output: str) -> None:
    assert answers.extract(output, "choice") is None
    assert not answers.grade("B", output, "choice")
    assert not answers.grade("C", output, "choice")


def test_a_gold_answer_may_be_several_letters() -> None:
    assert answers.grade("B, C", "The answer is C and B.", "choice")
    assert not answers.grade("B, C", "B", "choice")
    assert not answers.grade("B, C, D", "A, B, C, D", "choice")


@pytest.mark.parametrize("kind", [None, 5, b"math"])
def test_a_kind_that_is_no_text_is_named(kind: object) -> None:
    with pytest.raises(TypeError, match=r"^kind: expected str, got "):
        answers.grade("5", "5", kind)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^kind: expected str, got "):
        answers.tally(["5"], kind)  # type: ignore[arg-type]


def test_the_kinds_of_the_error_are_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"^kind: expected ") as raised:
        answers.extract("5", "code")  # type: ignore[arg-type]
    listed = str(raised.value).removeprefix("kind: expected ").split(", got")[0].replace(" or ", ", ").split(", ")
    assert sorted(listed) == sorted(get_args(answers.Kind))
