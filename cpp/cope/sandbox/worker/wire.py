"""Plain values as bytes, between a judge and its child: no code, no classes of the program, nothing that decoding could run.

A value is one letter and what belongs to it; containers hold their items' encodings. What is no plain value goes as a handle: a number that the child keeps
the object under. Instances of a program's subclasses go as their built-in base, unless they compare in a way of their own.
"""

import builtins
import sys

# This module's own, whatever the program makes of the builtins.
from builtins import (
    any,
    bool,
    bytearray,
    bytes,
    complex,
    dict,
    float,
    frozenset,
    getattr,
    int,
    len,
    list,
    range,
    set,
    str,
    tuple,
    type,
    zip,
)

MAX_DEPTH = 200  # deeper values go as handles: decoding must not recurse without end

_modules = sys.modules
_hex = float.hex
_size = sys.getsizeof
_mro = type.__dict__["__mro__"].__get__
_dict = type.__dict__["__dict__"].__get__
_COMPARES = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__iter__", "__len__")


# Builtin classes and functions without effects go by their names.
_FUNCTIONS = "abs all any ascii bin chr divmod hash hex len max min oct ord pow repr round sorted sum".split()
_BUILTINS = {
    name: value
    for name, value in vars(builtins).items()
    if name in _FUNCTIONS or (type(value) is type and value is not type)
}
_NAMES = {value: name for name, value in _BUILTINS.items()}


class TooDeep(Exception):
    """A value is nested too deeply, or holds itself."""


class NotPlain(Exception):
    """A value has no encoding and nobody to keep it."""


def _many(letter, items, out, keep, depth):
    out.append(b"%c%d;" % (letter, len(items)))
    for item in items:
        _encode(item, out, keep, depth)


def _pairs(letter, value, out, keep, depth):
    items = list(dict.items(value))
    out.append(b"%c%d;" % (letter, len(items)))
    for key, item in items:
        _encode(key, out, keep, depth)
        _encode(item, out, keep, depth)


def _text(letter, data, out):
    out.append(b"%c%d;" % (letter, len(data)))
    out.append(data)


_ENCODERS = {
    type(None): lambda v, out, keep, depth: out.append(b"N"),
    bool: lambda v, out, keep, depth: out.append(b"T" if v else b"F"),
    int: lambda v, out, keep, depth: out.append(b"i%x;" % v),
    float: lambda v, out, keep, depth: out.append(b"d%s;" % _hex(v).encode()),
    complex: lambda v, out, keep, depth: out.append(b"z%s;%s;" % (_hex(v.real).encode(), _hex(v.imag).encode())),
    str: lambda v, out, keep, depth: _text(b"s", v.encode("utf-8", "surrogatepass"), out),
    bytes: lambda v, out, keep, depth: _text(b"b", v, out),
    bytearray: lambda v, out, keep, depth: _text(b"B", bytes(v), out),
    list: lambda v, out, keep, depth: _many(b"l", v, out, keep, depth),
    tuple: lambda v, out, keep, depth: _many(b"t", v, out, keep, depth),
    set: lambda v, out, keep, depth: _many(b"S", [_size(v), *v], out, keep, depth),
    frozenset: lambda v, out, keep, depth: _many(b"Z", [_size(v), *v], out, keep, depth),
    dict: lambda v, out, keep, depth: _pairs(b"m", v, out, keep, depth),
    type({}.keys()): lambda v, out, keep, depth: _many(b"K", list(v), out, keep, depth),
    type({}.items()): lambda v, out, keep, depth: _many(b"I", list(v), out, keep, depth),
    range: lambda v, out, keep, depth: _many(b"r", (v.start, v.stop, v.step), out, keep, depth),
    type(...): lambda v, out, keep, depth: out.append(b"E"),
}
# The same for classes of the standard library, by module and name: only what a program imports is there.
_LATE = {
    "Decimal": ("decimal", lambda v, out, keep, depth: _text(b"D", str(v).encode(), out)),
    "Fraction": (
        "fractions",
        lambda v, out, keep, depth: _many(b"Q", (v._numerator, v._denominator), out, keep, depth),
    ),
    "deque": ("collections", lambda v, out, keep, depth: _many(b"q", list(v), out, keep, depth)),
    "OrderedDict": ("collections", lambda v, out, keep, depth: _pairs(b"o", v, out, keep, depth)),
    "Counter": ("collections", lambda v, out, keep, depth: _pairs(b"c", v, out, keep, depth)),
    "defaultdict": ("collections", lambda v, out, keep, depth: _pairs(b"f", v, out, keep, depth)),
    "date": ("datetime", lambda v, out, keep, depth: _many(b"y", (v.year, v.month, v.day), out, keep, depth)),
    "timedelta": (
        "datetime",
        lambda v, out, keep, depth: _many(b"e", (v.days, v.seconds, v.microseconds), out, keep, depth),
    ),
}
# How an instance of a subclass becomes one of its base.
_BASES = {
    int: lambda v: int.__add__(v, 0),
    float: lambda v: float.__add__(v, 0.0),
    str: lambda v: str.__add__(v, ""),
    bytes: lambda v: bytes.__add__(v, b""),
    list: lambda v: list.__add__(v, []),
    tuple: lambda v: tuple.__add__(v, ()),
    set: lambda v: set.union(set(), set.copy(v)),
    frozenset: lambda v: frozenset(frozenset.__iter__(v)),
    dict: lambda v: dict(dict.items(v)),
}


def _late(cls):
    module, encoder = _LATE.get(cls.__name__, (None, None))
    return encoder if module in _modules and getattr(_modules[module], cls.__name__, None) is cls else None


def _encode(value, out, keep, depth):
    encoder = _ENCODERS.get(type(value)) or _late(type(value))
    if encoder is not None:
        if depth > MAX_DEPTH:
            raise TooDeep
        encoder(value, out, keep, depth + 1)
        return
    if type(value) in (type, type(len)) and value in _NAMES:
        _text(b"n", _NAMES[value].encode(), out)
        return
    for cls in _mro(type(value)):
        plain = _BASES.get(cls)
        if plain is not None:
            _encode(plain(value), out, keep, depth + 1)
            return
        if any(name in _dict(cls) for name in _COMPARES):
            break
    number, name = keep(value)
    out.append(b"h%d;" % number)
    _text(b"s", name.encode("utf-8", "replace"), out)


def encode(value, keep):
    """The bytes of a value; `keep(object)` answers the handle and type name of what is not plain, or raises NotPlain."""
    out = []
    try:
        _encode(value, out, keep, 0)
    except (TooDeep, RecursionError):
        out = []
        number, name = keep(value)
        out.append(b"h%d;" % number)
        _text(b"s", name.encode("utf-8", "replace"), out)
    return b"".join(out)


class _Decoder:
    """One pass over bytes that nobody vouches for: whatever is wrong with them is a ValueError."""

    def __init__(self, data, remote):
        self.data = data
        self.at = 0
        self.remote = remote

    def number(self, base=10):
        end = self.data.index(b";", self.at)
        digits = self.data[self.at : end]
        self.at = end + 1
        return int(digits, base)

    def real(self):
        end = self.data.index(b";", self.at)
        digits = self.data[self.at : end].decode("ascii")
        self.at = end + 1
        return float.fromhex(digits)

    def take(self, size):
        if size < 0 or self.at + size > len(self.data):
            raise ValueError("cut short")
        self.at += size
        return self.data[self.at - size : self.at]

    def items(self, depth, times=1):
        count = self.number() * times
        if count < 0 or count > len(self.data) - self.at:  # an item takes a byte at least
            raise ValueError("cut short")
        return [self.value(depth) for _ in range(count)]

    def pairs(self, depth):
        items = self.items(depth, 2)
        return list(zip(items[::2], items[1::2]))

    def value(self, depth=0):
        if depth > MAX_DEPTH + 2:
            raise ValueError("nested too deeply")
        depth += 1
        letter = self.take(1)
        if letter in _CONSTANTS:
            return _CONSTANTS[letter]
        if letter == b"i":
            return self.number(16)
        if letter == b"s":
            return self.take(self.number()).decode("utf-8", "surrogatepass")
        if letter == b"d":
            return self.real()
        if letter in _SEQUENCES:
            return _SEQUENCES[letter](self.items(depth))
        if letter in _MAPPINGS:
            return _MAPPINGS[letter](self.pairs(depth))
        if letter == b"z":
            return complex(self.real(), self.real())
        if letter == b"b":
            return bytes(self.take(self.number()))
        if letter == b"B":
            return bytearray(self.take(self.number()))
        if letter == b"D":
            return _class("decimal", "Decimal")(self.take(self.number()).decode("ascii"))
        if letter == b"n":
            name = self.take(self.number()).decode("ascii")
            if name in _BUILTINS:
                return _BUILTINS[name]
        if letter == b"h":
            number = self.number()
            name = self.value(depth)
            if type(name) is str:
                return self.remote(number, name)
        raise ValueError("unknown letter")


def _same_size(items, kind, other):
    """The set whose table is as large as the original's: its order depends on that. A set that was copied from another has a smaller one."""
    size, rest = items[0], items[1:]
    found = kind(rest)
    return found if _size(found) == size else kind(other(rest))


def _class(module, name):
    return getattr(__import__(module), name)


def _counted(pairs):
    counter = _class("collections", "Counter")()
    dict.update(counter, pairs)
    return counter


_CONSTANTS = {b"N": None, b"T": True, b"F": False, b"E": ...}
_SEQUENCES = {
    b"l": list,
    b"t": tuple,
    b"S": lambda items: _same_size(items, set, frozenset),
    b"Z": lambda items: _same_size(items, frozenset, set),
    b"K": lambda items: dict.fromkeys(items).keys(),
    b"I": lambda items: dict(items).items(),
    b"r": lambda items: range(*items),
    b"Q": lambda items: _class("fractions", "Fraction")(*items),
    b"q": lambda items: _class("collections", "deque")(items),
    b"y": lambda items: _class("datetime", "date")(*items),
    b"e": lambda items: _class("datetime", "timedelta")(*items),
}
_MAPPINGS = {
    b"m": dict,
    b"o": lambda pairs: _class("collections", "OrderedDict")(pairs),
    b"c": _counted,
    b"f": lambda pairs: _class("collections", "defaultdict")(None, pairs),
}


def decode(data, remote):
    """The value of bytes; `remote(handle, type name)` stands for what was not plain. Raises ValueError for anything else than one whole value."""
    decoder = _Decoder(data, remote)
    try:
        value = decoder.value()
    except (TypeError, IndexError, ArithmeticError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if decoder.at != len(data):
        raise ValueError("more than one value")
    return value
