"""Money and other numbers, exactly: decimal texts to integers, integers to texts. 1 pusd = 10^-12 USD."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .errors import ConfigError

PUSD_PER_USD = 10**12
INT64_MAX = 2**63 - 1
_NUMBERS: tuple[type, ...] = (str, Decimal, numbers.Real)

Number = int | float | str | Decimal | Fraction
"""A number as users write it; a float stands for its shortest decimal text, so 0.15 is exactly 15/100."""


def exact(value: Any, what: str) -> Fraction:
    """Returns a number as the fraction that its decimal text spells.

    Args:
        value: An int, float, Decimal, Fraction, NumPy number, or text such as "0.75" or "3/4".
        what: The argument's name, for the error.

    Returns:
        The exact fraction.

    Raises:
        ConfigError: Not a finite number.

    Example:
        >>> exact(0.1, "x"), exact("2/3", "x")
        (Fraction(1, 10), Fraction(2, 3))
    """
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        raise ConfigError(
            f"{what}: expected a number such as 0.75 or the text '3/4', got {value!r} ({type(value).__name__})"
        )
    if isinstance(value, Fraction):
        return value
    # NumPy's float64 is a float whose str() may name its type.
    text = float.__repr__(value) if isinstance(value, float) else str(value)
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise ConfigError(f"{what}: {value!r} divides by zero") from None
    except (ValueError, OverflowError):
        raise ConfigError(f"{what}: expected a finite number such as 0.75 or the text '3/4', got {value!r}") from None


def exact_values(values: Any, what: str) -> list[Fraction]:
    """Returns a number, or each of several, as `exact` does.

    Raises:
        ConfigError: One is not a finite number.

    Example:
        >>> exact_values(0.5, "x"), exact_values(["1/3", 1], "x")
        ([Fraction(1, 2)], [Fraction(1, 3), Fraction(1, 1)])
    """
    several = isinstance(values, Iterable) and not isinstance(values, str)
    return [exact(value, what) for value in (values if several else [values])]


def usd_to_pusd(value: Any, what: str) -> int:
    """Returns USD as integer pusd; refuses what is negative, finer than 10^-12 USD, or above 9.2 million USD.

    Example:
        >>> usd_to_pusd("0.15", "budget_usd")
        150000000000
    """
    amount = exact(value, what) * PUSD_PER_USD
    if amount < 0:
        raise ConfigError(f"{what}: expected at least 0 USD, got {value}")
    if amount.denominator != 1:
        raise ConfigError(f"{what}: {value} USD is finer than 10^-12 USD; round it")
    if amount > INT64_MAX:
        raise ConfigError(f"{what}: {value} USD is above the largest amount, about 9.2 million USD; lower it")
    return amount.numerator
