"""Tasks: how a text becomes an answer, when two answers are the same, whether one is right, and what a gate may measure.

Each part is a function of your own or the native one. Functions may also be named in a file: "graders.py:same_city".
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import ConfigError
from .problems import Problem
from .programs import Settings

__all__ = ["Task", "names"]

Function = Callable[..., Any]
_NATIVE = ("math", "text", "integer", "number", "choice", "date", "output", "code", "auto")


@dataclass(frozen=True)
class Task:
    r"""What is asked of the models.

    Args:
        name: "math", "integer", "number", "choice", "date", "output" or "auto" for native extraction and comparison (see cope.answers);
            "code": answers are programs, judged by the tests of each problem (see cope.programs);
            "text" and any name of your own: answers are whole texts, trimmed and compared as they are, unless the functions say otherwise.
        answer: text -> answer, or None where there is none (the sample is then unscored: it never votes). May also take the Problem as second argument.
        key: answer -> its canonical form: answers of one form vote together.
        grade: (gold, answer) -> whether it is right. May also take the Problem as third argument. Default: equal keys.
        score: text -> a number, for gates on "score" and "passed". May also take the Problem as second argument. The task "code" needs none for "passed".
        programs: How programs are run, where a task or a draw has them: limits, interpreter, isolation.

    Raises:
        ConfigError: A name that is empty, or a function that cannot be called or found.

    Example:
        >>> Task("city", answer=lambda text: text.strip().split()[-1], key=str.casefold).name
        'city'
    """

    name: str = "math"
    answer: Function | str | None = None
    key: Function | str | None = None
    grade: Function | str | None = None
    score: Function | str | None = None
    programs: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ConfigError(f"Task, name: expected a text such as 'math', got {self.name!r}")
        if not isinstance(self.programs, Settings):
            raise ConfigError(
                f"Task({self.name!r}), programs: expected a cope.programs.Settings, got {self.programs!r}"
            )
        for part in ("answer", "key", "grade", "score"):
            value = getattr(self, part)
            if value is not None:
                object.__setattr__(self, part, function(value, f"Task({self.name!r}), {part}"))

    @property
    def native(self) -> bool:
        """Whether the native core knows the task by itself."""
        return self.name in _NATIVE

    def fingerprints(self) -> dict[str, str]:
        """Returns hashes of the functions' sources, for manifests and the identity of runs."""
        parts = {part: getattr(self, part) for part in ("answer", "key", "grade", "score")}
        return {part: fingerprint(value) for part, value in parts.items() if value is not None}

    def callbacks(self, problem: Callable[[str], Problem]) -> dict[str, Any]:
        """Returns the functions as the native core calls them.

        Args:
            problem: Finds a problem by its id.
        """
        where = f"task {self.name!r}"
        found: dict[str, Any] = {}
        if (answer := self._function("answer")) is not None:
            found["answer"] = _answer(answer, problem, f"{where}, answer")
        if (key := self._function("key")) is not None:
            found["key"] = lambda text: _returned(key(text), str, f"{where}, key")
        if (grade := self._function("grade")) is not None:
            found["grade"] = _grade(grade, problem, f"{where}, grade")
        if (score := self._function("score")) is not None:
            found["score"] = number_of_text(score, problem, f"{where}, score")
        return found

    def _function(self, part: str) -> Function | None:
        value = getattr(self, part)
        return value if callable(value) else None


def names() -> list[str]:
    """Returns the tasks that the native core knows.

    Example:
        >>> names()
        ['math', 'text', 'integer', 'number', 'choice', 'date', 'output', 'code', 'auto']
    """
    return list(_NATIVE)


def resolve(task: Task | str) -> Task:
    """Returns a Task; a text names a native one.

    Raises:
        ConfigError: An unknown name.
    """
    if isinstance(task, Task):
        return task
    if task not in _NATIVE:
        raise ConfigError(
            f"task: expected one of {', '.join(map(repr, _NATIVE))} or a cope.Task with functions of your own, got {task!r}"
        )
    return Task(task)


def function(value: Function | str, where: str) -> Function:
    """Returns a function, given as such or as "file.py:name".

    Raises:
        ConfigError: No such file or name, a file that fails, or something that cannot be called.
    """
    if callable(value):
        return value
    file, _, name = str(value).rpartition(":")
    if not isinstance(value, str) or not file or not name.isidentifier():
        raise ConfigError(f"{where}: expected a callable or 'file.py:function', got {value!r}")
    path = Path(file)
    if not path.is_file():
        raise ConfigError(f"{where}: no file {file} (looked in {Path.cwd()})")
    spec = importlib.util.spec_from_file_location(f"_cope_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{where}: {file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigError(f"{where}: {file} failed when it was loaded: {type(error).__name__}: {error}") from error
    found = getattr(module, name, None)
    if not callable(found):
        there = ", ".join(key for key, each in vars(module).items() if callable(each) and not key.startswith("_"))
        raise ConfigError(f"{where}: {file} has no function {name!r}; there are {there or 'none'}")
    return found  # type: ignore[no-any-return]


def fingerprint(value: Function) -> str:
    """Returns the hash of a function's source; of its qualified name where the source is not known."""
    name = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__qualname__)}"
    try:
        text = inspect.getsource(value)
    except (OSError, TypeError):
        text = name
    if getattr(value, "__name__", "") == "<lambda>":  # its source is a line, which may hold several
        code = value.__code__
        text += f"{code.co_code.hex()}{code.co_consts}{code.co_names}"
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def takes_problem(value: Function, without: int) -> bool:
    """Whether a function wants the problem after its `without` other arguments: it cannot do with them alone, or names one `problem`."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):  # a builtin without a signature
        return False
    if "problem" in signature.parameters:
        return True
    try:
        signature.bind(*[None] * without)
    except TypeError:
        return True
    return False


def _returned(value: Any, kind: type | tuple[type, ...], where: str) -> Any:
    if not isinstance(value, kind):
        wanted = kind.__name__ if isinstance(kind, type) else " or ".join(each.__name__ for each in kind)
        raise TypeError(f"{where}: expected the function to return {wanted}, got {value!r} ({type(value).__name__})")
    return value


def _answer(call: Function, problem: Callable[[str], Problem], where: str) -> Callable[[str, str], str | None]:
    with_problem = takes_problem(call, 1)

    def answer(text: str, identity: str) -> str | None:
        value = call(text, problem(identity)) if with_problem else call(text)
        if value is None:
            return None
        found: str = _returned(value, str, where)
        return found or None

    return answer


def _grade(call: Function, problem: Callable[[str], Problem], where: str) -> Callable[[str, str, str], bool]:
    with_problem = takes_problem(call, 2)

    def grade(gold: str, text: str, identity: str) -> bool:
        value = call(gold, text, problem(identity)) if with_problem else call(gold, text)
        if hasattr(value, "dtype") and hasattr(value, "item"):
            value = value.item()
        return bool(_returned(value, bool, where))

    return grade


def number_of_text(call: Function, problem: Callable[[str], Problem], where: str) -> Callable[[Any, str], float]:
    """Wraps a user's function that gives a number for its first argument, and may take the problem as its second."""
    with_problem = takes_problem(call, 1)

    def number(first: Any, identity: str) -> float:
        value = call(first, problem(identity)) if with_problem else call(first)
        if hasattr(value, "dtype") and hasattr(value, "item"):
            value = value.item()
        result = float(_returned(value, (int, float), where))
        if result != result:
            raise ValueError(f"{where}: the function returned NaN; return a number")
        return result

    return number
