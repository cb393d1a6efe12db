r"""Answers of models: where they stand in a text, when two are the same, whether one is right.

    >>> from cope import answers
    >>> answers.extract(r"Adding both, the answer is \boxed{\frac{6}{8}}.")
    '\\frac{6}{8}'
    >>> answers.grade("0.75", r"\frac{6}{8}").correct
    True
    >>> answers.vote_key(r"\frac{6}{8}")
    '3/4'

Voting and grading are two relations. Votes use keys, which are an equivalence: equal keys, same class. Grading is strict equivalence, or leniency
towards what the gold answer leaves open (x = 5 and 5, 15 cm and 15), which is not transitive. Equal keys always grade as correct. docs/answers.md has the
policy with examples.

Kinds: "math" (anything that stands in \boxed{}), "integer" (AIME), "number" (GSM8K), "choice", "date", "text", "output" (what a program prints), "auto".

All functions are native, safe from many threads, and bounded: an answer that is too large to evaluate is compared as text. The forms over many answers take
lists and arrays of NumPy, Arrow and pandas, and use all cores without the interpreter lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Literal, NamedTuple

from . import _core

__all__ = [
    "Class",
    "Kind",
    "Tally",
    "Verdict",
    "extract",
    "extract_all",
    "grade",
    "grade_all",
    "tally",
    "vote_key",
    "vote_keys",
]

Kind = Literal["math", "integer", "number", "choice", "date", "text", "output", "auto"]


class Verdict(NamedTuple):
    """Whether a prediction is right, and why. True and false like `correct`.

    Attributes:
        correct: the verdict.
        tier: what decided: "string", "rational", "value", "structure", "text", "leniency", or "unevaluated" (compared as text, past a limit).
        why: one line: the reason, and how both sides were read.
    """

    correct: bool
    tier: str
    why: str

    def __bool__(self) -> bool:
        """The verdict."""
        return self.correct


class Class(NamedTuple):
    """Answers that count as one.

    Attributes:
        key: their vote key.
        votes: how many there are.
        first: the position of the first of them.
        answer: the first of them.
    """

    key: str
    votes: int
    first: int
    answer: str


class Tally(NamedTuple):
    """The classes of a list of answers, most votes first; ties in the order of their first answers.

    Attributes:
        classes: the classes.
        unscored: how many answers were None or empty: they do not vote, and stay in `k`.
        k: how many answers there were.
    """

    classes: tuple[Class, ...]
    unscored: int
    k: int

    @property
    def answer(self) -> str | None:
        """The first answer of the majority class; None where nothing was scored."""
        return self.classes[0].answer if self.classes else None

    @property
    def consensus(self) -> float:
        """The majority's share of all k answers."""
        return self.classes[0].votes / self.k if self.classes else 0.0


def extract(text: str, kind: Kind = "math") -> str | None:
    r"""Returns the answer that a model's text gives, as it is written there; None where there is none.

    Args:
        text: a model's output. Only what follows the last `</think>` is read.
        kind: of the task.

    Raises:
        TypeError: `text` is no str.
        ValueError: An unknown kind.

    Example:
        >>> extract("Thus we have 12 + 30 = 42 apples.\n#### 42", kind="number")
        '42'
    """
    return _core.extract(text, kind)


def grade(gold: str, prediction: str, kind: Kind = "math") -> Verdict:
    r"""Returns whether a prediction is right.

    Args:
        gold: the right answer.
        prediction: an answer; or a whole output with \boxed{...}, "the answer is" or "####", of which the answer is then taken.
        kind: of the task.

    Raises:
        TypeError: `gold` or `prediction` is no str.
        ValueError: An unknown kind.

    Example:
        >>> grade("x=5", "5").why
        'the name x is left out; gold: relation 5; answer: number 5'
    """
    return Verdict(*_core.grade(gold, prediction, kind))


def vote_key(answer: str, kind: Kind = "math") -> str | None:
    """Returns the canonical key of an answer's class; None for an empty answer.

    Args:
        answer: an answer, not a whole output.
        kind: of the task.

    Raises:
        TypeError: `answer` is no str.
        ValueError: An unknown kind.

    Example:
        >>> vote_key("1,234.50") == vote_key("2469/2")
        True
    """
    return _core.vote_key(answer, kind)


def tally(answers: Any, kind: Kind = "math") -> Tally:
    """Counts the votes of answers; None and empty ones do not vote.

    Args:
        answers: a list, or an array of NumPy, Arrow or pandas, of str or None.
        kind: of the task.

    Raises:
        TypeError: An item is neither str nor None.
        ValueError: An unknown kind.

    Example:
        >>> tally(["0.5", "1/2", "2", None]).classes[0].votes
        2
    """
    given = _items(answers, "answers")
    counts: dict[str, list[int]] = {}
    for position, key in enumerate(_core.vote_keys(given, kind)):
        if key is not None:
            counts.setdefault(key, [0, position])[0] += 1
    classes = [Class(key, votes, first, given[first]) for key, (votes, first) in counts.items()]
    classes.sort(key=lambda each: (-each.votes, each.first))
    return Tally(tuple(classes), len(given) - sum(each.votes for each in classes), len(given))


def extract_all(texts: Any, kind: Kind = "math") -> list[str | None]:
    """Returns `extract` of each text; None stays None.

    Args:
        texts: a list, or an array of NumPy, Arrow or pandas, of str or None.
        kind: of the task.

    Raises:
        TypeError: An item is neither str nor None.
        ValueError: An unknown kind.

    Example:
        >>> extract_all(["It is 4.", None])
        ['4', None]
    """
    return _core.extract_all(_items(texts, "texts"), kind)


def grade_all(golds: Any, predictions: Any, kind: Kind = "math") -> list[Verdict]:
    """Returns `grade` of each pair; None is no answer, and wrong.

    Args:
        golds: a list, or an array of NumPy, Arrow or pandas, of str or None.
        predictions: as many.
        kind: of the task.

    Raises:
        TypeError: An item is neither str nor None.
        ValueError: An unknown kind, or lengths that differ.

    Example:
        >>> [bool(verdict) for verdict in grade_all(["1/2", "3"], ["0.5", None])]
        [True, False]
    """
    return [
        Verdict(*each) for each in _core.grade_all(_items(golds, "golds"), _items(predictions, "predictions"), kind)
    ]


def vote_keys(answers: Any, kind: Kind = "math") -> list[str | None]:
    """Returns `vote_key` of each answer; None stays None.

    Args:
        answers: a list, or an array of NumPy, Arrow or pandas, of str or None.
        kind: of the task.

    Raises:
        TypeError: An item is neither str nor None.
        ValueError: An unknown kind.

    Example:
        >>> vote_keys(["0.50", "1/2", None])
        ['1/2', '1/2', None]
    """
    return _core.vote_keys(_items(answers, "answers"), kind)


def _items(values: Any, name: str) -> Sequence[Any]:
    """A list or tuple of what was given; NumPy, Arrow and pandas arrays become lists, what pandas marks as missing None."""
    if isinstance(values, list | tuple):
        return values
    if isinstance(values, str | bytes | Mapping | Set) or not isinstance(values, Iterable):
        raise TypeError(f"{name}: expected a list or an array of str, got {type(values).__name__}")
    dimensions = getattr(values, "ndim", 1)  # Arrow's have no such attribute, and one
    if dimensions != 1:
        raise TypeError(f"{name}: expected one dimension, got {type(values).__name__} of {dimensions}")
    array: Any = values
    if hasattr(array, "notna"):  # pandas
        array = array.astype(object).where(array.notna(), None)
    for method in ("to_pylist", "tolist"):  # Arrow; NumPy and pandas
        convert = getattr(array, method, None)
        if convert is not None:
            converted: list[Any] = convert()
            return converted
    return list(values)
