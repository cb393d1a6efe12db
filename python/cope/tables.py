"""Tables for terminals, notebooks and documents, and the formatting of figures with their units.

Cells are text. Whatever a model wrote may stand in one, so every rendering makes control characters visible and escapes
what its own format would interpret.

Example:
    >>> table = Table("Accuracy", ("Method", Column("Right", right=True)), [("Small", 62), ("Large", 91)], "100 problems")
    >>> print(table)
    Accuracy
    Method  Right
    ------  -----
    Small      62
    Large      91
    100 problems
"""

from __future__ import annotations

import html
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from .stats import Interval

__all__ = [
    "Column",
    "Table",
    "axis_value",
    "count",
    "percent",
    "points",
    "seconds",
    "settings_text",
    "usd",
    "usd_per_million",
    "visible",
]

UNKNOWN = "unknown"
"""What stands where a figure is not known: never an invented one."""

_CAPTION_WIDTH = 100
"""A caption is wrapped to the table's width, or to so many columns if that is narrower."""

# Beside the control characters: bidirectional overrides and line separators reorder or break a line on a terminal.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_UNSAFE_IN_LINES = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#!~$&])")


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    known = {9: r"\t", 10: r"\n", 13: r"\r"}.get(code)
    return known or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def visible(text: str, *, lines: bool = False) -> str:
    r"""Makes a text safe to print: what a terminal would obey becomes visible.

    That is control characters, ANSI escapes, bidirectional overrides and lone surrogates.

    Args:
        text: anything, such as the output of a model.
        lines: true keeps line feeds and tabs; default false, for a cell of a table or one line.

    Returns:
        The text with such characters written as `\x1b`, `\u202e`, `\n`.

    Example:
        >>> print(visible("\x1b[31mred"))
        \x1b[31mred
    """
    return (_UNSAFE_IN_LINES if lines else _UNSAFE).sub(_escape, text)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Args:
        name: its heading, with the unit.
        right: aligned to the right, as figures are; default false.
    """

    name: str
    right: bool = False


def _width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(bool(unicodedata.combining(char)) for char in text)


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Table:
    """A table: frozen data that renders itself.

    `print(table)` and `repr(table)` give plain text that does not depend on the terminal; a notebook shows HTML; `rich`
    draws it to fit the terminal; `to_markdown()` is for documents.

    Args:
        title: stands above.
        columns: headings; a text is a column aligned to the left.
        rows: the cells, each row as long as there are columns. Other values than text are turned into text; None is an
            empty cell.
        caption: stands below; default empty.

    Raises:
        ValueError: a row is shorter or longer than the columns.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str

    def __init__(
        self, title: str, columns: Iterable[str | Column], rows: Iterable[Iterable[object]], caption: str = ""
    ) -> None:
        set_field = object.__setattr__  # the one way into a frozen object
        set_field(self, "title", title)
        set_field(self, "columns", tuple(c if isinstance(c, Column) else Column(c) for c in columns))
        set_field(self, "rows", tuple(tuple("" if cell is None else str(cell) for cell in row) for row in rows))
        set_field(self, "caption", caption)
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(f"rows: row {number} has {len(row)} cells, expected {len(self.columns)}")

    def _headings(self) -> list[list[str]]:
        """Each column's heading in lines no wider than its cells, where its words allow that."""
        headings = []
        for index, column in enumerate(self.columns):
            name = visible(column.name)
            room = max(
                (_width(part) for part in (*name.split(), *(visible(row[index]) for row in self.rows))), default=1
            )
            headings.append(textwrap.wrap(name, max(room, 1), break_long_words=False, break_on_hyphens=False) or [""])
        return headings

    def __str__(self) -> str:
        headings = self._headings()
        tall = max(map(len, headings), default=0)
        head = [[""] * (tall - len(lines)) + lines for lines in headings]  # headings stand on the rule
        body = [[visible(cell) for cell in row] for row in self.rows]
        widths = [
            max(map(_width, cells)) for cells in zip((max(lines, key=_width) for lines in head), *body, strict=True)
        ]
        aligned = [column.right for column in self.columns]

        def line(cells: Iterable[str]) -> str:
            return "  ".join(map(_pad, cells, widths, aligned)).rstrip()

        lines = [visible(self.title, lines=True)] if self.title else []
        lines += [*map(line, zip(*head, strict=True)), line("-" * width for width in widths), *map(line, body)]
        room = max(_CAPTION_WIDTH, sum(widths) + 2 * (len(widths) - 1))
        for paragraph in visible(self.caption, lines=True).splitlines():
            lines += textwrap.wrap(paragraph, room)
        return "\n".join(lines)

    __repr__ = __str__

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        # Text objects throughout: rich would read square brackets in a plain string as its own markup.
        caption = Text(visible(self.caption, lines=True)) if self.caption else None
        drawn = RichTable(
            title=Text(visible(self.title, lines=True)) if self.title else None,
            caption=caption,
            title_justify="left",
            caption_justify="left",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            padding=(0, 1, 0, 0),
        )
        for column, heading in zip(self.columns, self._headings(), strict=True):
            drawn.add_column(Text("\n".join(heading)), justify="right" if column.right else "left")
        for row in self.rows:
            drawn.add_row(*(Text(visible(cell)) for cell in row))
        yield drawn

    def _repr_html_(self) -> str:
        def text(value: str, lines: bool = False) -> str:
            return html.escape(visible(value, lines=lines)).replace("\n", "<br>")

        def cells(tag: str, values: Iterable[str]) -> str:
            sides = ("right" if column.right else "left" for column in self.columns)
            pairs = zip(map(text, values), sides, strict=True)
            return "".join(f'<{tag} style="text-align: {side}">{value}</{tag}>' for value, side in pairs)

        title = (
            f'<caption style="caption-side: top; text-align: left">{text(self.title, True)}</caption>'
            if self.title
            else ""
        )
        head = f"<thead><tr>{cells('th', (column.name for column in self.columns))}</tr></thead>"
        body = "".join(f"<tr>{cells('td', row)}</tr>" for row in self.rows)
        caption = f"<p>{text(self.caption, True)}</p>" if self.caption else ""
        return f'<div class="cope-table"><table>{title}{head}<tbody>{body}</tbody></table>{caption}</div>'

    def to_markdown(self) -> str:
        r"""The table in GitHub's Markdown, everything that Markdown or HTML would interpret escaped.

        Example:
            >>> print(Table("", ("a", Column("b", right=True)), [("x|y", "1")]).to_markdown())
            | a | b |
            | --- | ---: |
            | x\|y | 1 |
        """

        def text(value: str, lines: bool = False) -> str:
            return _MARKDOWN.sub(r"\\\1", visible(value, lines=lines))

        def line(cells: Iterable[str]) -> str:
            return "| " + " | ".join(cells) + " |"

        lines = [line(text(column.name) for column in self.columns)]
        lines.append(line("---:" if column.right else "---" for column in self.columns))
        lines += [line(map(text, row)) for row in self.rows]
        title = f"**{text(self.title)}**\n\n" if self.title else ""
        caption = f"\n\n{text(self.caption, True)}" if self.caption else ""
        return title + "\n".join(lines) + caption


def count(value: int | None) -> str:
    """A count with separators.

    Example:
        >>> count(1234567)
        '1,234,567'
    """
    return UNKNOWN if value is None else f"{value:,}"


def percent(share: float | None, interval: Interval | None = None, *, digits: int = 1) -> str:
    """A share (0 to 1) in percent, with its interval in parentheses.

    Example:
        >>> from cope.stats import Interval
        >>> percent(0.81, Interval(0.722, 0.875))
        '81.0 % (72.2 to 87.5)'
    """
    if share is None:
        return UNKNOWN
    text = f"{100 * share:.{digits}f} %"
    return text if interval is None else f"{text} ({100 * interval.low:.{digits}f} to {100 * interval.high:.{digits}f})"


def points(difference: float | None, interval: Interval | None = None, *, digits: int = 1) -> str:
    """A difference of shares in percentage points, signed.

    Example:
        >>> from cope.stats import Interval
        >>> points(-0.03, Interval(-0.081, 0.02))
        '-3.0 (-8.1 to +2.0)'
    """
    if difference is None:
        return UNKNOWN
    text = f"{100 * difference:+.{digits}f}"
    return (
        text if interval is None else f"{text} ({100 * interval.low:+.{digits}f} to {100 * interval.high:+.{digits}f})"
    )


def usd(pusd: int | None) -> str:
    """An amount of money, given in picodollars (10^-12 USD): to the cent, below a dollar to four significant digits.

    Example:
        >>> usd(1_500_000_000_000), usd(0), usd(123_456_789)
        ('1.50 USD', '0 USD', '0.0001235 USD')
    """
    if pusd is None:
        return UNKNOWN
    return f"{_amount(pusd / 1e12)} USD"


def usd_per_million(pusd: int | None, problems: int) -> str:
    """Cost in USD per million problems (the unit of the paper's tables), from what some problems cost together.

    Args:
        pusd: the total, 10^-12 USD; None where some reply carried no usage.
        problems: how many problems it was spent on; 0 gives "unknown".

    Example:
        >>> usd_per_million(5_000_000_000, 100)
        '50.00'
    """
    return UNKNOWN if pusd is None or problems <= 0 else _amount(pusd / problems / 1e6)


def _amount(value: float) -> str:
    if value == 0:
        return "0"
    if abs(value) >= 1:
        return f"{value:,.2f}"
    return f"{value:.2f}" if round(value, 2) == value else f"{float(f'{value:.4g}'):.12f}".rstrip("0")


def seconds(milliseconds: int) -> str:
    """A duration.

    Example:
        >>> seconds(1500), seconds(125_000)
        ('1.5 s', '2 min 05 s')
    """
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, rest = divmod(round(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def axis_value(value: object) -> str:
    """A value of a sweep's axis: an exact fraction as people write it, a short decimal where that is the same number.

    Example:
        >>> axis_value(8), axis_value(Fraction(3, 4)), axis_value(Fraction(2, 3))
        ('8', '0.75', '2/3')
    """
    if not isinstance(value, Fraction):
        return str(value)
    decimal = f"{float(value):.6g}"
    return decimal if Fraction(decimal) == value else str(value)


def settings_text(settings: Mapping[str, object]) -> str:
    """The settings of a point of a sweep.

    Example:
        >>> settings_text({"k": 8, "tau1": Fraction(3, 4)})
        'k = 8, tau1 = 0.75'
    """
    return ", ".join(f"{name} = {axis_value(value)}" for name, value in settings.items())


def some(ids: Sequence[str], shown: int = 5) -> str:
    """How many problems, and the first of them.

    Example:
        >>> some(["p1", "p2"])
        "2 problems ('p1', 'p2')"
    """
    first = ", ".join(map(repr, ids[:shown]))
    more = f", ... {len(ids) - shown} more" if len(ids) > shown else ""
    return f"{count(len(ids))} problem{'' if len(ids) == 1 else 's'} ({first}{more})"
