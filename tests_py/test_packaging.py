"""The package as a user gets it, and the tools that hold the tree together."""

import importlib.metadata
import importlib.resources
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cope
from cope import _core

ROOT = Path(__file__).resolve().parent.parent
TOOL = ROOT / "tools" / "check_layers.py"


def check_layers(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(TOOL), str(root)], capture_output=True, text=True, check=False)


def test_version_is_that_of_pyproject_everywhere():
    declared = re.search(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert declared
    assert {importlib.metadata.version("cope-llm"), cope.__version__, _core.version} == {declared[1]}


@pytest.mark.parametrize(
    "name",
    [
        "py.typed",
        "_core.pyi",
        "prices.json",
        "weights/cope-small.gguf",
        "weights/cope-large.gguf",
        "prompts/embedded",
        "prompts/paper",
    ],
)
def test_package_carries_its_data(name: str):
    found = importlib.resources.files("cope").joinpath(name)
    assert found.is_dir() or found.is_file()


def test_installed_command_names_its_subcommands():
    command = shutil.which("cope", path=str(Path(sys.executable).parent))
    assert command, "the entry point `cope` is not installed beside this Python"
    shown = subprocess.run(
        [command, "--help"], capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "120"}
    )
    for word in ("run", "demo", "show"):
        assert word in shown.stdout


def test_extension_exports_no_symbol_but_its_entry():
    if not shutil.which("nm"):
        pytest.skip("nm is not installed")
    symbols = subprocess.run(
        ["nm", "-D", "--defined-only", str(_core.__file__)], capture_output=True, text=True, check=True
    )
    defined = {line.split()[-1] for line in symbols.stdout.splitlines() if " T " in line}
    assert defined == {"PyInit__core"}


def test_the_tree_keeps_its_layers():
    result = check_layers(ROOT)
    assert (result.returncode, result.stdout) == (0, "")


PLANTED = [
    ("cpp/cope/low/a.h", '#include "cope/high/b.h"', "layer `low` may not include cope/high/b.h"),
    ("cpp/cope/low/a.h", '#include "cope/low/absent.h"', "cope/low/absent.h does not exist"),
    ("cpp/cope/low/a.cpp", "#include <pybind11/pybind11.h>", "the core knows no Python"),
    ("cpp/cope/low/a.cpp", '  #  include "Python.h"', "the core knows no Python"),
    ("cpp/cope/stray/c.h", "int x;", "layer `stray` is not declared"),
    ("notes.md", "see /ro" + "ot/notes", "a path of one machine"),
    ("notes.md", "at /ho" + "me/ann/x", "a path of one machine"),
    ("pip.conf", "index-url = https://py" + "pi.org/simple", "a registry's host"),
    ("python/x.py", "# TO" + "DO: later", "a task left undone"),
    ("README.md", "pip install co" + "pe", "the distribution is cope-llm"),
    ("README.md", "pip install -U 'co" + "pe[local]'", "the distribution is cope-llm"),
]


@pytest.mark.parametrize(("path", "line", "said"), PLANTED)
def test_planted_violation_is_found_where_it_is(tmp_path: Path, path: str, line: str, said: str):
    (tmp_path / "cpp/cope/high").mkdir(parents=True)
    (tmp_path / "cpp/cope/CMakeLists.txt").write_text(
        "cope_layer(low DEPS Some::lib)\ncope_layer(high DEPS cope_low)\n"
    )
    (tmp_path / "cpp/cope/high/b.h").write_text(
        '#include "cope/low/fine.h"\n#include "cope/high/b.h"\n#include <vector>\n'
    )
    (tmp_path / "cpp/cope/low").mkdir()
    (tmp_path / "cpp/cope/low/fine.h").write_text("// pip install cope-llm, in work/home/root\n")
    assert check_layers(tmp_path).returncode == 0

    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(f"first line\n{line}\n")
    result = check_layers(tmp_path)
    assert result.returncode == 1
    assert f"{path}:{1 if 'stray' in path else 2}: " in result.stdout
    assert said in result.stdout


def fake_command(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def test_setup_without_rights_names_the_missing_packages_and_stops(tmp_path: Path):
    for name in ("sh", "awk", "dirname"):
        os.symlink(shutil.which(name) or "", tmp_path / name)
    fake_command(tmp_path, "dpkg-query", '[ "$4" = g++ ] && echo "install ok installed"')
    fake_command(tmp_path, "id", "echo 1000")
    fake_command(tmp_path, "apt-get", "echo must not be called >&2; exit 7")
    script = ROOT / "tools" / "system_packages.sh"
    result = subprocess.run(
        [str(script), "build"],
        env={"PATH": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "apt-get install libcurl4-openssl-dev" in result.stderr
    assert "g++" not in result.stderr
    assert "libgtest-dev" not in result.stderr  # nobody asked for the tests
