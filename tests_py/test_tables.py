"""cope.tables: renderings, escaping of untrusted text, figures with units."""

from __future__ import annotations

import io
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cope import tables
from cope.stats import Interval
from cope.tables import Column, Table, visible

HOSTILE = "\x1b[31mred\x1b]0;title\x07 <script>alert(1)</script> [bold]x[/bold] a|b `c` \u202edeb \x9b2J\r\nnext"
TABLE = Table("Title", ("Method", Column("Accuracy", right=True)), (("Small", "62.0 %"), ("世界", "9 %")), "below")


def test_plain_text_is_aligned_and_the_same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    monkeypatch.setenv("FORCE_COLOR", "1")
    expected = "Title\nMethod  Accuracy\n------  --------\nSmall     62.0 %\n世界         9 %\nbelow"
    assert str(TABLE) == expected
    assert repr(TABLE) == expected


def test_rows_must_fit_the_columns() -> None:
    with pytest.raises(ValueError, match="row 1 has 1 cells, expected 2"):
        Table("", ("a", "b"), (("1", "2"), ("3",)))


def test_a_table_is_a_frozen_value() -> None:
    assert Table("t", ("a",), [[1], [None]]) == Table("t", (Column("a"),), (("1",), ("",)))
    with pytest.raises(AttributeError):
        TABLE.title = "other"  # type: ignore[misc]


class Collector(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def renderings(table: Table) -> dict[str, str]:
    stream = io.StringIO()
    Console(file=stream, force_terminal=True, width=500, color_system=None).print(table)
    return {
        "plain": str(table),
        "html": table._repr_html_(),
        "markdown": table.to_markdown(),
        "rich": stream.getvalue(),
    }


@given(st.text() | st.just(HOSTILE))
def test_untrusted_text_cannot_leave_its_cell(text: str) -> None:
    table = Table(text, (text, "x"), [(text, "1")], text)
    for name, rendered in renderings(table).items():
        if name == "rich":  # its own emphasis is not the text's
            rendered = rendered.replace("\x1b[1m", "").replace("\x1b[3m", "").replace("\x1b[2m", "")
            rendered = rendered.replace("\x1b[2;3m", "").replace("\x1b[0m", "")
        assert visible(rendered, lines=True) == rendered, name
    parser = Collector()
    parser.feed(table._repr_html_())
    assert parser.tags <= {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "p", "br"}
    assert visible(text) in parser.text
    body = [line for line in table.to_markdown().split("\n") if line.startswith("| ")]
    assert len(body) >= 3


def test_markup_of_rich_stays_text() -> None:
    assert "[bold]x[/bold]" in renderings(Table("", ("a",), [(HOSTILE,)]))["rich"]


def test_markdown_escapes_its_own_syntax() -> None:
    markdown = Table("", ("a",), [("x|y <b> [l](u)",)]).to_markdown()
    assert markdown.splitlines()[-1] == r"| x\|y \<b\> \[l\](u) |"


def test_rich_fits_the_terminal() -> None:
    stream = io.StringIO()
    Console(file=stream, force_terminal=True, width=30).print(Table("t", ("a", "b"), [("word " * 20, "1")]))
    assert all(len(line) <= 30 for line in stream.getvalue().splitlines() if "\x1b" not in line)


def test_control_characters_become_visible() -> None:
    assert visible("a\tb\nc\x1b\x9b\u202e\ud800") == r"a\tb\nc\x1b\x9b\u202e\ud800"
    assert visible("a\tb\nc\r", lines=True) == "a\tb\nc\\r"


@pytest.mark.parametrize(
    ("rendered", "expected"),
    [
        (tables.percent(0.5), "50.0 %"),
        (tables.percent(0.81, Interval(0.722, 0.875)), "81.0 % (72.2 to 87.5)"),
        (tables.percent(None), "unknown"),
        (tables.points(-0.03, Interval(-0.081, 0.02)), "-3.0 (-8.1 to +2.0)"),
        (tables.points(None), "unknown"),
        (tables.count(1234567), "1,234,567"),
        (tables.count(None), "unknown"),
        (tables.usd(None), "unknown"),
        (tables.usd(0), "0 USD"),
        (tables.usd(1_234_560_000_000_000), "1,234.56 USD"),
        (tables.usd(500_000_000_000), "0.50 USD"),
        (tables.usd(123_456_789), "0.0001235 USD"),
        (tables.usd(1), "0.000000000001 USD"),
        (tables.usd_per_million(5_000_000_000, 100), "50.00"),
        (tables.usd_per_million(None, 100), "unknown"),
        (tables.usd_per_million(0, 0), "unknown"),
        (tables.seconds(950), "0.9 s"),
        (tables.seconds(125_000), "2 min 05 s"),
        (tables.seconds(7_260_000), "2 h 01 min"),
    ],
)
def test_figures_carry_their_units(rendered: str, expected: str) -> None:
    assert rendered == expected
