from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cope
from cope import Problem, Task
from cope.tasks import fingerprint, function, resolve

PROBLEM = Problem("p", "Which city?", "Rome", {"choices": ["Rome", "Oslo"]})


def callbacks(task: Task) -> dict[str, Any]:
    return task.callbacks({"p": PROBLEM}.__getitem__)


def test_a_native_task_needs_no_functions() -> None:
    assert callbacks(resolve("math")) == {}
    assert callbacks(resolve("text")) == {}


def test_an_unknown_task_says_what_there_is() -> None:
    with pytest.raises(cope.ConfigError, match=r"'math', 'text', .*'auto' or a cope\.Task"):
        resolve("maths")


@pytest.mark.parametrize(
    "answer",
    [lambda text: text[:3], lambda text, problem: text[: len(problem.answer) - 1], lambda text, problem=None: text[:3]],
)
def test_a_function_may_take_the_problem_or_leave_it(answer: Any) -> None:
    assert callbacks(Task("t", answer=answer))["answer"]("Romeo", "p") == "Rom"


def test_a_builtin_with_optional_arguments_is_not_given_the_problem() -> None:
    assert callbacks(Task("t", answer=str.strip))["answer"](" Rome ", "p") == "Rome"


def test_an_empty_answer_is_no_answer() -> None:
    assert callbacks(Task("t", answer=lambda text: ""))["answer"]("x", "p") is None


@pytest.mark.parametrize(
    ("part", "call", "arguments"),
    [
        ("answer", lambda text: 5, ("x", "p")),
        ("key", lambda answer: None, ("x",)),
        ("grade", lambda gold, answer: "yes", ("x", "y", "p")),
        ("score", lambda text: "high", ("x", "p")),
    ],
)
def test_a_function_that_returns_the_wrong_type_is_named(part: str, call: Any, arguments: tuple[str, ...]) -> None:
    with pytest.raises(TypeError, match=f"task 't', {part}: expected the function to return"):
        callbacks(Task("t", **{part: call}))[part](*arguments)


def test_a_score_that_is_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        callbacks(Task("t", score=lambda text: float("nan")))["score"]("x", "p")


def test_a_function_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def same(gold, answer):\n    return gold.lower() == answer.lower()\n")
    assert callbacks(Task("t", grade=f"{file}:same"))["grade"]("Rome", "ROME", "p") is True


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nothing.py:f", "no file nothing.py"),
        ("mine.py:other", "has no function 'other'; there are same"),
        ("broken.py:f", "broken.py failed when it was loaded: ZeroDivisionError"),
        ("mine.py", "'file.py:function'"),
        (5, "'file.py:function'"),
    ],
)
def test_a_function_that_cannot_be_found_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: Any, why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("def same(gold, answer):\n    return gold == answer\n")
    Path("broken.py").write_text("1 / 0\n")
    with pytest.raises(cope.ConfigError, match=why):
        Task("t", grade=text)


def test_a_changed_function_has_another_fingerprint(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    hashes = set()
    for body in ("return text", "return text.strip()"):
        file.write_text(f"def answer(text):\n    {body}\n# {body}\n")
        hashes.add(fingerprint(function(f"{file}:answer", "x")))
    assert len(hashes) == 2
