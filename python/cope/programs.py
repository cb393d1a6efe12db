r"""Programs that models write: problems with tests, read as they are published; the program in a reply; how programs are run.

A problem of the task "code" keeps in its `meta`, never shown to a model but for what its question says:

| key | |
|---|---|
| `visible_tests` | a list of tests ("assert f(2) == 4"); the question shows them, the gate "passed" looks at them |
| `hidden_tests` | a list of tests that score the final program; where it is empty, the visible ones do |
| `setup`, `setup_after` | trusted code before and after the program; optional |
| `entry_point` | what the program must define; optional |
| `beginning` | code in the question that a reply may go on from (HumanEval); optional |
| `checks` | true: each hidden test defines `check(candidate)`, which is called with `entry_point` |

`cope.load(..., task="code")` writes them from rows of MBPP and MBPP-ET (`test_list`), HumanEval (`test`), EvalPlus (`base_input`, `plus_input`), or of a plain
schema: `question`, with `tests`, or `visible_tests` and `hidden_tests`; and of the keys above what there is.

Source: section 5.2. The paper's gate runs "the task's test cases" of MBPP, and its score "the separate hidden test cases from the MBPP-ET dataset"; it does not
say whether prompts show the former. Our reading, `visible="paper"`: all tests of MBPP are visible, in the question and to the gate; MBPP-ET's are hidden.

Example:
    >>> extract("Sure:\n```python\ndef f(x):\n    return x + 1\n```")
    'def f(x):\n    return x + 1\n'
"""

from __future__ import annotations

import ast
import builtins
import datetime
import doctest
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from . import _core
from ._rows import Row, read_rows
from .errors import ConfigError, DataError
from .sandbox import Limits

__all__ = ["ProgramOfThought", "Settings", "Visible", "extract"]

Visible = int | Literal["all", "paper"]
KEYS = ("visible_tests", "hidden_tests", "setup", "setup_after", "entry_point", "beginning", "checks")
_PROMPT = "{text}\n\nYour code should pass these tests:\n\n{tests}"


@dataclass(frozen=True)
class Settings:
    """How the programs of a run are run.

    Args:
        limits: What one program may use; see `cope.sandbox.Limits`. Default: 10 s of CPU time, in at most 20 s, so that a busy machine changes no verdict.
        isolation: "full", or "reduced" where the kernel lacks a mechanism that full isolation needs.
        interpreter: A Python 3.8 or later; default the running one.
        workers: Programs at once; default one a core.

    Raises:
        ConfigError: An argument that cannot work.

    Example:
        >>> Settings(limits=Limits(wall_ms=1_000)).isolation
        'full'
    """

    limits: Limits = field(default_factory=lambda: Limits(wall_ms=20_000, cpu_ms=10_000))
    isolation: Literal["full", "reduced"] = "full"
    interpreter: str | Path | None = None
    workers: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.limits, Limits):
            raise ConfigError(f"Settings, limits: expected a cope.sandbox.Limits, got {self.limits!r}")
        if self.isolation not in ("full", "reduced"):
            raise ConfigError(f"Settings, isolation: expected 'full' or 'reduced', got {self.isolation!r}")
        if not isinstance(self.workers, int) or isinstance(self.workers, bool) or self.workers < 0:
            raise ConfigError(f"Settings, workers: expected 0 (one a core) or more, got {self.workers!r}")

    def to_entry(self) -> dict[str, Any]:
        """Returns the spec's "programs"."""
        interpreter = str(self.interpreter or sys.executable)
        return {
            **asdict(self.limits),
            "isolation": self.isolation,
            "interpreter": interpreter,
            "workers": self.workers,
        }


@dataclass(frozen=True)
class ProgramOfThought:
    """What a draw of programs leaves as its answers.

    Globals and locals are separate, as published: functions of a program do not see names assigned at its top level. What fails has no answer.

    Source: Yue et al. 2023 (LLM Cascade), Chen et al. 2022 (Program of Thoughts).

    Args:
        result: The name whose value is the answer.
        prelude: Code before each program, such as imports.
        frozen: The day that clocks tell the programs (midnight, UTC), a date or "2023-06-01"; programs call `date.today()`, so a replay needs the day of
            the recording. Default: the time.
        wall_ms: Milliseconds that a program may take, of CPU time too.

    Raises:
        ConfigError: An argument that cannot work.

    Example:
        >>> ProgramOfThought(frozen="2023-06-01").to_entry()["frozen_unix_s"]
        1685577600
    """

    result: str = "ans"
    prelude: str = ""
    frozen: datetime.date | str | None = None
    wall_ms: int = 2_000

    def __post_init__(self) -> None:
        if not isinstance(self.result, str) or not self.result.isidentifier():
            raise ConfigError(f"ProgramOfThought, result: expected a Python name such as 'ans', got {self.result!r}")
        if not isinstance(self.prelude, str):
            raise ConfigError(f"ProgramOfThought, prelude: expected Python code as a text, got {self.prelude!r}")
        if problem := unparsable(self.prelude):
            raise ConfigError(f"ProgramOfThought, prelude: {problem}")
        if isinstance(self.frozen, str):
            try:
                object.__setattr__(self, "frozen", datetime.date.fromisoformat(self.frozen))
            except ValueError:
                raise ConfigError(
                    f"ProgramOfThought, frozen: expected a day such as '2023-06-01', got {self.frozen!r}"
                ) from None
        elif self.frozen is not None and not isinstance(self.frozen, datetime.date):
            raise ConfigError(f"ProgramOfThought, frozen: expected a date, got {self.frozen!r}")
        if not isinstance(self.wall_ms, int) or isinstance(self.wall_ms, bool) or self.wall_ms < 1:
            raise ConfigError(f"ProgramOfThought, wall_ms: expected at least 1, got {self.wall_ms!r}")

    def to_entry(self) -> dict[str, Any]:
        """Returns the spec's "program" of a draw."""
        day = self.frozen
        frozen = None
        if isinstance(day, datetime.date):
            frozen = int(datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.timezone.utc).timestamp())
        return {"result": self.result, "prelude": self.prelude, "frozen_unix_s": frozen, "wall_ms": self.wall_ms}


def extract(text: str, *, entry_point: str = "", beginning: str = "") -> str | None:
    r"""Returns the program in a model's reply; None where there is none.

    Fenced blocks of Python are preferred to code between prose. Of several, the last that defines `entry_point`, else the last; helpers in blocks before it
    are joined to it.

    Args:
        text: The reply.
        entry_point: The function, class or variable that the program must define.
        beginning: Code in the prompt that the reply may go on from.

    Example:
        >>> extract("    return x + 1", entry_point="f", beginning="def f(x):")
        'def f(x):\n    return x + 1\n'
    """
    return _core.extract_program(text, entry_point, beginning)


def unparsable(code: str) -> str:
    """Returns what keeps a text from being Python, with the line; empty: nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except SyntaxError as error:
        return f"line {error.lineno or 1}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"line 1: {error or type(error).__name__}"
    return ""


@dataclass(frozen=True)
class Options:
    """How tests are shared out when problems are read; see `cope.load`."""

    visible: Visible | None = None
    hidden: str | Path | None = None

    def __post_init__(self) -> None:
        known = self.visible in (None, "all", "paper") or (
            isinstance(self.visible, int) and not isinstance(self.visible, bool) and self.visible >= 0
        )
        if not known:
            raise ConfigError(f"visible: expected a number of tests, 'all' or 'paper', got {self.visible!r}")
        if self.visible == "paper" and self.hidden is None:
            raise ConfigError(
                "visible='paper': needs the file of MBPP-ET, whose tests are the hidden ones: hidden=path"
            )


class Reader:
    """Makes a code problem's question, answer, id and meta of a row, whatever it is published as."""

    def __init__(self, options: Options) -> None:
        self._visible = options.visible
        self._hidden = _hidden_tests(Path(options.hidden).expanduser()) if options.hidden is not None else None

    def fields(self, row: Row) -> tuple[str, str, str, dict[str, Any]]:
        """Returns id, question, answer and meta.

        Raises:
            DataError: A row that is none of the known forms, or a test that does not parse (the task and the line).
        """
        values = row.values
        form = _form(row)
        identity = str(values.get("task_id", values.get("id", row.index)))
        where = f"{row.where}: task {identity}"
        question, answer, meta = form(values, where, self._visible)
        if self._hidden is not None:
            if identity not in self._hidden:
                raise DataError(f"{where}: the file of hidden tests has none for it")
            meta["hidden_tests"] = self._hidden[identity]
            meta["checks"] = False
        for name in ("visible_tests", "hidden_tests"):
            for index, test in enumerate(meta[name]):
                if problem := unparsable(test):
                    raise DataError(
                        f"{where}, {name.replace('_', ' ')[:-1]} {index}, {problem}: {test[:80]!r}; mend it"
                    )
        for name in ("setup", "setup_after"):
            if problem := unparsable(meta.get(name, "")):
                raise DataError(f"{where}, {name}, {problem}; mend it")
        if not meta["visible_tests"] and not meta["hidden_tests"]:
            raise DataError(f"{where}: has no tests; without them no program can be accepted or scored")
        return identity, question, answer or "\n".join(meta["hidden_tests"] or meta["visible_tests"]), meta


def _hidden_tests(path: Path) -> dict[str, list[str]]:
    found = {}
    for row in read_rows(path):
        if "task_id" not in row.values or "test_list" not in row.values:
            raise DataError(f"{row.where}: expected the fields task_id and test_list, as MBPP-ET has them")
        where = f"{row.where}: task {row.values['task_id']}"
        found[str(row.values["task_id"])] = _tests(row.values, "test_list", where)
    return found


def _form(row: Row) -> Any:
    values = row.values
    if "test_list" in values:
        return _mbpp
    if "entry_point" in values and "prompt" in values and ("base_input" in values or "plus_input" in values):
        return _evalplus
    if "entry_point" in values and "prompt" in values and "test" in values:
        return _humaneval
    if "question" in values and any(name in values for name in ("tests", "visible_tests", "hidden_tests")):
        return _plain
    have = ", ".join(map(repr, values)) or "none"
    raise DataError(
        f"{row.where}: no tests: expected test_list (MBPP), test and entry_point (HumanEval), base_input (EvalPlus), or question with tests; there are {have}"
    )


def _text(values: Mapping[str, Any], name: str, where: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{where}, {name}: expected text, got {value!r} ({type(value).__name__})")
    return value.replace("\r\n", "\n")


def _tests(values: Mapping[str, Any], name: str, where: str) -> list[str]:
    value = values.get(name)
    if value is None:
        return []
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, (list, tuple)) or not all(isinstance(test, str) for test in value):
        raise DataError(f"{where}, {name}: expected a list of tests as texts, got {str(value)[:80]!r}")
    return [test.replace("\r\n", "\n").strip() for test in value]


def _shared(tests: list[str], visible: Visible | None, default: int) -> tuple[list[str], list[str]]:
    """The visible and the hidden ones."""
    if visible in ("all", "paper"):
        return tests, []
    number = visible if isinstance(visible, int) else default
    return tests[:number], tests[number:]


def _called(tests: Iterable[str], code: str) -> str:
    """The function that the tests call: the first one of the reference's, else the first that is no builtin."""
    names = []
    for test in tests:
        if not unparsable(test):
            calls = [node for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Call)]
            names += [node.func.id for node in calls if isinstance(node.func, ast.Name)]
    own = [name for name in names if f"def {name}" in code or f"class {name}" in code]
    other = [name for name in names if not hasattr(builtins, name)]
    return (own or other or [""])[0]


def _mbpp(values: Mapping[str, Any], where: str, visible: Visible | None) -> tuple[str, str, dict[str, Any]]:
    text = _text(values, "text", where) or _text(values, "prompt", where)
    if not text.strip():
        raise DataError(f"{where}, text: is empty; fill it in or drop the row")
    code = _text(values, "code", where)
    tests = _tests(values, "test_list", where)
    shown, hidden = _shared(tests, visible, 1)
    question = _PROMPT.format(text=text.strip(), tests="\n".join(shown)) if shown else text.strip()
    return (
        question,
        code,
        {
            "visible_tests": shown,
            "hidden_tests": hidden,
            "setup": "\n".join(_tests(values, "test_imports", where)),
            "setup_after": _text(values, "test_setup_code", where),  # 367 and 927 make objects of the solution's class
            "entry_point": _called(tests, code),
        },
    )


def _examples(prompt: str) -> list[str]:
    """The examples of a docstring as asserts."""
    try:
        tree = ast.parse(prompt + "\n    pass\n")
    except (SyntaxError, ValueError):
        return []
    tests = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (text := ast.get_docstring(node)):
            try:
                examples = doctest.DocTestParser().get_examples(text)
            except ValueError:
                continue
            tests += [
                f"assert ({each.source.strip()}) == ({each.want.strip()})" for each in examples if each.want.strip()
            ]
    return [test for test in tests if not unparsable(test)]


def _begun(values: Mapping[str, Any], where: str, visible: Visible | None) -> tuple[str, str, str, dict[str, Any]]:
    """What HumanEval and EvalPlus have in common: prompt, entry point, reference, meta without hidden tests."""
    prompt, entry_point = _text(values, "prompt", where), _text(values, "entry_point", where)
    if not prompt.strip() or not entry_point.isidentifier():
        raise DataError(f"{where}: prompt and entry_point must be texts that are not empty, entry_point a Python name")
    reference = prompt + _text(values, "canonical_solution", where)
    examples = _examples(prompt)
    imports = [line for line in prompt.splitlines() if line.startswith(("import ", "from "))]
    meta = {
        "visible_tests": examples[:visible] if isinstance(visible, int) else examples,
        "setup": "\n".join(imports),
        "entry_point": entry_point,
        "beginning": prompt,
        "checks": True,
    }
    return prompt, entry_point, reference, meta


def _humaneval(values: Mapping[str, Any], where: str, visible: Visible | None) -> tuple[str, str, dict[str, Any]]:
    prompt, _, reference, meta = _begun(values, where, visible)
    return prompt, reference, {**meta, "hidden_tests": [_text(values, "test", where)]}


_COMPARING = """
inf, nan = float("inf"), float("nan")
_reference = {name}
def _same(one, other):
    if isinstance(other, float) or (isinstance(other, (list, tuple)) and other and all(isinstance(x, float) for x in other)):
        ones, others = (one, other) if isinstance(other, (list, tuple)) else ([one], [other])
        return len(ones) == len(others) and all(abs(a - b) <= {tolerance!r} + 1e-7 * abs(b) for a, b in zip(ones, others))
    return one == other
def check(candidate):
    for arguments in {inputs!r}:
        expected = _reference(*copy.deepcopy(arguments))
        assert _same(candidate(*copy.deepcopy(arguments)), expected), arguments
"""


def _evalplus(values: Mapping[str, Any], where: str, visible: Visible | None) -> tuple[str, str, dict[str, Any]]:
    prompt, entry_point, reference, meta = _begun(values, where, visible)
    if not _text(values, "canonical_solution", where).strip():
        raise DataError(f"{where}, canonical_solution: is empty, but EvalPlus compares with what it returns")
    hidden = [
        f"import copy\n{reference}\n"
        + _COMPARING.format(name=entry_point, inputs=list(inputs), tolerance=float(values.get("atol") or 0))
        for name in ("base_input", "plus_input")
        if isinstance(inputs := values.get(name), Sequence) and inputs
    ]
    return prompt, reference, {**meta, "hidden_tests": hidden}


def _plain(values: Mapping[str, Any], where: str, visible: Visible | None) -> tuple[str, str, dict[str, Any]]:
    question = _text(values, "question", where)
    if not question.strip():
        raise DataError(f"{where}, question: is empty; fill it in or drop the row")
    shown, hidden = _tests(values, "visible_tests", where), _tests(values, "hidden_tests", where)
    if "tests" in values:
        if shown or hidden:
            raise DataError(f"{where}: give either tests, or visible_tests and hidden_tests")
        wanted = visible if visible is not None else values.get("visible", 1)
        if wanted not in ("all", "paper") and (not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 0):
            raise DataError(f"{where}, visible: expected a number of tests or 'all', got {wanted!r}")
        shown, hidden = _shared(_tests(values, "tests", where), wanted, 1)
        question = _PROMPT.format(text=question.strip(), tests="\n".join(shown)) if shown else question
    known = {"question", "answer", "id", "tests", "visible", *KEYS}
    meta = {name: value for name, value in values.items() if name not in known}
    answer = _text(values, "answer", where)
    meta |= {
        "visible_tests": shown,
        "hidden_tests": hidden,
        "setup": _text(values, "setup", where),
        "setup_after": _text(values, "setup_after", where),
        "entry_point": _text(values, "entry_point", where) or _called([*shown, *hidden], answer),
        "beginning": _text(values, "beginning", where),
        "checks": bool(values.get("checks", False)),
    }
    return question, answer, meta
