"""What the sandbox says of programs, good and bad, and what becomes of bad input."""
# ruff: noqa: E501 -- a program is one string

from typing import Any

import pytest

import cope
from cope.sandbox import Limits, Program, Sandbox

DOUBLE = "def double(x):\n    return x + x\n"

# name: (program, tests, what the report says)
VERDICTS: dict[str, tuple[Program, dict[str, Any]]] = {
    "passed": (
        Program(DOUBLE, ["assert double(2) == 4", "assert double('a') == 'aa'"]),
        {"outcome": "passed", "tests_passed": 2},
    ),
    "no_tests": (Program("x = 1"), {"outcome": "passed", "tests_passed": 0}),
    "second_test_fails": (
        Program(DOUBLE, ["assert double(1) == 2", "assert double(2) == 5", "assert double(3) == 6"]),
        {"outcome": "failed_assertion", "tests_passed": 2, "first_failed_test": 1},
    ),
    "message_of_an_assertion": (Program(DOUBLE, ["assert double(1) == 3, 'not three'"]), {"message": "not three"}),
    "exception": (
        Program("def f(x):\n\n    return 1 / x", ["assert f(0) == 0"]),
        {
            "outcome": "exception",
            "exception_type": "ZeroDivisionError",
            "line": 3,
            "message": "division by zero",
            "first_failed_test": 0,
        },
    ),
    "exception_of_its_own": (
        Program("class Odd(ValueError): pass\ndef f(x):\n    raise Odd('odd')", ["assert f(0)"]),
        {"outcome": "exception", "exception_type": "Odd", "line": 3, "message": "odd"},
    ),
    "exception_at_the_top_level": (
        Program("x = 1\nx.y", ["assert True"]),
        {
            "outcome": "exception",
            "exception_type": "AttributeError",
            "line": 2,
            "first_failed_test": None,
            "tests_passed": 0,
        },
    ),
    "absent_name": (Program("x = 1", ["assert f(0)"]), {"outcome": "exception", "exception_type": "NameError"}),
    "syntax_error": (Program("x = 1\ndef f(:\n"), {"outcome": "syntax_error", "line": 2}),
    "indentation_error": (
        Program("def f():\nreturn 1"),
        {"outcome": "syntax_error", "exception_type": "IndentationError"},
    ),
    "expected_exception": (
        Program(
            "def f(x):\n    raise KeyError(x)", ["try:\n    f(1)\nexcept KeyError:\n    pass\nelse:\n    assert False"]
        ),
        {"outcome": "passed"},
    ),
    "standard_output": (
        Program("import sys\nprint('one')\nsys.stderr.write('two')"),
        {"outcome": "passed", "output": "one\ntwo"},
    ),
    "standard_input_is_empty": (Program("input()"), {"outcome": "exception", "exception_type": "EOFError"}),
    "it_is_main": (Program("if __name__ == '__main__':\n    x = 5", ["assert x == 5"]), {"outcome": "passed"}),
    "carriage_returns": (Program("def f(x):\r\n    return x\r\n", ["assert f(1) == 1\r\n"]), {"outcome": "passed"}),
    "helper_of_the_tests": (
        Program("def f(x):\n    return [2, 1]", ["assert sorted(f(0)) == [1, 2]", "assert len(set(f(0))) == 2"]),
        {"outcome": "passed", "tests_passed": 2, "tests_inside": 0},
    ),
    "function_named_like_a_builtin": (
        Program("def sum(a, b):\n    return a * b", ["assert sum(3, 4) == 12"]),
        {"outcome": "passed"},
    ),
    "function_named_like_an_import": (
        Program("def gcd(a, b):\n    return 7", ["assert gcd(2, 4) == 7"], setup_before="from math import *"),
        {"outcome": "passed"},
    ),
    "import_of_the_setup": (
        Program(
            "def f(x):\n    return math.sqrt(x)",
            ["assert math.isclose(f(2), 1.4142, rel_tol=1e-3)"],
            setup_before="import math",
        ),
        {"outcome": "passed", "tests_inside": 0},
    ),
    "module_of_the_program": (
        Program("import sys\ndef f():\n    return sys.getsizeof(())", ["assert f() == sys.getsizeof(())"]),
        {"outcome": "passed"},
    ),
    "set_up_after": (
        Program(
            "class Node:\n    def __init__(self, x):\n        self.x = x\ndef f(n):\n    return n.x",
            ["assert f(root) == 3"],
            setup_after="root = Node(3)",
        ),
        {"outcome": "passed", "tests_inside": 0},
    ),
    "objects_of_its_classes": (
        Program(
            "class Pair:\n    def __init__(self, a):\n        self.a = a\ndef f(ps):\n    return sum(p.a for p in ps)",
            ["assert f([Pair(1), Pair(2)]) == 3"],
        ),
        {"outcome": "passed", "tests_inside": 0},
    ),
    "attributes_and_methods": (
        Program(
            "class C:\n    x = 4\n    def m(self, y):\n        return self.x + y",
            ["assert C().x == 4", "assert C().m(2) == 6"],
        ),
        {"outcome": "passed", "tests_passed": 2},
    ),
    "arguments_changed_in_place": (
        Program("def f(x):\n    x.sort()\n    x[0].append(1)", ["x = [[2], [1]]\nf(x)\nassert x == [[1, 1], [2]]"]),
        {"outcome": "passed"},
    ),
    "generator": (
        Program("def f(n):\n    yield from range(n)", ["assert list(f(3)) == [0, 1, 2]", "assert set(f(2)) == {0, 1}"]),
        {"outcome": "passed"},
    ),
    "endless_generator": (
        Program(
            "import itertools\ndef f():\n    return itertools.count()",
            ["assert next(iter(zip(range(1), [f()])))[0] == 0"],
        ),
        {"outcome": "passed"},
    ),
    "order_of_a_set": (
        Program(
            "def f(x):\n    return tuple(x)",
            [
                "assert f({12, 13, 14, 15, 16}) == tuple({12, 13, 14, 15, 16})",
                "assert f(set([12, 13, 14, 15, 16])) == tuple(set([12, 13, 14, 15, 16]))",
                "assert f(frozenset([12, 13, 14, 15, 16])) == tuple(frozenset([12, 13, 14, 15, 16]))",
            ],
        ),
        {"outcome": "passed", "tests_passed": 3},
    ),
    "match_object": (
        Program("import re\ndef f(x):\n    return re.match('a', x)", ["assert f('ab')", "assert not f('b')"]),
        {"outcome": "passed"},
    ),
    "named_tuple": (
        Program(
            "from collections import namedtuple\nP = namedtuple('P', 'a b')\ndef f():\n    return P(1, 2)",
            ["assert f() == (1, 2)"],
        ),
        {"outcome": "passed"},
    ),
    "function_as_an_argument": (
        Program("def f(g):\n    return g(1)", ["assert f(lambda x: x + 1) == 2", "assert f(str) == '1'"]),
        {"outcome": "passed", "tests_inside": 1},
    ),
    "one_function_given_to_another": (
        Program("def f(g, x):\n    return g(x)\ndef h(x):\n    return -x", ["assert f(h, 1) == -1"]),
        {"outcome": "passed", "tests_inside": 0},
    ),
    "comprehension": (
        Program(DOUBLE, ["assert all(double(i) == i + i for i in range(5))"]),
        {"outcome": "passed", "tests_inside": 0},
    ),
    "human_eval": (
        Program(
            DOUBLE,
            [
                "METADATA = {}\n\ndef check(candidate):\n    assert candidate(2) == 4\n    assert candidate([1]) == [1, 1]\n"
            ],
            entry_point="double",
        ),
        {"outcome": "passed", "tests_passed": 1, "tests_inside": 0},
    ),
    "human_eval_fails": (
        Program(DOUBLE, ["def check(candidate):\n    assert candidate(2) == 5\n"], entry_point="double"),
        {"outcome": "failed_assertion", "first_failed_test": 0},
    ),
    "result": (Program("ans = 6 * 7", result_name="ans"), {"outcome": "passed", "value": "42", "value_type": "int"}),
    "result_is_a_text": (Program("ans = '42'", result_name="ans"), {"value": "42", "value_type": "str"}),
    "result_is_absent": (
        Program("x = 1", result_name="ans"),
        {"outcome": "exception", "exception_type": "KeyError", "value": None},
    ),
    "result_with_separate_locals": (
        Program("x = 1\ndef f():\n    return x\nans = f()", result_name="ans"),
        {"outcome": "exception", "exception_type": "NameError"},
    ),
    "frozen_clock": (
        Program(
            "import datetime, time\nans = (datetime.date.today().isoformat(), datetime.datetime.now().year, int(time.time()), time.gmtime().tm_year)",
            result_name="ans",
            frozen_unix_s=1_000_000_000,
        ),
        {"value": "('2001-09-09', 2001, 1000000000, 2001)"},
    ),
    "temporary_directory": (
        Program(
            "import os\nopen('x', 'w').write('y')\ndef f():\n    return open('x').read(), os.listdir('.')",
            ["assert f() == ('y', ['x'])"],
        ),
        {"outcome": "passed"},
    ),
    "event_loop": (
        Program(
            "import asyncio\nasync def g():\n    await asyncio.sleep(0)\n    return 3\ndef f():\n    return asyncio.run(g())",
            ["assert f() == 3"],
        ),
        {"outcome": "passed"},
    ),
    "exit_without_tests": (Program("import sys\nsys.exit(0)"), {"outcome": "passed"}),
    "killed_by_its_own_fault": (
        Program(
            "import sys\nsys.setrecursionlimit(10**9)\nx = []\nfor _ in range(10**5):\n    x = [x]\ndef f():\n    return x == [[]]",
            ["assert f() is False"],
        ),
        {"tests_inside": 0},
    ),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_verdict(name: str, sandbox: Sandbox):
    program, expected = VERDICTS[name]
    report = sandbox.run(program)
    assert {field: getattr(report, field) for field in expected} == expected, report


VALUES = [
    "None", "True", "0", "-1", "10**4000", "0.1", "float('inf')", "-0.0", "1j", "''", "'\\udc80 \\x00 é'", "b'\\x00\\xff'", "bytearray(b'x')", "[]", "[[1], (2,), {3}]",
    "(1,)", "set()", "frozenset({1})", "{'a': [1], 2: None}", "{}.keys()", "{1: 2}.items()", "range(1, 9, 2)", "...", "__import__('decimal').Decimal('1.10')",
    "__import__('fractions').Fraction(1, 3)", "__import__('collections').deque([1])", "__import__('collections').OrderedDict(a=1)",
    "__import__('collections').Counter('aab')", "__import__('collections').defaultdict(int, a=1)", "__import__('datetime').date(2024, 2, 29)",
    "__import__('datetime').timedelta(1, 2, 3)",
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_values_arrive_as_they_are(value: str, sandbox: Sandbox):
    tests = [
        f"v = {value}\nassert f() == v and repr(f()).replace('None, ', \"<class 'int'>, \") == repr(v)",
        f"v = {value}\nassert same(v)",
    ]
    source = f"def f():\n    return {value}\ndef same(x):\n    return type(x) is type(f()) and x == f()"
    report = sandbox.run(Program(source, tests))
    assert (report.outcome, report.tests_passed, report.tests_inside) == ("passed", 2, 0), report


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "empty"),
        (" \n\t\n", "empty"),
        ("x = '" + "a" * 10_000_000 + "'", "10000006 bytes"),
        ("x = 1\0", "NUL"),
        ("x = '\udcff'", "not UTF-8"),
    ],
    ids=["empty", "blank", "ten_megabytes", "nul", "encoding"],
)
def test_unreadable_program_is_a_syntax_error(source: str, said: str, sandbox: Sandbox):
    report = sandbox.run(Program(source, ["assert True"]))
    assert report.outcome == "syntax_error"
    assert said in report.message


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        (["assert True", "assert f(1) = 2"], r"tests\[1\], line 1: "),
        (["x = 1\nassert f(("], r"tests\[0\], line 2: "),
        (["assert '\udcff'"], "UTF-8"),
        (["assert '\0'"], r"tests\[0\], line 1: .*null"),
    ],
)
def test_tests_that_do_not_parse_are_named(tests: list[str], said: str, sandbox: Sandbox):
    with pytest.raises(cope.DataError, match=said):
        sandbox.run(Program(DOUBLE, tests))


@pytest.mark.parametrize("name", ["wall_ms", "cpu_ms", "memory_bytes", "output_bytes", "file_bytes"])
@pytest.mark.parametrize("value", [0, -1, 1.5, None])
def test_limit_that_cannot_be_is_refused_by_name(name: str, value: Any, sandbox: Sandbox):
    with pytest.raises(cope.ConfigError, match=rf"limits\.{name}"):
        sandbox.run(Program("x = 1", limits=Limits(**{name: value})))


def test_less_memory_than_an_interpreter_needs_is_refused(sandbox: Sandbox):
    with pytest.raises(cope.ConfigError, match="an interpreter alone needs 67108864"):
        sandbox.run(Program("x = 1", limits=Limits(memory_bytes=1_000_000)))


@pytest.mark.parametrize("interpreter", ["/no/such/python", "no-such-python", "/", ""])
def test_missing_interpreter_is_named(interpreter: str):
    with pytest.raises(cope.ConfigError, match=r"interpreter: .*name a Python"):
        Sandbox(interpreter=interpreter)


def test_interpreter_that_is_no_python_is_named():
    with pytest.raises(cope.ConfigError, match="interpreter: /bin/true does not become a worker"):
        Sandbox(interpreter="/bin/true", workers=1)


def test_other_isolation_is_refused():
    with pytest.raises(cope.ConfigError, match="isolation: expected full or reduced"):
        Sandbox(isolation="none")  # type: ignore[arg-type]


def test_temporary_directory_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TMPDIR", "/proc")  # read-only for everybody
    with pytest.raises(cope.ConfigError, match=r"no temporary directory can be made in /proc .*set TMPDIR"):
        Sandbox(workers=1)


def test_closed_sandbox_says_so():
    sandbox = Sandbox(workers=1)
    sandbox.close()
    with pytest.raises(cope.ConfigError, match="closed"):
        sandbox.run(Program("x = 1"))


def test_bytes_are_no_program():
    with pytest.raises(cope.ConfigError, match="source: expected a str"):
        cope.sandbox.run(b"x = 1")  # type: ignore[arg-type]
