from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cope
from cope.prices import price_table


def test_a_price_is_exact_picodollars_per_token() -> None:
    price = cope.Price("0.15", 0.6, cached_input="0.075")
    assert price.pusd() == {
        "input_pusd": 150_000,
        "cached_input_pusd": 75_000,
        "output_pusd": 600_000,
        "reasoning_pusd": 600_000,
    }


@given(st.integers(min_value=0, max_value=10**9))
def test_every_price_in_millionths_of_a_dollar_per_million_tokens_is_exact(millionths: int) -> None:
    assert cope.Price(f"{millionths // 10**6}.{millionths % 10**6:06d}", 0).pusd()["input_pusd"] == millionths


@pytest.mark.parametrize("value", ["0.0000001", -1, float("nan"), "cheap", None, "1/3"])
def test_a_price_that_is_no_whole_number_of_picodollars_is_refused(value: object) -> None:
    with pytest.raises(cope.ConfigError, match="price, input"):
        cope.Price(value, 1)  # type: ignore[arg-type]


def test_the_table_is_dated_and_holds_the_models_of_the_paper() -> None:
    table = price_table()
    assert {"gpt-4o", "gpt-4o-mini", "gpt-4o-2024-08-06", "gemini-2.0-flash-001"} <= set(table)
    assert all(date.fromisoformat(price.as_of) for price in table.values())
    assert table["gpt-4o-mini"].pusd()["output_pusd"] == 600_000


def test_the_table_holds_prices_as_decimal_texts() -> None:
    rows = json.loads((Path(cope.__file__).parent / "prices.json").read_text())["models"]
    assert all(isinstance(row[part], str) for row in rows.values() for part in ("input", "cached_input", "output"))
