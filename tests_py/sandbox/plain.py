"""The same verdicts without any sandbox: a plain Python process a program, for comparison. Run it on trusted programs alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence

# Reads {"source", "setup_after", "tests"}; prints a line for how the program ended and one for each of its tests, as they end, then "end". What the
# program prints goes nowhere.
DRIVER = r"""
import json, os, resource, sys
job = json.load(sys.stdin)
resource.setrlimit(resource.RLIMIT_AS, (job["memory_bytes"],) * 2)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
out = os.dup(1)
os.dup2(os.open(os.devnull, os.O_RDWR), 1)
os.dup2(1, 2)
os.dup2(1, 0)
import types
module = types.ModuleType("__main__")
sys.modules["__main__"] = module
def run(text, name):
    try:
        exec(compile(text, name, "exec", 0, True), module.__dict__)
        return "passed"
    except AssertionError:
        return "failed_assertion"
    except MemoryError:
        return "out_of_memory"
    except BaseException as error:
        return "exception"
def say(line):
    os.write(out, line.encode() + b"\n")
try:
    compile(job["source"], "<program>", "exec", 0, True)
    loaded = run(job["source"], "<program>")
except (SyntaxError, ValueError):
    loaded = "syntax_error"
if loaded == "passed" and job["setup_after"]:
    loaded = run(job["setup_after"], "<setup_after>")
say(loaded)
if loaded == "passed":
    for test in job["tests"]:
        say(run(test, "<test>"))
say("end")
os._exit(0)
"""


def verdict(source: str, tests: Sequence[str], setup_after: str, wall_s: float, memory_bytes: int) -> tuple[str, int]:
    """(outcome, tests passed). A process that does not end in time has timed out, one that dies was killed; what it said until then counts."""
    job = {"source": source, "setup_after": setup_after, "tests": list(tests), "memory_bytes": memory_bytes}
    try:
        done = subprocess.run(
            [sys.executable, "-s", "-S", "-c", DRIVER],
            input=json.dumps(job).encode(),
            capture_output=True,
            timeout=wall_s,
            check=False,
            env={"PYTHONHASHSEED": "0", "LANG": "C.UTF-8", "PATH": os.defpath, "TZ": "UTC"},
        )
        said, end = done.stdout.decode().split(), "killed"
    except subprocess.TimeoutExpired as late:
        said, end = (late.stdout or b"").decode().split(), "timed_out_wall"
    said = said[:-1] if said[-1:] == ["end"] else [*said, end]
    return (next((each for each in said if each != "passed"), "passed"), said[1:].count("passed"))
