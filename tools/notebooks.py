"""Executes the notebooks, each in an empty folder, and renders them as HTML. The notebooks themselves stay as they are, without outputs.

A cell that raises fails the whole, and its output is shown.

Usage: python tools/notebooks.py [--out build/notebooks] [--jobs 2] [NAME ...]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

FOLDER = Path(__file__).parent.parent / "notebooks"
CELL_TIMEOUT_S = 1200


def render(path: Path, out: Path) -> str | None:
    """Executes one notebook and writes its HTML; returns what went wrong."""
    began = time.monotonic()
    notebook = nbformat.read(path, as_version=4)
    failed = None
    with tempfile.TemporaryDirectory(prefix="cope-notebook-") as folder:
        client = NotebookClient(
            notebook, timeout=CELL_TIMEOUT_S, kernel_name="python3", resources={"metadata": {"path": folder}}
        )
        try:
            client.execute()
        except CellExecutionError as error:
            failed = str(error)
    body, _ = HTMLExporter().from_notebook_node(notebook)
    # The notebooks refer to each other.
    (out / f"{path.stem}.html").write_text(body.replace(".ipynb", ".html"), encoding="utf-8")
    print(f"notebooks: {path.name}, {time.monotonic() - began:.0f} s{', failed' if failed else ''}", flush=True)
    return failed


def main() -> None:
    """Executes those named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="stems of notebooks; default all")
    parser.add_argument("--out", type=Path, default=Path("build/notebooks"))
    parser.add_argument("--jobs", type=int, default=2, help="notebooks at once")
    options = parser.parse_args()
    paths = sorted(path for path in FOLDER.glob("*.ipynb") if not options.names or path.stem in options.names)
    if not paths:
        sys.exit(f"notebooks: none of {', '.join(options.names)} is in {FOLDER}")
    options.out.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        failures = [failed for failed in pool.map(lambda path: render(path, options.out), paths) if failed]
    if failures:
        sys.exit("\n\n".join(failures))


if __name__ == "__main__":
    main()
