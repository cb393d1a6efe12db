"""The command line as a process: help, completion, small commands, and what reaches a pipe."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COMMANDS = ("run", "record", "sweep", "demo", "show", "runs", "prices", "init", "version")
ESCAPE = "\x1b"


def cope_command(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a process of its own, with its output in pipes; warnings are errors there, too."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "cope", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )


def test_help_names_every_command_and_exit_code(tmp_path: Path) -> None:
    done = cope_command("--help", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    for word in (*COMMANDS, "Exit codes", "130", "cope demo", "--install-completion"):
        assert word in done.stdout
    assert ESCAPE not in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_an_example(tmp_path: Path, command: str) -> None:
    done = cope_command(command, "-h", cwd=tmp_path)
    assert done.returncode == 0
    assert re.search(rf"Examples?:\n +cope {command}", done.stdout)
    assert "pip install" not in done.stdout


def test_help_loads_nothing_that_is_slow_to_load(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "cope", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "cope.cli._app" in loaded
    assert not loaded & {"numpy", "scipy", "rich", "pydantic", "pandas", "xllamacpp", "matplotlib", "yaml"}


def test_no_arguments_show_the_help(tmp_path: Path) -> None:
    done = cope_command(cwd=tmp_path)
    assert done.returncode == 2
    assert "Commands:" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("runn",), "Did you mean 'run'"),
        (("run", "--problms", "x"), "--problems"),
        (("show",), "STORE"),
        (("demo", "--problems", "many"), "--problems"),
        (("demo", "--problems", "0"), "--problems"),
        (("run", "--k"), "--k"),
    ],
)
def test_misuse_is_exit_code_2_with_a_hint(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = cope_command(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(("words", "offered"), [("cope sho", "show"), ("cope run --method Small", "SmallMajority")])
def test_tab_completes_commands_and_methods(tmp_path: Path, words: str, offered: str) -> None:
    count = str(len(words.split()) - 1)
    done = cope_command(cwd=tmp_path, _COPE_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=count)
    assert offered in done.stdout.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_shown_for_each_shell(tmp_path: Path, shell: str) -> None:
    done = cope_command("--show-completion", shell, cwd=tmp_path)
    assert done.returncode == 0
    assert "_COPE_COMPLETE" in done.stdout


def test_version_is_the_packages(tmp_path: Path) -> None:
    import cope

    done = cope_command("version", "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["core"] == cope.__version__
    assert f"core {cope.__version__}" in cope_command("version", cwd=tmp_path).stdout.splitlines()


def test_prices_have_a_date_and_a_unit(tmp_path: Path) -> None:
    done = cope_command("prices", cwd=tmp_path)
    assert done.returncode == 0
    assert "USD per million tokens" in done.stdout
    assert re.search(r"gpt-4o-mini +0\.15 +0\.075 +0\.60", done.stdout)
    assert re.search(r"Read on \d{4}-\d\d-\d\d", done.stdout)
    rows = json.loads(cope_command("prices", "--json", cwd=tmp_path).stdout)
    assert rows["gpt-4o-mini"]["output"] == "0.60"


def test_init_writes_an_example_and_never_over_a_file(tmp_path: Path) -> None:
    done = cope_command("init", "mine.toml", cwd=tmp_path)
    assert done.returncode == 0
    assert "cope run mine.toml" in done.stderr
    written = (tmp_path / "mine.toml").read_bytes()
    assert b"[problems]" in written
    (tmp_path / "mine.toml").write_bytes(b"precious")
    again = cope_command("init", "mine.toml", cwd=tmp_path)
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert (tmp_path / "mine.toml").read_bytes() == b"precious"
    assert cope_command("init", "mine.yaml", cwd=tmp_path).returncode == 2
    assert cope_command("init", "no/such/folder.toml", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize("arguments", [("prices",), ("--help",), ("run", "--help")])
def test_a_reader_that_goes_away_is_no_error_message(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)  # the reader is gone before the first line
    with subprocess.Popen(
        [sys.executable, "-m", "cope", *arguments], cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, text=True
    ) as process:
        os.close(write)
        _, errors = process.communicate(timeout=60)
    assert errors == ""
    assert process.returncode == (1 if "--help" in arguments else 141)  # help is Typer's own to print


def test_text_that_the_terminal_cannot_show_is_shown_as_escapes(tmp_path: Path) -> None:
    done = cope_command("runs", "世界", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert "\\u4e16\\u754c" in done.stderr


def test_a_path_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    done = cope_command("runs", os.fsdecode(b"\xff\xfe"), cwd=tmp_path)
    assert done.returncode == 2
    assert "not UTF-8" in done.stderr


@pytest.mark.parametrize("command", ["show", "runs"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "nowhere"),
        (b"this is no database, but it is long enough to have been one " * 40, "nowhere"),
    ],
)
def test_what_is_no_store_is_refused_and_left_untouched(
    tmp_path: Path, command: str, content: bytes | None, said: str
) -> None:
    store = tmp_path / "nowhere"
    if content is not None:
        store.mkdir()
        for name in ("cope.sqlite3",):
            (store / name).write_bytes(content)
    before: dict[str, Any] = {path.name: path.read_bytes() for path in store.glob("*")}
    done = cope_command(command, "nowhere", cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert {path.name: path.read_bytes() for path in store.glob("*")} == before
    assert store.exists() == (content is not None)
