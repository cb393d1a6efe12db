"""The child: runs one program, confined, then answers what the judge asks of it. Nothing that it says is believed: it can only hand over values.

Frames are a length of four bytes and that many bytes. The judge's first frame is the program, the others are requests. The answers:
S (ready), V + value, E + exception, X + syntax error, P + whether a test passed that could only run here. F comes from confine.cpp.
"""

import os
import sys
import types

# This module's own, whatever the program makes of the builtins.
from builtins import bool, enumerate, getattr, isinstance, len, list, min, repr, setattr, str, type

import wire

CHANNEL = 3
REHEARSALS = 20
REHEARSED = """
def f(xs, named):
    found = [str(x) for x in xs if x]
    count = {}
    for i, x in enumerate(found):
        count[x] = count.get(x, 0) + i % 2 * len(x) // 1
    try:
        while sorted(count) == set(found):
            break
        return max(range(3)), "-".join(found)[:-1], tuple(named.items())
    except (IndexError, ValueError):
        return None
"""
NAME = "<program>"
BALLAST = [
    bytes(1 << 20)
]  # dropped when memory is out, so that there is some to say so with; made in the zygote, for a large allocation writes to many pages

_read, _write, _exit = os.read, os.write, os._exit
_encode, _decode = wire.encode, wire.decode
_compile, _exec, _module = compile, exec, types.ModuleType


def _receive(size):
    parts = []
    while size > 0:
        part = _read(CHANNEL, min(size, 1 << 20))
        if not part:
            _exit(0)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _frame():
    return _receive(int.from_bytes(_receive(4), "little"))


def _send(data):
    data = len(data).to_bytes(4, "little") + data
    while data:
        data = data[_write(CHANNEL, data) :]


def _flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # the program may have closed or replaced it
            pass


def _line_of(error):
    """The innermost line of the program that the exception went through."""
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == NAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _described(error):
    """(type name, names of its bases, message, line, errno)."""
    try:
        message = str(error)[:2000]
    except BaseException:
        message = ""
    bases = [cls.__name__ for cls in type.__dict__["__mro__"].__get__(type(error))]
    number = error.errno if isinstance(error, OSError) and isinstance(error.errno, int) else 0
    return (bases[0], bases, message, _line_of(error), number)


class _Program:
    def __init__(self, job):
        self.job = job
        self.module = _module("__main__")
        self.space = self.module.__dict__
        self.kept = []  # objects that the judge holds handles of

    def keep(self, value):
        for number, known in enumerate(self.kept):
            if known is value:
                return number, type(value).__name__
        self.kept.append(value)
        return len(self.kept) - 1, type(value).__name__

    def load(self):
        """Runs the top level."""
        job = self.job
        sys.modules["__main__"] = self.module
        if job["before"]:
            _exec(_compile(job["before"], "<setup_before>", "exec", 0, True), self.space)
        try:
            code = _compile(job["source"], NAME, "exec", 0, True)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            said = _described(error)
            _send(b"X" + _encode((said[0], getattr(error, "msg", None) or said[2], line or 0), _refuse))
            _exit(0)
        result = job["result"]
        if result is None:
            _exec(code, self.space)
        else:
            local = {}
            _exec(code, self.space, local)
            found = local[result] if result in local else self.space[result]
            self.result = (type(found).__name__, str(found)[:65536])
        if job["after"]:
            _exec(_compile(job["after"], "<setup_after>", "exec", 0, True), self.space)

    def answer(self, request):
        kind, target, args = request[0], request[1], request[2]
        if kind == "call":
            function = self.named(target) if type(target) is str else self.kept[target]
            value = function(*args, **dict(request[3]))
            if request[4]:  # the test holds on to its arguments: it must see what became of them
                return (value, args, list(dict(request[3]).values()))
            return value
        if kind == "name":
            if target not in self.space:
                return ("absent",)
            value = self.space[target]
            if type(value) is types.ModuleType:
                return ("module", value.__name__)
            return ("value", value)
        if kind == "result":
            return self.result
        of = self.kept[target]
        if kind == "attribute":
            return getattr(of, args)
        if kind == "set":
            return setattr(of, args[0], args[1])
        if kind == "items":
            return list(of)
        if kind == "item":
            return of[args]
        if kind == "length":
            return len(of)
        if kind == "true":
            return bool(of)
        if kind == "text":
            return str(of)
        return repr(of)

    def named(self, name):
        try:
            return self.space[name]
        except KeyError:
            raise NameError("name '%s' is not defined" % name) from None

    def remote(self, number, _):
        return self.kept[number]

    def serve_one(self):
        """A request and its answer."""
        request = _decode(_frame(), self.remote)
        try:
            if request[0] == "inside":
                _exec(_compile(request[1], "<test>", "exec", 0, True), self.space)
                if request[2]:
                    self.space[request[2]](self.space[request[3]])
                reply = b"P"
            else:
                reply = b"V" + _encode(self.answer(request), self.keep)
        except MemoryError:
            raise
        except BaseException as error:
            reply = b"E" + _encode(_described(error), _refuse)
        _flush()
        _send(reply)


def _refuse(value):
    raise wire.NotPlain(type(value).__name__)


def rehearse():
    """All that a child does, done in the zygote: a page that is written to there need not be copied in each child."""
    import _socket

    main = sys.modules["__main__"]
    requests = [("call", "f", (["a", 1, 0.5], {"b": (None, True)}), [], False)] * 3
    os.dup2(0, CHANNEL)  # so that neither end of a pair lies there
    for _ in range(REHEARSALS):
        judge, channel = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
        for message in ({"source": REHEARSED, "before": "", "after": "", "result": None}, *requests):
            data = _encode(message, _refuse)
            judge.send(len(data).to_bytes(4, "little") + data)
        os.dup2(channel.fileno(), CHANNEL)
        program = _Program(_decode(_frame(), None))
        program.load()
        _flush()
        _send(b"S")
        for _ in requests:
            program.serve_one()
        judge.close()
        channel.close()
    os.close(CHANNEL)
    sys.modules["__main__"] = main


def run():
    """Never returns."""
    try:
        program = _Program(_decode(_frame(), None))
        program.load()
        _flush()
        _send(b"S")
        while True:
            program.serve_one()
    except MemoryError:
        BALLAST.clear()
        _flush()
        _send(b"M")
    except BaseException as error:
        _flush()
        _send(b"E" + _encode(_described(error), _refuse))
    _exit(0)
