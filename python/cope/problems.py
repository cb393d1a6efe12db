"""Problems: what a method works on, read from files, data frames, lists or Hugging Face datasets.

The schema, whatever the source:

| column | | |
|---|---|---|
| `question` | required | text; what prompts show |
| `answer` | optional | the gold answer, text or a number; null where there is none |
| `id` | optional | text or a whole number, unique; default: the row's number from 0 |
| others | optional | kept as `meta`, never shown to a model |

Other names are mapped: `columns={"question": "problem", "id": "unique_id"}`.
"""

from __future__ import annotations

import hashlib
import json
import math
import numbers
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ._rows import Row, read_rows, rows_of
from .errors import ConfigError, DataError
from .programs import KEYS, Options, Reader, Visible

__all__ = ["Problem", "ProblemStream", "load", "stream"]

_FIELDS = ("id", "question", "answer")
_LIKELY = {
    "question": ("problem", "prompt", "text", "input", "query", "instruction", "Question", "Problem"),
    "answer": ("gold", "target", "label", "expected", "final_answer", "solution", "output", "Answer"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem.

    Args:
        id: Unique in its problem set; samples are keyed by it, so keep it stable.
        question: The text that prompts show to a model.
        answer: The gold answer, or None where there is none (the run then reports no accuracy for it).
        meta: Whatever else the source held (level, subject, ...); kept with the run, never shown to a model.

    Raises:
        DataError: An id or question that is empty or no text, an answer that is neither text nor None.

    Example:
        >>> Problem(id="p1", question="What is 2 + 3?", answer="5").answer
        '5'
    """

    id: str
    question: str
    answer: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in (("id", self.id), ("question", self.question), ("answer", self.answer)):
            if value is None and name == "answer":
                continue
            if not isinstance(value, str):
                raise DataError(f"{name}: expected text, got {value!r} ({type(value).__name__})")
            if name != "answer" and not value.strip():
                raise DataError(f"{name}: is empty; fill it in or drop the row")
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise DataError(
                    f"{name}: character {error.start + 1} is a lone surrogate (\\u{ord(value[error.start]):04x}), which is no text; "
                    "repair it where the text was cut or decoded"
                ) from None
        if not isinstance(self.meta, Mapping):
            raise DataError(f"meta: expected a mapping, got {self.meta!r}")

    def to_row(self) -> tuple[str, str, str | None, str]:
        """Returns the problem as the native core wants it: id, question, answer, meta as JSON text."""
        return (self.id, self.question, self.answer, json.dumps(_plain(self.meta), ensure_ascii=False))


def can_grade(answer: str | None, meta: Mapping[str, Any]) -> bool:
    """Whether a problem says what is right: by a gold answer, or by tests of programs."""
    return answer is not None or bool(meta.get("hidden_tests") or meta.get("visible_tests"))


def facts(problems: Sequence[Problem]) -> dict[str, Any]:
    """What the manifest of a recording says of its problems."""
    return {
        "count": len(problems),
        "with_gold": sum(can_grade(problem.answer, problem.meta) for problem in problems),
        "sha256": fingerprint(problems),
        "ids": [problem.id for problem in problems],
    }


def _plain(value: Any) -> Any:
    """A value as JSON can hold it: NumPy numbers and arrays become Python's, NaN becomes null, what else there is becomes text."""
    if value is None or isinstance(value, (str, bool)):
        return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(each) for each in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return str(value)


@dataclass(frozen=True, slots=True)
class _Schema:
    """Which column holds which field; `gold`: whether the first row had an answer."""

    columns: Mapping[str, str | None]
    task: str
    gold: bool

    @staticmethod
    def of(first: Row, columns: Mapping[str, str | None] | None, task: str) -> _Schema:
        given = dict(columns or {})
        if unknown := set(given) - set(_FIELDS):
            raise ConfigError(
                f"columns: expected keys among {', '.join(_FIELDS)}, got {', '.join(map(repr, sorted(map(str, unknown))))}"
            )
        chosen: dict[str, str | None] = {name: given.get(name, name) for name in _FIELDS}
        for name in given:
            if given[name] is not None and given[name] not in first.values:
                raise _missing(first, name, str(given[name]))
        if chosen["question"] not in first.values:
            raise _missing(first, "question", str(chosen["question"]))
        if (
            "answer" not in given
            and "answer" not in first.values
            and any(each in first.values for each in _LIKELY["answer"])
        ):
            raise _missing(first, "answer", "answer")
        return _Schema(chosen, task, chosen["answer"] in first.values)

    def problem(self, row: Row) -> Problem:
        """Makes the problem of a row."""
        columns = self.columns
        used = {column for column in columns.values() if column is not None}
        if columns["question"] not in row.values:
            raise _missing(row, "question", str(columns["question"]))
        if self.gold and columns["answer"] not in row.values:
            raise DataError(
                f"{row.where}: field {columns['answer']!r} is missing, which the first row has; write null where there is no gold answer"
            )
        identity = row.values.get(columns["id"] or "", None)
        gold = row.values.get(columns["answer"] or "", None)
        try:
            return Problem(
                id=str(row.index) if identity is None else _as_text(identity, "id"),
                question=_as_question(row.values[str(columns["question"])]),
                answer=None if gold is None else self._gold(_as_text(gold, "answer")),
                meta={name: value for name, value in row.values.items() if name not in used},
            )
        except DataError as error:
            raise DataError(f"{row.where}: {error}") from None

    def _gold(self, text: str) -> str | None:
        if self.task == "math" and "####" in text:
            text = text.rpartition("####")[2]  # GSM8K keeps the reasoning before it
        return text.strip() or None


def _missing(row: Row, name: str, column: str) -> DataError:
    have = ", ".join(map(repr, row.values)) or "none"
    likely = next((each for each in _LIKELY.get(name, ()) if each in row.values), None)
    hint = f'; say which column it is: columns={{"{name}": "..."}}'
    if likely:
        hint = f'; pass columns={{"{name}": "{likely}"}} if that is the one'
    if name == "answer":
        hint += ', or columns={"answer": None} if there are no gold answers'
    return DataError(f"{row.where}: no field {column!r}; there are {have}{hint}")


def _as_question(value: Any) -> str:
    if isinstance(value, float) and math.isnan(value):
        raise DataError("question: is NaN (a missing value); fill it in or drop the row")
    if not isinstance(value, str):
        raise DataError(f"question: expected text, got {value!r} ({type(value).__name__})")
    return value


def _as_text(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise DataError(f"{name}: expected text or a number, got {value!r} ({type(value).__name__})")
    if not isinstance(value, numbers.Integral):
        number = float(value)
        if not math.isfinite(number):
            remedy = "put None where there is no gold answer" if name == "answer" else "fill it in or drop the column"
            raise DataError(f"{name}: is {'NaN (a missing value)' if math.isnan(number) else 'infinite'}; {remedy}")
        if name == "id" and not number.is_integer():
            raise DataError(f"id: expected text or a whole number, got {value!r}")
        if number.is_integer() and abs(number) < 2**53:
            return str(int(number))
        return repr(number)
    return str(int(value))


class _Unique:
    """Refuses the second problem of an id, naming both places."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def check(self, identity: str, where: str) -> None:
        first = self._seen.setdefault(identity, where)
        if first is not where:
            raise DataError(f"{where}: the id {identity!r} was already used in {first}; ids must be unique")


def _code_problem(reader: Reader, row: Row) -> Problem:
    identity, question, answer, meta = reader.fields(row)
    try:
        return Problem(identity, question, answer, meta)
    except DataError as error:
        raise DataError(f"{row.where}: {error}") from None


def _problems(
    rows: Iterator[Row],
    columns: Mapping[str, str | None] | None,
    task: str,
    name: str,
    options: Options | None = None,
) -> Iterator[Problem]:
    schema: _Schema | None = None
    unique = _Unique()
    if task == "code":
        if columns:
            raise ConfigError(
                "columns: problems of the task 'code' have the columns of their format; see cope.programs"
            )
        reader = Reader(options or Options())
        none = True
        for row in rows:
            none = False
            problem = _code_problem(reader, row)
            unique.check(problem.id, row.where)
            yield problem
        if none:
            raise DataError(f"{name}: holds no problems; a run needs at least one")
        return
    if options is not None and options != Options():
        raise ConfigError(f"visible, hidden: are of the task 'code', not of {task!r}")
    for row in rows:
        schema = schema or _Schema.of(row, columns, task)
        problem = schema.problem(row)
        unique.check(problem.id, row.where)
        yield problem
    if schema is None:
        raise DataError(f"{name}: holds no problems; a run needs at least one")


def load(
    source: str | Path | Iterable[Any],
    *,
    task: str = "math",
    columns: Mapping[str, str | None] | None = None,
    visible: Visible | None = None,
    hidden: str | Path | None = None,
) -> list[Problem]:
    """Loads a problem set and checks all of it.

    Args:
        source: A .jsonl, .json, .csv, .parquet or .arrow file (also .jsonl.gz, .csv.gz), a list of dicts, an Arrow table, a pandas or polars
            DataFrame, a split of a Hugging Face dataset, or an iterable of Problem.
        task: What the answers are. "math": of a text that holds `####` (GSM8K), the gold answer is what follows it.
            "code": rows of MBPP, MBPP-ET, HumanEval, EvalPlus or with tests of your own; see `cope.programs`.
        columns: Which column holds `id`, `question`, `answer`, where they are called otherwise: {"question": "problem"}. None as a column: there is none.
        visible: Of the task "code": how many tests the question shows and the gate sees, from the first; the others are hidden. Default: 1 (HumanEval and
            EvalPlus: the examples in the prompt). "all": all, and they score the program, too. "paper": all, with `hidden` for the score.
        hidden: Of the task "code": a file with `task_id` and `test_list`, such as MBPP-ET's, whose tests are the hidden ones.

    Returns:
        The problems, in the order of the source.

    Raises:
        DataError: What is wrong, in which file, line and column, and how to mend it.
        ConfigError: `columns` has other keys.

    Example:
        >>> load([{"problem": "What is 2 + 3?", "answer": 5}], columns={"question": "problem"})
        [Problem(id='0', question='What is 2 + 3?', answer='5', meta={})]
    """
    options = Options(visible, hidden)
    if isinstance(source, (str, Path)):
        path = Path(source).expanduser()
        return list(_problems(read_rows(path), columns, task, str(path), options))
    if isinstance(source, ProblemStream):
        return list(source)
    items = rows_of(source)
    first = next(items, None)
    if first is None:
        raise DataError("the problem set is empty; a run needs at least one problem")
    if not isinstance(first, Problem):
        return list(_problems(_as_rows(first, items), columns, task, "the problem set", options))
    if columns:
        raise ConfigError("columns: a list of Problem has no columns to map")
    return list(_checked(first, items))


def _as_rows(first: Any, rest: Iterator[Any]) -> Iterator[Row]:
    for index, values in enumerate(_chain(first, rest)):
        where = f"row {index}"
        if not isinstance(values, Mapping):
            raise DataError(
                f"{where}: expected a mapping of fields or a cope.Problem, got {type(values).__name__} {str(values)[:80]!r}"
            )
        yield Row(index, where, values)


def _chain(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _checked(first: Any, rest: Iterator[Any]) -> Iterator[Problem]:
    unique = _Unique()
    for index, problem in enumerate(_chain(first, rest)):
        if not isinstance(problem, Problem):
            raise DataError(f"problem {index}: expected a cope.Problem like the first, got {type(problem).__name__}")
        unique.check(problem.id, f"problem {index}")
        yield problem


@dataclass(frozen=True)
class ProblemStream:
    """A file of problems, read row by row each time it is iterated over; made by `stream`."""

    path: Path
    task: str = "math"
    columns: Mapping[str, str | None] | None = None

    def __iter__(self) -> Iterator[Problem]:
        return _problems(read_rows(self.path), self.columns, self.task, str(self.path))

    def sha256(self) -> str:
        """Returns the hash that stands for the problem set: of the file's bytes and the column map."""
        digest = hashlib.sha256(json.dumps([self.task, dict(self.columns or {})], sort_keys=True).encode())
        with self.path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()


def stream(path: str | Path, *, task: str = "math", columns: Mapping[str, str | None] | None = None) -> ProblemStream:
    """Opens a large problem set that is never held in memory as a whole.

    Rows are checked as they come, so an error in the middle ends a run there: mend the file, run again, and what was paid for is not paid for again.

    Args:
        path: A .jsonl, .csv or .parquet file.
        task: See `load`.
        columns: See `load`.

    Returns:
        An iterable of problems.

    Raises:
        DataError: No such file, a kind of file that cannot be read row by row, or a first row that does not fit.
        ConfigError: `columns` has other keys.

    Example:
        >>> run = cope.run(method, cope.stream("large.jsonl"), store="runs/large")  # doctest: +SKIP
    """
    path = Path(path).expanduser()
    if path.suffix == ".json":
        raise DataError(
            f"{path}: a .json file is read as a whole; write one object a line (.jsonl) to stream it, or use cope.load"
        )
    opened = ProblemStream(path, task, dict(columns) if columns else None)
    next(iter(opened))
    return opened


def fingerprint(problems: Iterable[Problem]) -> str:
    """Returns the hash of a problem set: ids, questions, gold answers and tests, in order."""
    digest = hashlib.sha256()
    for problem in problems:
        tests = [[problem.meta.get(key) for key in KEYS]] if "hidden_tests" in problem.meta else []
        digest.update(json.dumps([problem.id, problem.question, problem.answer, *tests]).encode())
        digest.update(b"\n")
    return digest.hexdigest()
