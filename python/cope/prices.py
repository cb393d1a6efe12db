"""Prices of tokens: exact, and a dated table of published ones (prices.json)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from ._money import INT64_MAX, Number, exact
from .errors import ConfigError

__all__ = ["FREE", "Price", "price_table"]


@dataclass(frozen=True)
class Price:
    """What tokens cost, in USD per million tokens.

    Args:
        input: Of prompt tokens.
        output: Of completion tokens.
        cached_input: Of prompt tokens that the service had cached; default: as `input`.
        reasoning: Of reasoning tokens; default: as `output`.
        as_of: The day the price was read, such as "2025-05-13"; kept in manifests.
        note: Where it was read.

    Raises:
        ConfigError: Negative, not a number, or finer than 10^-6 USD per million tokens.

    Example:
        >>> Price("0.15", "0.60").pusd()["output_pusd"]
        600000
    """

    input: Number
    output: Number
    cached_input: Number | None = None
    reasoning: Number | None = None
    as_of: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        self.pusd()

    def pusd(self) -> dict[str, int]:
        """Returns the price in integer pusd (10^-12 USD) per token, as the native core wants it."""
        cached = self.input if self.cached_input is None else self.cached_input
        reasoning = self.output if self.reasoning is None else self.reasoning
        parts = {"input": self.input, "cached_input": cached, "output": self.output, "reasoning": reasoning}
        return {f"{name}_pusd": _pusd_per_token(value, f"price, {name}") for name, value in parts.items()}

    @property
    def free(self) -> bool:
        """Whether every token is free."""
        return not any(self.pusd().values())

    def __str__(self) -> str:
        return "free" if self.free else f"{self.input} / {self.output} USD per million tokens in / out"


def _pusd_per_token(value: Number, what: str) -> int:
    per_token = exact(value, what) * 10**6  # USD per million tokens = 10^-6 USD a token = 10^6 pusd a token
    if per_token < 0:
        raise ConfigError(f"{what}: expected at least 0 USD per million tokens, got {value}")
    if per_token.denominator != 1:
        raise ConfigError(f"{what}: {value} USD per million tokens is finer than 0.000001; round it")
    if per_token > INT64_MAX:
        raise ConfigError(f"{what}: {value} USD per million tokens is too large")
    return per_token.numerator


FREE = Price(0, 0)


@cache
def price_table() -> Mapping[str, Price]:
    """Returns the dated table of published prices that ships with the library, by model name."""
    table = json.loads((Path(__file__).parent / "prices.json").read_text(encoding="utf-8"))
    return MappingProxyType(
        {
            name: Price(
                row["input"], row["output"], cached_input=row["cached_input"], as_of=table["as_of"], note=row["note"]
            )
            for name, row in table["models"].items()
        }
    )
