"""What commands print: tables drawn to fit a terminal, plain in a pipe, or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from ..tables import Table, visible


def emit(*parts: Table | str) -> None:
    """Prints tables and texts to stdout, an empty line between them.

    In a terminal rich draws the tables; in a pipe they are plain, and no wider or narrower for it. `NO_COLOR` is honoured by rich.
    """
    terminal = sys.stdout.isatty()
    if terminal:
        print()  # apart from a progress bar, or the prompt
    for number, part in enumerate(parts):
        if number:
            print()
        if terminal and isinstance(part, Table):
            from rich.console import Console

            Console().print(part)
        else:
            print(part if isinstance(part, Table) else visible(part, lines=True))


def emit_json(value: Any) -> None:
    """Prints one JSON document to stdout: ASCII only, so that no control character of a model's text reaches a terminal."""
    print(json.dumps(value, indent=2, allow_nan=False, default=str))


def note(*lines: str) -> None:
    """Prints to stderr what is meant for the person, not for the next program in a pipe."""
    for line in lines:
        print(visible(line), file=sys.stderr)


def listed(names: Iterable[str]) -> str:
    """Names in one line."""
    return ", ".join(names) or "none"
