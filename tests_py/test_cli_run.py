"""`cope run` as a process against a server on loopback: from the options to the table, exit codes, bad input, resuming."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Completed = subprocess.CompletedProcess[str]
Command = Callable[..., Completed]
KEY = "sk-this-must-never-be-shown"
PROBLEMS = [{"id": f"p{i}", "question": f"What is {i} + 3?", "answer": str(i + 3)} for i in range(4)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_problems(tmp_path)
    return tmp_path


def write_problems(folder: Path, rows: list[dict[str, Any]] | None = None) -> None:
    lines = [json.dumps(row) for row in (PROBLEMS if rows is None else rows)]
    (folder / "problems.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")


@pytest.fixture
def command(folder: Path) -> Command:
    def call(*arguments: object, **environment: str) -> Completed:
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "cope", *map(str, arguments)],
            cwd=folder,
            env={**os.environ, "COLUMNS": "100", **environment},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )

    return call


def models(endpoint: Any) -> tuple[str, ...]:
    return ("--small", f"m@{endpoint.url}", "--large", f"m@{endpoint.url}")


def experiment(folder: Path, endpoint: Any, *, top: str = "", large: str = "", method: str = 'name = "Large"') -> Path:
    """An experiment whose model asks once, is paid, and needs a key."""
    text = f"""
store = "store"
{top}
[problems]
path = "problems.jsonl"
[method]
{method}
[models.small]
name = "m"
base_url = "{endpoint.url}"
max_retries = 0
[models.large]
name = "m"
base_url = "{endpoint.url}"
max_retries = 0
api_key_env = "TEST_SERVICE_KEY"
price = {{ input = 10, output = 10 }}
max_tokens = 10
{large}
"""
    path = folder / "experiment.toml"
    path.write_text(text, encoding="utf-8")
    return path


def answer_right(request: dict[str, Any]) -> tuple[int, bytes]:
    """Adds 3 to the number that the question names."""
    words = request["messages"][-1]["content"].replace("?", " ").split()
    total = next(int(word) for word in words if word.isdigit()) + 3
    choices = [
        {
            "index": i,
            "message": {"role": "assistant", "content": f"So it is \\boxed{{{total}}}."},
            "finish_reason": "stop",
        }
        for i in range(request.get("n", 1))
    ]
    return 200, json.dumps(
        {"choices": choices, "usage": {"prompt_tokens": 10, "completion_tokens": 5 * len(choices)}}
    ).encode()


def failing(status: int, message: str) -> Callable[[dict[str, Any]], tuple[int, bytes]]:
    return lambda request: (status, json.dumps({"error": {"message": message}}).encode())


def test_options_alone_make_a_run_that_can_be_looked_at_again(command: Command, folder: Path, endpoint: Any) -> None:
    endpoint.reply = answer_right
    done = command(
        "run", "--problems", "problems.jsonl", *models(endpoint), "--k", "4", "--limit", "3", "--store", "runs/x"
    )
    assert done.returncode == 0, done.stderr
    assert "COPE: 3 problems" in done.stdout
    assert "100.0 %" in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stderr == ""
    asked = len(endpoint.requests)
    assert asked > 0

    shown = command("show", "runs/x")
    assert (shown.returncode, "COPE: 3 problems" in shown.stdout) == (0, True)
    assert command("show", "runs/x", "--run", "COPE").stdout == shown.stdout
    assert command("show", "runs/x", "--run", "1").stdout == shown.stdout
    trace = command("show", "runs/x", "--problem", "1")
    assert "What is 1 + 3?" in trace.stdout
    assert command("show", "runs/x", "--trace", "p1").stdout == trace.stdout
    assert json.loads(command("show", "runs/x", "--trace", "p1", "--json").stdout)["answer"] == "4"
    figures = json.loads(command("show", "runs/x", "--json").stdout)
    assert (figures["problems"], figures["right"], figures["manifest"]["method"]) == (3, 3, "COPE")
    assert "COPE" in command("runs", "runs/x").stdout
    assert json.loads(command("runs", "runs/x", "--json").stdout)[0]["status"] == "finished"
    assert len(endpoint.requests) == asked


def test_the_same_command_asks_for_nothing_twice(command: Command, endpoint: Any) -> None:
    arguments = (
        "run",
        "--problems",
        "problems.jsonl",
        *models(endpoint),
        "--method",
        "SmallMajority",
        "--k",
        "3",
        "--json",
    )
    first = command(*arguments)
    asked = len(endpoint.requests)
    second = command(*arguments)
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(endpoint.requests) == asked
    assert json.loads(first.stdout)["right"] == json.loads(second.stdout)["right"] == 1
    assert json.loads(first.stdout)["store"] == "runs/SmallMajority-problems"


def test_a_file_makes_a_run_and_options_go_before_it(command: Command, folder: Path, endpoint: Any) -> None:
    endpoint.reply = answer_right
    path = experiment(folder, endpoint, large='prompts = "paper"')
    done = command("run", path, "--limit", "2", "--json", TEST_SERVICE_KEY=KEY)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["method"], figures["problems"], figures["right"]) == ("Large", 2, 2)
    assert figures["billed_usd"] == pytest.approx(2 * 15 * 10e-6)
    assert endpoint.keys == [f"Bearer {KEY}"] * 2
    assert KEY not in done.stdout + done.stderr
    assert not any(KEY.encode() in each.read_bytes() for each in (folder / "store").rglob("*") if each.is_file())


def test_a_file_in_another_folder_has_its_paths_there_and_options_have_them_here(
    command: Command, folder: Path, endpoint: Any
) -> None:
    inner = folder / "inner"
    inner.mkdir()
    write_problems(inner, PROBLEMS[:1])
    path = experiment(inner, endpoint)
    assert json.loads(command("run", path, "--json", TEST_SERVICE_KEY=KEY).stdout)["problems"] == 1
    assert (inner / "store").is_dir()
    here = command("run", path, "--problems", "problems.jsonl", "--store", "here", "--json", TEST_SERVICE_KEY=KEY)
    assert json.loads(here.stdout)["problems"] == 4
    assert (folder / "here").is_dir()


def test_a_task_of_ones_own_comes_from_a_file(command: Command, folder: Path, endpoint: Any) -> None:
    code = "def answer(text):\n    return 'yes' if 'boxed' in text else None\n\ndef grade(gold, answer):\n    return answer == 'yes'\n"
    (folder / "graders.py").write_text(code, encoding="utf-8")
    task = 'task = { name = "mine", answer = "graders.py:answer", grade = "graders.py:grade" }'
    done = command("run", experiment(folder, endpoint, top=task), "--json", TEST_SERVICE_KEY=KEY)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["right"] == 4


def test_the_budget_ends_a_run_and_a_higher_one_goes_on(command: Command, folder: Path, endpoint: Any) -> None:
    endpoint.reply = answer_right
    path = experiment(folder, endpoint, large="max_concurrency = 1")
    done = command("run", path, "--budget-usd", "0.002", TEST_SERVICE_KEY=KEY)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "the budget is exhausted" in done.stderr
    assert "--budget-usd" in done.stderr
    asked = len(endpoint.requests)
    assert asked < 4
    assert asked * 150e-6 <= 0.002
    more = command("run", path, "--budget-usd", "1", "--json", TEST_SERVICE_KEY=KEY)
    assert more.returncode == 0, more.stderr
    assert json.loads(more.stdout)["right"] == 4
    assert len(endpoint.requests) == 4


def test_failed_problems_are_exit_code_1_and_are_asked_again(command: Command, folder: Path, endpoint: Any) -> None:
    endpoint.reply = failing(500, "overloaded")
    path = experiment(folder, endpoint)
    done = command("run", path, TEST_SERVICE_KEY=KEY)
    assert done.returncode == 1
    assert "4 problems failed and 0 are unfinished; they are not counted as wrong" in done.stderr
    assert "server in 4 problems; p0: " in done.stderr
    assert KEY not in done.stdout + done.stderr
    endpoint.reply = answer_right
    again = command("run", path, "--json", TEST_SERVICE_KEY=KEY)
    assert (again.returncode, json.loads(again.stdout)["right"]) == (0, 4)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<html>gateway</html>", "malformed"),
        (b'{"choices": [{"message": {"content": "cut', "malformed"),
        (b"", "malformed"),
        (b'{"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 0}}', "missing_choices"),
    ],
)
def test_a_reply_that_is_none_is_a_failed_problem_that_says_so(
    command: Command, folder: Path, endpoint: Any, body: bytes, code: str
) -> None:
    endpoint.reply = lambda request: (200, body)
    done = command("run", experiment(folder, endpoint), TEST_SERVICE_KEY=KEY)
    assert done.returncode == 1, done.stderr
    assert f"{code} in 4 problems" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_refused_key_is_exit_code_3_before_anything_is_asked(command: Command, folder: Path, endpoint: Any) -> None:
    endpoint.models = failing(401, f"Incorrect API key provided: {KEY}")({})
    done = command("run", experiment(folder, endpoint), "--debug", TEST_SERVICE_KEY=KEY)
    assert done.returncode == 3
    assert "refused the API key (HTTP 401)" in done.stderr
    assert "Traceback" in done.stderr
    assert KEY not in done.stdout + done.stderr
    assert endpoint.requests == []
    assert "Traceback" not in command("run", "experiment.toml", TEST_SERVICE_KEY=KEY).stderr


def test_nobody_there_is_exit_code_3(command: Command, endpoint: Any) -> None:
    endpoint.close()
    done = command("run", "--problems", "problems.jsonl", *models(endpoint))
    assert done.returncode == 3
    assert f"nobody answers at {endpoint.url}" in done.stderr


def test_an_unknown_model_is_exit_code_3_with_those_there_are(command: Command, endpoint: Any) -> None:
    done = command("run", "--problems", "problems.jsonl", "--method", "Large", "--large", f"gpt-x@{endpoint.url}")
    assert done.returncode == 3
    assert "gpt-x" in done.stderr
    assert endpoint.requests == []


def test_a_wrong_base_url_is_exit_code_3(command: Command, folder: Path, endpoint: Any) -> None:
    endpoint.models = failing(404, "Not Found")({})
    endpoint.reply = failing(404, "Not Found")
    done = command("run", experiment(folder, endpoint), TEST_SERVICE_KEY=KEY)
    assert done.returncode == 3
    assert "base_url is probably wrong (most end in /v1)" in done.stderr


GOOD_ROW = '{"id": "a", "question": "What is 1 + 3?", "answer": "4"}'


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("", "problems.jsonl: holds no problems"),
        (f"{GOOD_ROW}\n{GOOD_ROW}\n", "problems.jsonl, line 2: the id 'a' was already used in"),
        (f'{GOOD_ROW}\n{{"id": "b", "question": \n', "problems.jsonl, line 2, column 25: malformed JSON"),
        (f'{GOOD_ROW}\n{{"id": "b", "answer": "4"}}\n', "problems.jsonl, line 2: no field 'question'"),
        ('{"id": "a", "problem": "x", "answer": "4"}\n', 'columns={"question": "problem"}'),
        ('{"id": "a", "question": "  ", "answer": "4"}\n', "problems.jsonl, line 1: question: is empty"),
        ('{"id": "a", "question": "x", "answer": NaN}\n', "problems.jsonl, line 1: NaN is no JSON"),
        ('{"id": "a", "question": 5, "answer": "4"}\n', "problems.jsonl, line 1: question: expected text, got 5"),
        ("[1]\n", "problems.jsonl, line 1: expected an object"),
    ],
)
def test_bad_problems_are_told_with_their_place_before_anything_is_asked(
    command: Command, folder: Path, endpoint: Any, rows: str, said: str
) -> None:
    (folder / "problems.jsonl").write_text(rows, encoding="utf-8")
    done = command("run", "--problems", "problems.jsonl", *models(endpoint))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert endpoint.requests == []
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--k", "0"), "method: k: expected a whole number of samples from 1"),
        (("--thresholds", "0.75"), "thresholds: expected two"),
        (("--thresholds", "0.75,1.5"), "threshold"),
        (("--thresholds", "a,b"), "threshold"),
        (("--method", "cop"), "--method: expected one of COPE, Large"),
        (("--method", "Large", "--k", "3"), "--k: unknown key"),
        (("--limit", "0"), "--limit: expected at least 1, got 0"),
        (("--seed", "-1"), "--seed: expected at least 0, got -1"),
        (("--budget-usd", "much"), "budget_usd: expected"),
        (("--budget-usd", "-1"), "budget_usd: expected"),
        (("--task", "maths"), "task: expected one of 'math'"),
        (("--prompts", "papers"), "papers"),
        (("--problems", "none.jsonl"), "none.jsonl: no such file"),
        (("--problems", "problems.xyz"), "problems.xyz: cannot tell what kind of file this is"),
        (("--large", "gpt-4o-mini"), "OPENAI_API_KEY"),
        (("--small", "none.gguf"), "none.gguf: cannot be read"),
    ],
)
def test_bad_options_are_told_by_name_before_anything_is_asked(
    command: Command, folder: Path, endpoint: Any, options: tuple[str, ...], said: str
) -> None:
    done = command("run", "--problems", "problems.jsonl", *models(endpoint), *options)
    assert done.returncode == 2, done.stdout
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert endpoint.requests == []


def test_a_paid_model_without_a_price_does_not_start(command: Command, folder: Path, endpoint: Any) -> None:
    done = command(
        "run", "--problems", "problems.jsonl", "--method", "Large", "--large", "no-such-model", OPENAI_API_KEY=KEY
    )
    assert done.returncode == 2
    assert "has no price" in done.stderr
    assert KEY not in done.stderr


def test_a_run_needs_to_be_told_something(command: Command) -> None:
    done = command("run")
    assert done.returncode == 2
    assert "cope init" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = ", "x.toml: not TOML"),
        (
            'sed = 1\n[problems]\npath = "p"\n[models]\nsmall = "embedded"\nlarge = "embedded"\n',
            "x.toml: sed: unknown key; did you mean 'seed'?",
        ),
    ],
)
def test_a_mistaken_file_is_exit_code_2_with_the_place(command: Command, folder: Path, text: str, said: str) -> None:
    (folder / "x.toml").write_text(text, encoding="utf-8")
    done = command("run", "x.toml")
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--problem", "99"), "problem 99: this run has 4, from 0 to 3"),
        (("--trace", "nobody"), "no problem 'nobody' in this run"),
        (("--problem", "0", "--trace", "p0"), "give one of them"),
        (("--run", "7"), "has no run 7; there are 1 (Large)"),
        (("--run", "Small"), "has no run 'Small'"),
    ],
)
def test_what_a_store_does_not_hold_is_told_with_what_it_holds(
    command: Command, folder: Path, endpoint: Any, arguments: tuple[str, ...], said: str
) -> None:
    assert command("run", experiment(folder, endpoint), TEST_SERVICE_KEY=KEY).returncode == 0
    done = command("show", "store", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_hostile_text_of_a_model_cannot_reach_the_terminal(command: Command, folder: Path, endpoint: Any) -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e [bold red]x[/] \\boxed{\x1b[31m5}"
    choice = {"index": 0, "message": {"role": "assistant", "content": hostile}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    endpoint.reply = lambda request: (200, json.dumps({"choices": [choice], "usage": usage}).encode())
    run = command("run", experiment(folder, endpoint), TEST_SERVICE_KEY=KEY)
    shown = command("show", "store", "--problem", "0")
    as_json = command("show", "store", "--problem", "0", "--json")
    for done in (run, shown, as_json):
        assert done.returncode == 0, done.stderr
        assert not set("\x1b\x07\x9b\u202e") & set(done.stdout + done.stderr)
    assert "[bold red]x[/]" in shown.stdout
    assert "\x1b" in json.loads(as_json.stdout)["stages"][0]["draws"][0]["samples"][0]["text"]


@pytest.mark.live
def test_the_example_runs_as_it_is_written(command: Command, folder: Path) -> None:
    pytest.importorskip("xllamacpp", reason="llama.cpp is not installed: pip install '.[local]'")
    assert command("init").returncode == 0
    done = command("run", "experiment.toml", "--limit", "3", "--k", "4", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["method"], figures["problems"], figures["store"]) == ("COPE", 3, "runs/experiment")
    assert figures["right"] + figures["wrong"] + figures["unscored"] == 3


@pytest.mark.live
def test_any_gguf_file_can_be_the_small_model(command: Command, folder: Path) -> None:
    pytest.importorskip("xllamacpp", reason="llama.cpp is not installed: pip install '.[local]'")
    from cope.local import SMALL

    arguments = (
        "--problems",
        "word_problems",
        "--limit",
        "2",
        "--method",
        "SmallMajority",
        "--k",
        "2",
        "--prompts",
        "embedded",
    )
    done = command("run", *arguments, "--small", SMALL, "--store", "a", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["problems"] == 2


FULL = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)); os.execv(sys.executable, sys.argv[1:])"


def test_a_full_disk_ends_the_run_and_loses_nothing(command: Command, folder: Path, endpoint: Any) -> None:
    write_problems(
        folder,
        [
            row | {"id": f"{n}{row['id']}", "question": row["question"] + " Think." * 100}
            for n in range(50)
            for row in PROBLEMS
        ],
    )
    arguments = (
        "run",
        "--problems",
        "problems.jsonl",
        "--method",
        "Large",
        "--large",
        f"m@{endpoint.url}",
        "--store",
        "full",
        "--json",
    )
    limited = [sys.executable, "-c", FULL, sys.executable, "-m", "cope", *arguments]
    done = subprocess.run(limited, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stdout
    assert "no room left" in done.stderr
    assert "the same command goes on from there" in done.stderr
    assert "Traceback" not in done.stderr
    kept = json.loads(command("runs", "full", "--json").stdout)[0]["problems"]
    assert kept.endswith("of 200")
    asked = len(endpoint.requests)
    again = command(*arguments)
    assert json.loads(again.stdout)["problems"] == 200
    assert json.loads(again.stdout)["unfinished"] == 0
    assert len(endpoint.requests) - asked <= 200 - int(kept.split()[0])


def test_a_store_of_a_newer_version_is_refused_and_left_untouched(
    command: Command, folder: Path, endpoint: Any
) -> None:
    import sqlite3

    path = experiment(folder, endpoint)
    assert command("run", path, TEST_SERVICE_KEY=KEY).returncode == 0
    database = folder / "store" / "cope.sqlite3"
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA user_version = 99")
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    before = database.read_bytes()
    done = command("run", path, TEST_SERVICE_KEY=KEY)
    assert done.returncode == 2
    assert "newer" in done.stderr
    assert database.read_bytes() == before


def test_a_recording_is_estimated_recorded_and_shown(command: Command, endpoint: Any, folder: Path) -> None:
    endpoint.reply = answer_right
    file = experiment(folder, endpoint, method='name = "COPE"', top="budget_usd = 1.0")
    environment = {"TEST_SERVICE_KEY": KEY}
    asked = ("record", file, "--k", "1,2")
    dry = command(*asked, "--estimate", **environment)
    assert dry.returncode == 0, dry.stderr
    assert "At most" in dry.stdout
    assert endpoint.requests == []
    done = command(*asked, **environment)
    assert done.returncode == 0, done.stderr
    assert "k = 1, 2" in done.stdout
    assert "takes at most" in done.stderr
    assert "4 of 4" in done.stdout
    count = len(endpoint.requests)
    assert command(*asked, **environment).returncode == 0
    assert len(endpoint.requests) == count
    assert "recorded at k = 1" in command("show", "store").stdout
    assert KEY not in done.stdout + done.stderr
    for wrong, message in (
        (("--k", "9"), "k: 9 samples are more than the 2 that are recorded"),
        (("--k", "x"), "--k: expected whole numbers"),
        (("--tau1", "0:1"), "expected a range such as"),
        (("--tau3", "1"), "tau3: COPE has no such threshold"),
        (("--method", "Other"), "no recording fits; there are 'COPE' with seed=0"),
        (("--id", "none"), "no recording fits; there are 'COPE' with seed=0 over 4 problems (id='"),
    ):
        refused = command("sweep", "store", *wrong)
        assert refused.returncode == 2
        assert message in refused.stderr


def test_a_recording_is_swept_from_the_shell(command: Command, endpoint: Any, folder: Path) -> None:
    endpoint.reply = answer_right
    file = experiment(folder, endpoint, method='name = "COPE"')
    assert command("record", file, "--k", "1,2", TEST_SERVICE_KEY=KEY).returncode == 0
    swept = command("sweep", "store", "--tau1", "0:1:1/2", "--tau2", "1/3", "--all")
    assert swept.returncode == 0, swept.stderr
    assert len([line for line in swept.stdout.splitlines() if "1/3" in line]) == 6
    [which] = re.findall(r"id='(\w+)'", command("sweep", "store", "--id", "none").stderr)
    points = json.loads(command("sweep", "store", "--id", which, "--k", "2", "--tau1", "0.5", "--json").stdout)
    assert [(point["k"], point["tau1"]) for point in points] == [(2, 0.5)]
