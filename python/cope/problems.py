"""Problems: what a method works on, read from files, data frames, lists or Hugging Face datasets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem.

    Args:
        id: Unique in its problem set; samples are keyed by it, so keep it stable.
        question: The text that prompts show to a model.
        answer: The gold answer, or None where there is none (the run then reports no accuracy for it).
        meta: Whatever else the source held (level, subject, ...); kept with the run, never shown to a model.

    Example:
        >>> Problem(id="p1", question="What is 2 + 3?", answer="5").answer
        '5'
    """

    id: str
    question: str
    answer: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
