"""Reads what the head of a GGUF file says of the model: enough to price and describe it, without loading it."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..errors import ConfigError

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MOST_ENTRIES = 1 << 20
_MOST_TEXT_BYTES = 64 << 20
_MOST_DIMENSIONS = 8


@dataclass(frozen=True, slots=True)
class Gguf:
    """What a GGUF file says of its model.

    Attributes:
        name: the model's name; empty where the file gives none.
        architecture: such as "llama".
        context_tokens: the longest sequence that the model was trained on; 0 where the file does not say.
        parameters: how many numbers its tensors hold.
    """

    name: str
    architecture: str
    context_tokens: int
    parameters: int


class _Reader:
    """Reads the little-endian head. Every length is checked before anything of that length is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def take(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) != size:
            raise ValueError("the file ends within its head")
        return data

    def scalar(self, kind: str) -> Any:
        return struct.unpack("<" + kind, self.take(struct.calcsize("<" + kind)))[0]

    def length(self, most: int, what: str) -> int:
        size = int(self.scalar("Q"))
        if size > most:
            raise ValueError(f"{what} of {size}, more than {most}")
        return size

    def text(self) -> str:
        return self.take(self.length(_MOST_TEXT_BYTES, "a text")).decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        """The value; None for an array, which is skipped."""
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            item = int(self.scalar("I"))
            items = self.length(_MOST_ENTRIES << 8, "an array")
            if item in _SCALARS:
                self._file.seek(items * struct.calcsize("<" + _SCALARS[item]), 1)
            elif item == _STRING:
                for _ in range(items):
                    self._file.seek(self.length(_MOST_TEXT_BYTES, "a text"), 1)
            else:
                raise ValueError(f"an array of values of type {item}")
            return None
        if kind not in _SCALARS:
            raise ValueError(f"a value of type {kind}")
        return self.scalar(_SCALARS[kind])


def _parse(file: IO[bytes]) -> Gguf:
    read = _Reader(file)
    if file.read(4) != b"GGUF":
        raise ValueError("it does not begin with 'GGUF'")
    version = int(read.scalar("I"))
    if version not in (2, 3):
        raise ValueError(f"version {version}, expected 2 or 3")
    tensors, entries = (read.length(_MOST_ENTRIES, what) for what in ("a number of tensors", "a number of entries"))
    said: dict[str, Any] = {}
    for _ in range(entries):
        key = read.text()
        said[key] = read.value(int(read.scalar("I")))
    parameters = 0
    for _ in range(tensors):
        read.text()
        dimensions = int(read.scalar("I"))
        if dimensions > _MOST_DIMENSIONS:
            raise ValueError(f"a tensor of {dimensions} dimensions")
        parameters += math.prod(int(read.scalar("Q")) for _ in range(dimensions))
        read.take(12)  # its type and where it begins
    architecture = str(said.get("general.architecture") or "")
    context = said.get(f"{architecture}.context_length")
    return Gguf(
        str(said.get("general.name") or ""), architecture, context if isinstance(context, int) else 0, parameters
    )


def read_gguf(path: str | Path) -> Gguf:
    """Reads the head of a GGUF file.

    Args:
        path: the file.

    Returns:
        What it says of the model.

    Raises:
        ConfigError: there is no such file, or it is no GGUF file or a damaged one; the error names the file and what is wrong with it.
    """
    try:
        with open(path, "rb") as file:
            return _parse(file)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}; give the path of a GGUF file") from None
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"{path}: not a GGUF file that can be used: {error}") from None
