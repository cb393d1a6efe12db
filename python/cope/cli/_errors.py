"""Exit codes, and errors as one clear message."""

from __future__ import annotations

import os
import re
import sys
import traceback
from enum import IntEnum


class Code(IntEnum):
    """Exit codes of the command `cope`."""

    OK = 0
    FAILED = 1
    MISUSE = 2
    REFUSED = 3
    BUDGET = 4
    INTERRUPTED = 130
    CLOSED_PIPE = 141


MEANINGS = {
    Code.OK: "done",
    Code.FAILED: "the run has failed or unfinished problems, or could not go on",
    Code.MISUSE: "misuse, or input that cannot be used",
    Code.REFUSED: "an endpoint refused, or is not there",
    Code.BUDGET: "the budget is exhausted",
    Code.INTERRUPTED: "interrupted (Ctrl-C); the same command goes on",
    Code.CLOSED_PIPE: "the reader of the output went away",
}

_SECRET_NAME = re.compile(r"(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)
_SHORTEST_SECRET = 8


class Stop(Exception):
    """Ends a command with a message and an exit code."""

    def __init__(self, message: str, code: Code) -> None:
        super().__init__(message)
        self.code = code


def redact(text: str) -> str:
    """Replaces the values of all environment variables that are called like keys."""
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, f"<{name}>")
    return text


def code_of(error: BaseException) -> Code:
    """The exit code for an error."""
    from .. import errors

    if isinstance(error, Stop):
        return error.code
    if isinstance(error, errors.BudgetError):
        return Code.BUDGET
    if isinstance(error, errors.EndpointError):
        return Code.REFUSED
    if isinstance(error, (errors.ConfigError, errors.DataError, errors.StoreError)):
        return Code.MISUSE
    return Code.FAILED


def report(error: BaseException, debug: bool) -> Code:
    """Prints an error to stderr as one message, with its traceback only where that was asked for.

    Returns:
        The exit code.
    """
    from .. import errors
    from ..tables import visible

    if debug:
        print(redact("".join(traceback.format_exception(error))), file=sys.stderr, end="")
    text = str(error)
    if not isinstance(error, (Stop, errors.Error)):
        text = f"{type(error).__name__}: {text} (an error that cope did not expect; --debug shows where)"
    print(f"cope: {visible(redact(text), lines=True)}", file=sys.stderr)
    return code_of(error)
