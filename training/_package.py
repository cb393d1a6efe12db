"""The package's files that training needs, and its prompts as the product renders them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "python" / "cope"
"""The package in the source tree, where the shipped weights and prompts are."""


@cache
def template(role: str) -> str:
    """The prompt file of a role, such as `solve`, without its last newline."""
    return (PACKAGE / "prompts" / "embedded" / f"{role}.txt").read_text(encoding="utf-8").removesuffix("\n")


def render(text: str, slots: dict[str, str]) -> str:
    """Replaces `{question}`, `{goal}` and `{guideline}` in one pass, so that a slot's text is never taken for a slot."""
    return re.sub(r"\{(question|goal|guideline)\}", lambda match: slots[match.group(1)], text)


def prompt(role: str, **slots: str) -> str:
    """The user message of a role, such as `prompt("solve", question="What is 2+3?")`."""
    return render(template(role), slots)
