"""COPE: planning cascades of a small and a large language model (arXiv 2506.11578).

    import cope

    with cope.local.pair() as (small, large):   # or cope.Model("gpt-4o-mini"), cope.Model("qwen", base_url="http://localhost:8000/v1")
        problems = cope.datasets.word_problems(100, seed=0)   # or cope.load("problems.jsonl", task="math")
        run = cope.run(cope.methods.COPE(small, large, k=8, thresholds=(0.75, 0.5)), problems, store="runs/first", budget_usd=1.0)
    run        # a table, in a terminal and in a notebook
    run[17]    # everything that happened to one problem

Models and methods: Model, Price, methods (COPE, SmallSingle, SmallMajority, Large, Planned); methods of your own from Cascade, Stage, Draw, Given, Gate.
Problems and tasks: load, stream, Problem, datasets, Task, prompts. Runs: run, arun, open, runs, compare, Run, Trace.
Recordings and sweeps: record, arecord, estimate, open_recording, import_recording, Recording. Local models: local. Errors: errors.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import _core, answers, errors, methods, programs, prompts
from ._import import import_recording
from .cascade import Cascade, Draw, Gate, Given, Stage
from .compare import compare
from .errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    BudgetError,
    ConfigError,
    DataError,
    EndpointError,
    Error,
    RateLimitError,
    StoreError,
)
from .models import Model, Price
from .problems import Problem, load, stream
from .programs import ProgramOfThought
from .prompts import Prompt, PromptSet
from .recording import Recording, arecord, estimate, open_recording, record
from .result import Run, Trace
from .running import arun, run, runs
from .running import open as open
from .tasks import Task

if TYPE_CHECKING:
    from . import datasets, frontier, local, plots, reports, risk, sandbox, stats, sweeps, tables

__version__: str = _core.version

_LAZY = ("datasets", "frontier", "local", "plots", "reports", "risk", "sandbox", "stats", "sweeps", "tables")

# `open` is not here: `from cope import *` must not hide the built-in.
__all__ = [
    "APIConnectionError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "BudgetError",
    "Cascade",
    "ConfigError",
    "DataError",
    "Draw",
    "EndpointError",
    "Error",
    "Gate",
    "Given",
    "Model",
    "Price",
    "Problem",
    "ProgramOfThought",
    "Prompt",
    "PromptSet",
    "RateLimitError",
    "Recording",
    "Run",
    "Stage",
    "StoreError",
    "Task",
    "Trace",
    "answers",
    "arecord",
    "arun",
    "compare",
    "datasets",
    "errors",
    "estimate",
    "frontier",
    "import_recording",
    "load",
    "local",
    "methods",
    "open_recording",
    "plots",
    "programs",
    "prompts",
    "record",
    "recording",
    "reports",
    "risk",
    "run",
    "runs",
    "sandbox",
    "stats",
    "stream",
    "sweeps",
    "tables",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module 'cope' has no attribute {name!r}; there are {', '.join(__dir__())}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", "open"])
