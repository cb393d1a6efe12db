"""Makes `cope.datasets` and the prompts importable whether or not the package (with its compiled extension) is installed."""

from __future__ import annotations

import sys
import types
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "python" / "cope"


def ensure_importable() -> None:
    """Imports `cope`, or puts a bare package in its place that finds the pure Python modules of the source tree."""
    try:
        import cope  # noqa: F401
    except ImportError:
        for name in [name for name in sys.modules if name == "cope" or name.startswith("cope.")]:
            del sys.modules[name]
        for name, folder in (("cope", PACKAGE), ("cope.local", PACKAGE / "local")):
            bare = types.ModuleType(name)
            bare.__path__ = [str(folder)]
            sys.modules[name] = bare


def prompt(role: str, **slots: str) -> str:
    """The user message of a role, such as `prompt("solve", question="What is 2+3?")`."""
    text = (PACKAGE / "prompts" / "embedded" / f"{role}.txt").read_text(encoding="utf-8").removesuffix("\n")
    return render(text, slots)


def render(text: str, slots: dict[str, str]) -> str:
    """Replaces `{question}`, `{goal}` and `{guideline}` in one pass."""
    import re

    return re.sub(r"\{(question|goal|guideline)\}", lambda match: slots[match.group(1)], text)
