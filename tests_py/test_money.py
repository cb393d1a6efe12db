from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cope._money import exact, usd_to_pusd
from cope.errors import ConfigError


@pytest.mark.parametrize(
    ("value", "fraction"),
    [
        (0.75, Fraction(3, 4)),
        (0.1, Fraction(1, 10)),
        ("2/3", Fraction(2, 3)),
        ("0.150", Fraction(3, 20)),
        (1, Fraction(1)),
        (Decimal("0.6"), Fraction(3, 5)),
        (Fraction(1, 3), Fraction(1, 3)),
        (numpy.float64(0.55), Fraction(11, 20)),
        (numpy.float32(0.5), Fraction(1, 2)),
        (numpy.int64(2), Fraction(2)),
        (1e-7, Fraction(1, 10**7)),
    ],
)
def test_a_number_is_what_its_decimal_text_spells(value: object, fraction: Fraction) -> None:
    assert exact(value, "x") == fraction


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "nan", "three", "", None, True, [1], "1/0", Decimal("NaN")]
)
def test_what_is_no_finite_number_is_refused_by_name(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^threshold: "):
        exact(value, "threshold")


@given(st.integers(min_value=0, max_value=9 * 10**18))
def test_every_whole_number_of_picodollars_survives_as_decimal_text(pusd: int) -> None:
    assert usd_to_pusd(str(Decimal(pusd).scaleb(-12)), "budget_usd") == pusd


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (-1, "at least 0"),
        ("0.0000000000001", "finer than"),
        (10_000_000, "largest"),
        ("one", "finite"),
        (float("nan"), "finite"),
    ],
)
def test_a_budget_that_cannot_be_kept_exactly_is_refused(value: object, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        usd_to_pusd(value, "budget_usd")
