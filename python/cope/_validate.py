"""Checks data that a person wrote against a model of pydantic, and says what is wrong in the person's terms: key, what was expected, near miss."""

from __future__ import annotations

import difflib
import json
import typing
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from .errors import ConfigError

_WORDING = {
    "Input should be": "expected",
    "a valid integer": "a whole number",
    "a valid ": "a ",
    "a dictionary": "a table",
    "an object": "a table",
    "string": "text",
    "boolean": "true or false",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
}
_MOST_ERRORS = 8
_SHOWN = 60
_KEY_WORDS = ("api_key", "key", "token", "secret", "password")


def near_miss(value: str, known: Iterable[str]) -> str:
    """The end of a message that names what was probably meant; empty where nothing is near.

    Example:
        >>> near_miss("smal", ["small", "large"])
        "; did you mean 'small'?"
    """
    match = difflib.get_close_matches(value.lower(), {name.lower(): name for name in known}, n=1, cutoff=0.6)
    return f"; did you mean {next(name for name in known if name.lower() == match[0])!r}?" if match else ""


def _key(where: Iterable[object]) -> str:
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _at(data: object, where: Iterable[object]) -> object:
    for part in where:
        try:
            data = data[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _known_keys(model: type[BaseModel], where: Iterable[object]) -> list[str]:
    """The keys that a table may have."""
    for part in where:
        annotation = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        if annotation is None:
            continue  # the name of a model: its table follows
        found = [
            a for a in (annotation, *typing.get_args(annotation)) if isinstance(a, type) and issubclass(a, BaseModel)
        ]
        if not found:
            return []
        model = found[0]
    return list(model.model_fields)


def shown(value: object) -> str:
    """A value as a message shows it: short."""
    text = value if isinstance(value, (dict, list)) else repr(value)
    text = f"a {'table' if isinstance(value, dict) else 'list'}" if isinstance(value, (dict, list)) else str(text)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _message(error: Any, model: type[BaseModel], data: object, prefix: tuple[object, ...]) -> tuple[str, str]:
    """An error of pydantic as (key, what is wrong with it), with no value that may be a secret."""
    where = [part for part in error["loc"] if not (isinstance(part, str) and part.startswith("function-"))]
    key = _key([*prefix, *where])
    last = str(where[-1]) if where else ""
    if error["type"] == "extra_forbidden":
        if last.lower() in _KEY_WORDS or last.lower().endswith("_key"):
            return (
                key,
                'keys are never in the file; write api_key_env = "NAME", the environment variable that holds the key',
            )
        known = _known_keys(model, where[:-1])
        return key, f"unknown key{near_miss(last, known)}" + (f" There are: {', '.join(known)}" if known else "")
    if error["type"] == "missing":
        return key, "is missing"
    if error["type"] == "value_error":
        return key, str(error["ctx"]["error"]) + ("" if last == "api_key_env" else f", got {shown(error['input'])}")
    if error["type"] in ("too_long", "too_short"):
        bound = error["ctx"].get("max_length", error["ctx"].get("min_length"))
        return key, f"expected {bound} items, got {error['ctx']['actual_length']}"
    message = str(error["msg"])
    for theirs, ours in _WORDING.items():
        message = message.replace(theirs, ours)
    got = "" if "api_key" in key else f", got {shown(_at(data, where) if where else data)}"
    return key, message + got


def validated(model: type[BaseModel], data: object, source: str, prefix: tuple[object, ...] = ()) -> Any:
    """Returns the data as a model.

    Args:
        model: a strict model that forbids extra keys.
        data: what a parser gave.
        source: names the data in messages.
        prefix: where the data stand in the whole.

    Raises:
        ConfigError: all mistakes at once, one a line.
    """
    try:
        # As JSON: strict about types, while a list may stand for a tuple.
        return model.model_validate_json(json.dumps(data, default=str))
    except ValidationError as caught:
        by_key: dict[str, list[str]] = {}
        for error in caught.errors():
            key, message = _message(error, model, data, prefix)
            if message not in by_key.setdefault(key, []):
                by_key[key].append(message)
        problems = [f"{key or 'the file'}: {' or '.join(messages)}" for key, messages in by_key.items()]
        raise mistakes(source, problems) from None


def mistakes(source: str, problems: list[str]) -> ConfigError:
    """The error that tells mistakes, each "key: what is wrong with it"."""
    more = len(problems) - _MOST_ERRORS
    shown = problems[:_MOST_ERRORS] + ([f"and {more} more"] if more > 0 else [])
    if len(shown) == 1:
        return ConfigError(f"{source}: {shown[0]}")
    return ConfigError("\n  ".join([f"{source}: {len(problems)} mistakes", *shown]))
