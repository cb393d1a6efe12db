"""Rows of tables, with the place each came from, for errors: JSONL, JSON, CSV, Parquet and Arrow files, Arrow tables, data frames, lists."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from .errors import DataError


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number from 0, where it stands ("problems.jsonl, line 3"), its fields."""

    index: int
    where: str
    values: Mapping[str, Any]


def rows_of(source: Any) -> Iterator[Any]:
    """Iterates over the items of a list, a data frame or a dataset: mappings or problems.

    Raises:
        DataError: Something that has no rows.
    """
    if hasattr(source, "iter_rows") and hasattr(source, "to_dicts"):  # polars
        return iter(source.iter_rows(named=True))
    if hasattr(source, "to_pylist") and hasattr(source, "schema"):  # Arrow
        return iter(source.to_pylist())
    if hasattr(source, "to_dict") and hasattr(source, "columns") and hasattr(source, "iterrows"):  # pandas
        names = [str(name) for name in source.columns]
        if len(set(names)) != len(names):
            raise DataError(f"the data frame has two columns of one name; there are {', '.join(names)}")
        return (dict(zip(names, values, strict=True)) for values in source.itertuples(index=False, name=None))
    if isinstance(source, Mapping):
        if all(hasattr(split, "features") for split in source.values()) and source:
            raise DataError(f"this dataset has several splits: pick one, such as dataset[{next(iter(source))!r}]")
        raise DataError("expected a list of rows, got one mapping; put it into a list")
    if isinstance(source, Iterable) and not isinstance(source, (str, bytes)):
        return iter(source)
    raise DataError(
        f"expected a path, a list of dicts, a DataFrame, an Arrow table, a dataset or an iterable of cope.Problem, got {type(source).__name__}"
    )


def read_rows(path: Path) -> Iterator[Row]:
    """Reads the rows of a file one by one.

    Raises:
        DataError: No such file, an unknown kind of file, malformed contents.
    """
    suffix = "".join(path.suffixes[-2:]).lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    reader = _READERS.get(suffix)
    if reader is None:
        kinds = ", ".join(_READERS)
        raise DataError(
            f"{path}: cannot tell what kind of file this is by {suffix or 'its missing extension'!r}; expected one of {kinds}"
        )
    if path.is_dir():
        raise DataError(f"{path}: is a folder; expected a file")
    try:
        yield from reader(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file (looked in {path.absolute().parent})") from None
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


def _no_nan(constant: str) -> Any:
    raise ValueError(constant)


def _decode(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}, byte {error.start + 1}: is not UTF-8; save the file as UTF-8") from None


def _parse(text: str, where: str, lines: bool) -> Any:
    try:
        return json.loads(text, parse_constant=_no_nan)
    except json.JSONDecodeError as error:
        place = f"column {error.colno}" if lines else f"line {error.lineno}, column {error.colno}"
        raise DataError(f"{where}, {place}: malformed JSON: {error.msg}") from None
    except ValueError as error:
        if str(error) not in ("NaN", "Infinity", "-Infinity"):
            raise DataError(f"{where}: holds a number of too many digits; write it as text") from None
        raise DataError(f"{where}: {error} is no JSON; write null for a missing value") from None
    except RecursionError:
        raise DataError(f"{where}: nested too deeply") from None


def _jsonl(path: Path) -> Iterator[Row]:
    index = 0
    with _open(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            where = f"{path}, line {number}"
            values = _parse(_decode(line, where).strip("\r\n"), where, lines=True)
            if not isinstance(values, dict):
                raise DataError(f'{where}: expected an object such as {{"question": ...}}, got {type(values).__name__}')
            yield Row(index, where, values)
            index += 1


def _json(path: Path) -> Iterator[Row]:
    with _open(path) as file:
        rows = _parse(_decode(file.read(), str(path)), str(path), lines=False)
    if not isinstance(rows, list):
        raise DataError(f"{path}: expected a list of objects, got {type(rows).__name__}; one object a line is .jsonl")
    for index, values in enumerate(rows):
        where = f"{path}, item {index}"
        if not isinstance(values, dict):
            raise DataError(f'{where}: expected an object such as {{"question": ...}}, got {type(values).__name__}')
        yield Row(index, where, values)


def _csv(path: Path) -> Iterator[Row]:
    with _open(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text, strict=True)
        line = 0
        try:
            names = next(reader, None)
            if names is None:
                return
            if len(set(names)) != len(names):
                raise DataError(f"{path}, line 1: two columns have one name; there are {', '.join(names)}")
            index, line = 0, reader.line_num
            for cells in reader:
                where, line = f"{path}, line {line + 1}", reader.line_num
                if not cells:
                    continue
                if len(cells) != len(names):
                    raise DataError(
                        f"{where}: has {len(cells)} cells where the header has {len(names)}; quote cells that hold commas"
                    )
                yield Row(index, where, {name: cell or None for name, cell in zip(names, cells, strict=True)})
                index += 1
        except csv.Error as error:
            raise DataError(f"{path}, line {reader.line_num}: malformed CSV: {error}") from None
        except UnicodeDecodeError:
            raise DataError(f"{path}, after line {line}: is not UTF-8; save the file as UTF-8") from None


def _arrow(path: Path) -> Iterator[Row]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DataError(f'{path}: needs pyarrow: pip install "cope-llm[data]"') from None
    parquet = path.suffix.lower() == ".parquet"
    with path.open("rb") as file:
        try:
            if parquet:
                batches = pyarrow.parquet.ParquetFile(file).iter_batches(batch_size=1024)
            else:
                table = pyarrow.ipc.open_file(file)
                batches = map(table.get_batch, range(table.num_record_batches))
            index = 0
            for batch in batches:
                for values in batch.to_pylist():
                    yield Row(index, f"{path}, row {index}", values)
                    index += 1
        except pyarrow.ArrowException as error:
            kind = "Parquet" if parquet else "Arrow"
            raise DataError(f"{path}: is no {kind} file that can be read: {error}") from None


_READERS: Mapping[str, Callable[[Path], Iterator[Row]]] = {
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".jsonl.gz": _jsonl,
    ".json": _json,
    ".csv": _csv,
    ".csv.gz": _csv,
    ".parquet": _arrow,
    ".arrow": _arrow,
    ".feather": _arrow,
}
