"""`cope show`, `cope runs`, `cope prices`, `cope init`, `cope version`."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ._errors import Code, Stop
from ._output import emit, emit_json, note

if TYPE_CHECKING:
    from ..result import Run
    from ..tables import Table

_ALL_TRACES = 20_000


def summary(run: Run) -> Table | str:
    """A run's table; of a run so large that reading all of its traces takes long, the short one."""
    return run.summary() if len(run) <= _ALL_TRACES else repr(run)


def show_command(store: Path, run: str | None, problem: int | None, trace: str | None, *, as_json: bool) -> Code:
    """Prints a stored run, or one of its traces."""
    from ..running import open as open_run

    if problem is not None and trace is not None:
        raise Stop(
            "cope show: --problem (a position) and --trace (an id) both choose a problem; give one of them", Code.MISUSE
        )
    opened = open_run(store, int(run) if run is not None and run.isdecimal() else run)
    if problem is None and trace is None:
        if as_json:
            emit_json(opened.figures() | {"store": str(store), "run": opened.id, "manifest": opened.manifest})
        else:
            emit(summary(opened))
        return Code.OK
    try:
        found = opened[problem if problem is not None else str(trace)]
    except (IndexError, KeyError) as error:
        raise Stop(f"{store}: {error.args[0]}", Code.MISUSE) from None
    if as_json:
        emit_json(asdict(found))
    else:
        emit(repr(found))
    return Code.OK


def runs_command(store: Path, *, as_json: bool) -> Code:
    """Prints the runs of a store."""
    from ..running import runs

    table = runs(store)
    if as_json:
        emit_json(
            [dict(zip((column.name.lower() for column in table.columns), row, strict=True)) for row in table.rows]
        )
    else:
        emit(table)
    return Code.OK


def prices_command(*, as_json: bool) -> Code:
    """Prints the dated table of prices."""
    from ..prices import price_table
    from ..tables import Column, Table

    prices = price_table()
    if as_json:
        emit_json(
            {
                name: {key: str(value) for key, value in asdict(price).items() if value is not None}
                for name, price in prices.items()
            }
        )
        return Code.OK
    rows = [(name, p.input, p.cached_input, p.output, p.note) for name, p in sorted(prices.items())]
    dates = sorted({price.as_of for price in prices.values()})
    figures = [Column(name, right=True) for name in ("Input", "Cached input", "Output")]
    columns: list[str | Column] = ["Model", *figures, "Where from"]
    caption = (
        f"Read on {', '.join(dates)}. Where yours differ, give price = {{ input = ..., output = ... }} with the model."
    )
    emit(Table("Prices in USD per million tokens", columns, rows, caption))
    return Code.OK


def init_command(file: Path) -> Code:
    """Writes the annotated example; never over a file that is there."""
    from ..config import EXAMPLE

    if file.suffix.lower() != ".toml":
        raise Stop(f"{file}: the example is TOML; give it a name that ends in .toml", Code.MISUSE)
    try:
        with open(EXAMPLE, "rb") as source, open(file, "xb") as target:
            shutil.copyfileobj(source, target)
    except FileExistsError:
        raise Stop(f"{file}: is there already and is left as it is; choose another name", Code.MISUSE) from None
    except OSError as error:
        raise Stop(f"{file}: cannot be written: {error.strerror}", Code.MISUSE) from None
    note(f"Wrote {file}. Run it with: cope run {file}")
    return Code.OK


def version_command(*, as_json: bool) -> Code:
    """Prints the versions that a manifest would hold."""
    from ..spec import versions

    found = versions()
    if as_json:
        emit_json(found)
    else:
        emit("\n".join(f"{name} {version}" for name, version in found.items()))
    return Code.OK
