r"""Untrusted Python programs, run fast and confined: what `cope` does with programs that models wrote, and yours to use.

    >>> report = cope.sandbox.run("def double(x):\n    return x + x", ["assert double(2) == 4", "assert double('a') == 'aa'"])
    >>> report.outcome, report.tests_passed
    ('passed', 2)

Every program has a process of its own, forked from an interpreter that has done its imports: no network, no other processes or threads, no files but the
standard library's and an empty temporary directory, no environment, limits on time, memory, output and files. It takes no root, no container and no user
namespace: no_new_privs, Landlock, seccomp and rlimits confine it (Linux 5.13 or later).

The tests are not in that process. They run in another one, which asks the program for the values of the calls that a test makes and compares them itself, so a
program can neither read what is expected of it nor say that it passed. Two things follow: values are compared as plain values (a program's own `__eq__` decides
nothing), and a test that hands the program a function of its own must run in the program's process; `Report.tests_inside` counts those.
"""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from types import TracebackType
from typing import Any, Literal

from . import _core
from .errors import ConfigError

__all__ = ["Limits", "Program", "Report", "Sandbox", "run"]

Outcome = Literal[
    "passed",
    "failed_assertion",
    "exception",
    "syntax_error",
    "timed_out_wall",
    "timed_out_cpu",
    "out_of_memory",
    "killed",
    "output_too_large",
    "forbidden",
]
Isolation = Literal["full", "reduced"]


@dataclass(frozen=True)
class Limits:
    """What one program may use.

    Args:
        wall_ms: Milliseconds from its start to the end of its last test.
        cpu_ms: Milliseconds of CPU time.
        memory_bytes: Address space, the interpreter's own (about 50 MiB) included; at least 64 MiB.
        output_bytes: Standard output and error together; also the size of one value that a test asks for.
        file_bytes: All files in its temporary directory together.

    Raises:
        ConfigError: A limit that is no positive integer, or less memory than an interpreter needs; raised by what is given the limits.
    """

    wall_ms: int = 5_000
    cpu_ms: int = 5_000
    memory_bytes: int = 512 << 20
    output_bytes: int = 1 << 20
    file_bytes: int = 1 << 20


@dataclass(frozen=True)
class Program:
    """A program, its tests and its limits.

    Args:
        source: The program. Its top level runs first, as `__main__`, with an empty standard input.
        tests: Each one or more statements, such as "assert f(2) == 4", run one by one, all of them even after a failure. May be empty.
        setup_before: Trusted code that runs before the program, in its process: imports, for example.
        setup_after: The same after it (MBPP's tasks 367 and 927 build objects of the program's classes).
        entry_point: HumanEval's form: each test defines `check(candidate)`, which is then called with this name of the program.
        result_name: Program-of-Thought: report the value of this name, assigned at the program's top level. Globals and locals are then separate, so the
            program's functions do not see its top-level names, as in the published code.
        frozen_unix_s: What the wall clock says to the program, in seconds since 1970, UTC; None: the time.
        limits: What it may use.

    Source: Sections 2 (Program-of-Thought, LLM Cascade) and 5 (code: visible and hidden tests) of the methods that COPE compares.
    """

    source: str
    tests: Sequence[str] = ()
    setup_before: str = ""
    setup_after: str = ""
    entry_point: str | None = None
    result_name: str | None = None
    frozen_unix_s: int | None = None
    limits: Limits = Limits()


@dataclass(frozen=True)
class Report:
    """What happened to a program.

    Attributes:
        outcome: "passed" (every test; without tests: it ended), "failed_assertion", "exception", "syntax_error" (also: empty, over 1 MiB, NUL bytes, no
            Unicode), "timed_out_wall", "timed_out_cpu", "out_of_memory", "killed" (by a signal, or it ended itself before its verdict), "output_too_large",
            "forbidden" (a system call, a file or a network that programs may not have). Of several failures, the first.
        tests_passed: How many tests passed.
        tests_inside: How many tests ran in the program's own process, where it could have influenced them.
        first_failed_test: Index of the first test that failed; None where none did, or where the program failed before its tests.
        exception_type: Such as "ZeroDivisionError"; empty where no exception ended it.
        line: The innermost line of the program that the exception went through, from 1; 0: unknown.
        message: One line for people. Text of the program's exceptions is as untrusted as the program.
        value: `str()` of the value of `result_name`, at most 64 KiB; None without one.
        value_type: Its type's name.
        output: Standard output and error.
        attempts: 2 where the worker was killed under the program, which was then run again.
        wall_ms: Milliseconds that it took.
        cpu_ms: Milliseconds of CPU time that its process used.
    """

    outcome: Outcome
    tests_passed: int
    tests_inside: int
    first_failed_test: int | None
    exception_type: str
    line: int
    message: str
    value: str | None
    value_type: str
    output: str
    attempts: int
    wall_ms: int
    cpu_ms: int

    @property
    def passed(self) -> bool:
        """Whether the program passed every test."""
        return self.outcome == "passed"

    def __repr__(self) -> str:
        shown = (field.name for field in fields(self) if field.name not in ("outcome", "output", "attempts"))
        said = {name: getattr(self, name) for name in shown}
        if self.first_failed_test is None:
            del said["first_failed_test"]
        said = {name: value for name, value in said.items() if value or name == "first_failed_test"}
        told = "".join(f", {name}={value!r}" for name, value in said.items())
        return f"Report({self.outcome!r}{told})"


class Sandbox:
    """A pool of warm workers; a context manager. `cope.sandbox.run` keeps one for you; make your own for another interpreter.

    Args:
        interpreter: The Python that programs run in: a path, or a name looked up in PATH. CPython 3.8 or later; None: the running one.
        workers: How many programs run at once; 0: one a core.
        isolation: "full" refuses to start where the kernel lacks a mechanism; "reduced" goes without it, which is no protection against malice.

    Raises:
        ConfigError: A missing interpreter, a missing kernel mechanism (by its name), a temporary directory that cannot be written.

    Example:
        >>> with cope.sandbox.Sandbox(workers=2) as sandbox:
        ...     reports = sandbox.run_all([cope.sandbox.Program("x = 1"), cope.sandbox.Program("x = ")])
        >>> [report.outcome for report in reports]
        ['passed', 'syntax_error']
    """

    def __init__(self, *, interpreter: str | None = None, workers: int = 0, isolation: Isolation = "full") -> None:
        self._core = _core.Sandbox(
            interpreter=sys.executable if interpreter is None else interpreter, workers=workers, isolation=isolation
        )

    def run(self, program: Program) -> Report:
        """Runs one program; see `run_all`."""
        return self.run_all([program])[0]

    def run_all(self, programs: Iterable[Program]) -> list[Report]:
        """Runs programs, as many at once as there are workers; thread-safe, and Ctrl-C interrupts it.

        Args:
            programs: The programs.

        Returns:
            Their reports, in the same order.

        Raises:
            ConfigError: A limit that cannot be, or a closed sandbox.
            DataError: Tests that cannot be parsed; names the test and its line.
        """
        return [Report(**row) for row in self._core.run([_row(program) for program in programs])]

    @property
    def workers(self) -> int:
        """How many programs run at once."""
        return self._core.workers

    def close(self) -> None:
        """Ends the workers and removes their directories."""
        self._core.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


def run(
    program: str,
    tests: Sequence[str] = (),
    limits: Limits | None = None,
    *,
    setup_before: str = "",
    setup_after: str = "",
    entry_point: str | None = None,
    result_name: str | None = None,
    frozen_unix_s: int | None = None,
    interpreter: str | None = None,
    isolation: Isolation = "full",
) -> Report:
    r"""Runs one untrusted program and says what happened.

    The workers start with the first call and stay for the next ones; calls from several threads run at once.

    Args:
        program: The source.
        tests: Statements, such as "assert f(2) == 4"; see `Program`.
        limits: None: the defaults of `Limits`.
        setup_before: See `Program`, as for the four arguments that follow.
        setup_after: Trusted code after the program.
        entry_point: HumanEval's form of tests.
        result_name: The top-level name whose value is reported.
        frozen_unix_s: What the wall clock says.
        interpreter: See `Sandbox`.
        isolation: See `Sandbox`.

    Returns:
        The report. A program that fails is a value, never an exception.

    Raises:
        ConfigError: A limit that cannot be, a missing interpreter or kernel mechanism.
        DataError: Tests that cannot be parsed.

    Example:
        >>> cope.sandbox.run("def f(x):\n    return 1 / x", ["assert f(0) == 0"])
        Report('exception', first_failed_test=0, exception_type='ZeroDivisionError', line=2, message='division by zero', ...)
    """
    program_ = Program(
        program, tests, setup_before, setup_after, entry_point, result_name, frozen_unix_s, limits or Limits()
    )
    return _shared(interpreter or sys.executable, isolation).run(program_)


_sandboxes: dict[tuple[str, str], Sandbox] = {}
_lock = threading.Lock()


def _shared(interpreter: str, isolation: Isolation) -> Sandbox:
    with _lock:
        key = (interpreter, isolation)
        if key not in _sandboxes:
            _sandboxes[key] = Sandbox(interpreter=interpreter, isolation=isolation)
        return _sandboxes[key]


@atexit.register
def _close_shared() -> None:
    with _lock:
        for sandbox in _sandboxes.values():
            sandbox.close()
        _sandboxes.clear()


def _row(program: Program) -> dict[str, Any]:
    tests = [program.tests] if isinstance(program.tests, str) else list(program.tests)
    row = {
        field.name: getattr(program, field.name) for field in fields(program) if field.name not in ("tests", "limits")
    }
    for name, value in asdict(program.limits).items():
        if type(value) is not int:
            raise ConfigError(f"limits.{name}: expected an integer, got {value!r}")
    for name in ("source", "setup_before", "setup_after"):
        if not isinstance(row[name], str):
            raise ConfigError(f"{name}: expected a str, got {type(row[name]).__name__}; decode bytes first")
    return {**row, "tests": tests, **asdict(program.limits)}
