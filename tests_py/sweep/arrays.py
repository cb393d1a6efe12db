"""What the tests of the native sweeps share: random recordings as the arrays that `_core.sweep` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

TAUS = tuple(Fraction(value) for value in ("0", "1/4", "1/3", "1/2", "2/3", "3/4", "1"))


def gate(
    measure: str, comparison: str = ">", denominator: str = "k", taus: Sequence[Fraction] | None = None
) -> dict[str, Any]:
    """A gate as `_core.sweep` takes it; thresholds only where given."""
    made: dict[str, Any] = {"measure": measure, "comparison": comparison, "denominator": denominator}
    if taus is not None:
        made["thresholds"] = np.array([[tau.numerator, tau.denominator] for tau in taus], np.int64)
    return made


def stage(
    random: np.random.Generator,
    of: dict[str, Any],
    *,
    problems: int,
    samples: int,
    variants: int = 1,
    classes: int = 3,
    uses_k: bool = True,
    agreement: tuple[float, float] = (1.5, 1.0),
) -> dict[str, Any]:
    """A stage of random samples: problems differ in how often their samples agree, some are unscored, and only the class 0 is right.

    `agreement`: the beta distribution over problems of how likely a sample is of the class 0 for sure.
    """
    shape = (problems, variants, samples)
    share = random.beta(*agreement, size=(problems, 1, 1))

    def labels() -> NDArray[np.int32]:
        agree = random.random(shape) < share
        return np.where(agree, 0, random.integers(-1, classes, size=shape)).astype(np.int32)

    made: dict[str, Any] = {
        "gate": of,
        "classes": labels(),
        "cost_pusd": random.integers(0, 1000, size=shape),
        "once_pusd": random.integers(0, 1000, size=shape[:2]),
        "uses_k": uses_k,
    }
    made["correct"] = (made["classes"] == 0).astype(np.uint8)
    if of["measure"] == "agreement":
        made["other"] = labels()
    return made


def taus_of(stage: Mapping[str, Any]) -> tuple[Fraction, ...]:
    """The thresholds of a stage's axis; 0 where its gate has none."""
    rows = stage["gate"].get("thresholds")
    return (Fraction(0),) if rows is None else tuple(Fraction(int(n), int(d)) for n, d in rows)
