"""Holds the tree to what ARCHITECTURE.md draws.

- `#include "cope/<layer>/..."` only points down the arrows of cpp/cope/CMakeLists.txt (DEPS, and what they name in turn), and at a file that exists.
- Nothing under cpp/cope includes pybind11 or Python.h.
- No file names a path of somebody's machine, a registry's host, a task left undone, or the unrelated package that is called `cope` on PyPI.

Usage: python tools/check_layers.py [ROOT]; prints `file:line: what` for each violation and exits 1 if there is one.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
LAYER = re.compile(r"^cope_layer\((\w+)(?:\s+DEPS\s+([^)]*))?\)", re.MULTILINE)
# Written so that no pattern matches its own text.
FORBIDDEN = {
    re.compile(r"(?<![\w.])/(?:roo[t]|hom[e]|wor[k])/"): "a path of one machine",
    re.compile(r"pypi[.]org|pythonhosted[.]org|deb[.]debian[.]org|/opt/pyp[i]"): "a registry's host",
    re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X])\b"): "a task left undone",
    re.compile(r"pip install (?:-\S+ )*[\"']?cop[e](?![\w-])"): "an unrelated package: the distribution is cope-llm",
}
BINARY = {".gguf", ".parquet", ".png", ".db", ".sqlite"}


def arrows(root: Path) -> dict[str, set[str]]:
    """Each layer with all layers it may include, itself among them."""
    text = (root / "cpp/cope/CMakeLists.txt").read_text(encoding="utf-8")
    direct = {name: set(re.findall(r"\bcope_(\w+)", deps)) for name, deps in LAYER.findall(text)}
    reach: dict[str, set[str]] = {}
    for name, deps in direct.items():  # a layer is declared after what it depends on
        reach[name] = {name}.union(*(reach[dep] for dep in deps))
    return reach


def include_violations(root: Path) -> Iterator[str]:
    """Includes that point up or sideways, at nothing, or at Python."""
    reach = arrows(root)
    core = root / "cpp/cope"
    for path in sorted([*core.rglob("*.h"), *core.rglob("*.cpp")]):
        layer = path.relative_to(core).parts[0]
        place = path.relative_to(root)
        if layer not in reach:
            yield f"{place}:1: layer `{layer}` is not declared in cpp/cope/CMakeLists.txt"
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            target = match[2]
            if target.startswith(("pybind11/", "Python.h")):
                yield f"{place}:{number}: the core knows no Python: {target}"
            if not target.startswith("cope/"):
                continue
            if target.split("/")[1] not in reach[layer]:
                yield f"{place}:{number}: layer `{layer}` may not include {target}; it sees {', '.join(sorted(reach[layer]))}"
            elif not (root / "cpp" / target).exists():
                yield f"{place}:{number}: {target} does not exist"


def files(root: Path) -> list[Path]:
    """The project's files: git's, or all of them where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        return [root / name for name in listed.stdout.decode().split("\0") if name]
    hidden = (".", "build", "__pycache__")
    return [
        path for path in root.rglob("*") if not any(part.startswith(hidden) for part in path.relative_to(root).parts)
    ]


def string_violations(root: Path) -> Iterator[str]:
    """Strings that no file of the project may hold."""
    for path in sorted(files(root)):
        if path.suffix in BINARY or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            for pattern, what in FORBIDDEN.items():
                if match := pattern.search(line):
                    yield f"{path.relative_to(root)}:{number}: {what}: {match[0]}"


def main() -> int:
    """Prints the violations; returns how the process exits."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    found = [*include_violations(root), *string_violations(root)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
