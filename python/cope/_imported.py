"""What imports share: rows of samples, read and checked, and the recording that they make."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _core, _shape
from ._export import FORMAT, META_KEY
from ._money import INT64_MAX
from ._recording import Recording, recordings_of, run_of, run_recorded
from ._rows import Row, read_rows, rows_of
from .errors import DataError
from .problems import Problem
from .running import callbacks_of
from .spec import Compiled
from .tasks import Task

_BATCH = 4096
_WHOLE = "prompt_tokens cached_prompt_tokens completion_tokens reasoning_tokens cost_pusd latency_ms created_unix_ms attempts"

# --- reading ------------------------------------------------------------------------------------------------------


@dataclass
class File:
    """Rows of one source, and the description that an export brings along."""

    name: str
    about: dict[str, Any] | None
    rows: list[Row]


def sources(source: Any) -> list[Any]:
    if isinstance(source, (list, tuple)) and source and all(isinstance(each, (str, Path)) for each in source):
        return list(source)
    return [source]


def read(source: Any) -> File:
    if not isinstance(source, (str, Path)):
        about = _described(source.schema) if hasattr(source, "to_pylist") else None
        if hasattr(source, "notna"):  # a pandas frame, whose missing cells are NaN
            source = source.astype(object).where(source.notna(), None)
        rows = [
            Row(index, f"row {index}", values) if isinstance(values, Mapping) else _no_row(index, values)
            for index, values in enumerate(rows_of(source))
        ]
        return _checked(File("the rows", about, _nonempty(rows, "the rows")))
    path = Path(source).expanduser()
    rows = list(read_rows(path))
    about = None
    if path.suffix.lower() in (".parquet", ".arrow", ".feather"):
        import pyarrow.parquet

        parquet = path.suffix.lower() == ".parquet"
        about = _described(pyarrow.parquet.read_schema(path) if parquet else pyarrow.ipc.open_file(path).schema)
    elif rows and set(rows[0].values) == {META_KEY}:
        about = rows.pop(0).values[META_KEY]
    return _checked(File(str(path), about, _nonempty(rows, str(path))))


def _described(schema: Any) -> Any:
    """The description in an Arrow schema's metadata; None where there is none."""
    described = (schema.metadata or {}).get(META_KEY.encode())
    return None if described is None else json.loads(described)


def _checked(file: File) -> File:
    about: Any = file.about
    if about is not None and (not isinstance(about, dict) or about.get("format") != FORMAT):
        found = about.get("format") if isinstance(about, dict) else about
        raise DataError(
            f"{file.name}: is a recording of format {found!r}, and this version reads format {FORMAT}; export it anew"
        )
    return file


def _no_row(index: int, values: Any) -> Row:
    raise DataError(f"row {index}: expected a mapping of columns, got {type(values).__name__} {str(values)[:80]!r}")


def _nonempty(rows: list[Row], name: str) -> list[Row]:
    if not rows:
        raise DataError(f"{name}: holds no samples; a recording needs at least one row")
    return rows


class Cells:
    """The columns of one row, checked."""

    def __init__(self, row: Row) -> None:
        self.where = row.where
        self._values = row.values

    def _missing(self, name: str, column: str) -> DataError:
        there = ", ".join(map(repr, self._values))
        return DataError(f"{self.where}: no column {column!r}; there are {there} ({name})")

    def has(self, name: str) -> bool:
        """Whether the column is there, be it null."""
        return name in self._values

    def raw(self, name: str) -> Any:
        """The value; None where the column is absent, or null."""
        value: Any = self._values.get(name)
        if hasattr(value, "dtype") and hasattr(value, "item"):
            value = value.item()
        return value

    def required(self, name: str) -> Any:
        """The value of a column that must be there."""
        if name not in self._values:
            raise self._missing("docs/recordings.md describes the columns", name)
        value = self.raw(name)
        if value is None:
            raise DataError(f"{self.where}: column {name!r} is null; every sample needs it")
        return value

    def whole(self, name: str, value: Any) -> int:
        """A whole number of at least 0 that the store can hold; of a CSV file, its digits."""
        if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
            value = int(value) if len(value) <= 20 else value
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or (isinstance(value, float) and not value.is_integer()):
            raise DataError(f"{self.where}: column {name!r}: expected a whole number, got {_shown(value)}")
        if not 0 <= value <= INT64_MAX:
            limit = "at least 0" if value < 0 else "at most 2^63 - 1"
            raise DataError(f"{self.where}: column {name!r}: expected {limit}, got {_shown(value)}")
        return int(value)

    def text(self, name: str, value: Any) -> str:
        """A text, or a number as text."""
        if isinstance(value, str):
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if not math.isfinite(value):
                raise DataError(f"{self.where}: column {name!r} is {_shown(value)}; write null where there is nothing")
            return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))
        raise DataError(f"{self.where}: column {name!r}: expected a text or a number, got {_shown(value)}")

    def flag(self, name: str) -> bool | None:
        """True or False, as a bool, 0 or 1, or their text; None where there is none."""
        value = self.raw(name)
        if value is None:
            return None
        said = value.strip().lower() if isinstance(value, str) else value
        for meaning, forms in ((True, (1, "1", "true")), (False, (0, "0", "false"))):
            if said in forms:
                return meaning
        raise DataError(f"{self.where}: column {name!r}: expected true or false, got {_shown(value)}")

    def maybe_text(self, name: str) -> str | None:
        """A text or a number as text, or None."""
        value = self.raw(name)
        return None if value is None else self.text(name, value)

    def carried(self) -> list[int]:
        """The samples that the prompt's carried plans are."""
        value = self.raw("carried")
        if hasattr(value, "tolist"):
            value = value.tolist()
        if value is None:
            return []
        listed = value if isinstance(value, (list, tuple)) else [value]
        return [self.whole("carried", each) for each in listed]

    def stored(self) -> dict[str, Any]:
        """What the store keeps of a sample beside text and identity, as far as the row says it."""
        found: dict[str, Any] = {}
        for column in _WHOLE.split():
            if (value := self.raw(column)) is not None:
                found[column] = self.whole(column, value)
        for column in ("reasoning", "finish_reason"):
            if (value := self.raw(column)) is not None:
                found[column] = self.text(column, value)
        for column in ("usage_known", "usage_estimated"):
            if (value := self.flag(column)) is not None:
                found[column] = value
        if (value := self.raw("mean_logprob")) is not None:
            value = _number(value)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not -math.inf < value <= 0:
                raise DataError(
                    f"{self.where}: column 'mean_logprob': expected a finite number of at most 0, got {_shown(value)}"
                )
            found["mean_logprob"] = float(value)
        return found


def _number(value: Any) -> Any:
    """The number that a CSV file's text is; else the value as it is."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _shown(value: Any) -> str:
    return "NaN" if isinstance(value, float) and value != value else repr(value)[:80]


class Problems:
    """Problems in the order of the rows; refuses rows that contradict each other."""

    def __init__(self) -> None:
        self.by_id: dict[str, Problem] = {}
        self._where: dict[str, str] = {}

    def add(self, cells: Cells) -> Problem:
        identity = cells.text("problem_id", cells.required("problem_id"))
        question = cells.maybe_text("question")
        gold = cells.maybe_text("gold")
        known = self.by_id.get(identity)
        if known is None:
            meta = cells.raw("meta")
            try:
                parsed = json.loads(meta) if isinstance(meta, str) else meta or {}
                known = Problem(identity, question or f"Problem {identity}", gold, parsed)
            except (DataError, ValueError) as error:
                raise DataError(f"{cells.where}: {error}") from None
            self.by_id[identity], self._where[identity] = known, cells.where
            return known
        for column, value, first in (("question", question, known.question), ("gold", gold, known.answer)):
            if value is not None and value != first:
                raise DataError(
                    f"{cells.where}: problem {identity!r} has the {column} {value!r:.80}, but {first!r:.80} in {self._where[identity]}; ids must be unique"
                )
        return known


class Once:
    """Refuses the second row of the same sample."""

    def __init__(self) -> None:
        self._seen: dict[Any, str] = {}

    def check(self, place: Any, words: str, where: str) -> None:
        if place in self._seen:
            raise DataError(
                f"{where}: {words} is there already, in {self._seen[place]}; every sample stands in one row"
            )
        self._seen[place] = where


# --- writing ------------------------------------------------------------------------------------------------------


@dataclass
class Made:
    """A recording that was read, checked and not yet written."""

    spec: dict[str, Any]
    manifest: dict[str, Any]
    runs: list[tuple[int, int | None]]
    carry: str
    problems: list[Problem]
    samples: list[dict[str, Any]]
    failures: dict[str, tuple[str, str]]
    compiled: Compiled
    task: Task

    def into(self, folder: str) -> Recording:
        """Writes it into a store."""
        runs = [run_of(self.spec, self.manifest, k, fixed, self.carry) for k, fixed in self.runs]
        for spec, _ in runs:
            _core.validate(json.dumps(spec))
        store = _core.Store.open(folder, mode="create")
        try:
            for start in range(0, len(self.samples), _BATCH):
                self._refuse_others(store, self.samples[start : start + _BATCH])
            for start in range(0, len(self.samples), _BATCH):
                store.put_samples(self.samples[start : start + _BATCH])
            by_id = {problem.id: problem for problem in self.problems}
            callbacks = callbacks_of(self.compiled, self.task, by_id.__getitem__)
            for spec, described in runs:
                run_recorded(
                    spec, described, self.problems, callbacks, samples=store, outcomes=store, failures=self.failures
                )
            mine = recordings_of(store)[_shape.fingerprint(self.spec)]
            return Recording(store, mine, task=self.task, compiled=self.compiled)
        except BaseException:
            store.close()
            raise

    def _refuse_others(self, store: _core.Store, samples: list[dict[str, Any]]) -> None:
        known = store.samples([sample["identity"] for sample in samples])
        for sample, there in zip(samples, known, strict=True):
            if there is not None and there["text"] != sample["text"]:
                raise DataError(
                    f"{store.directory}: holds another text of the sample {sample['identity'][:16]}... than what is imported; import into a store of its own"
                )
