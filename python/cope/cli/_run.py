"""`cope run` and `cope demo`."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import Experiment, model_from_text, parse_experiment, read_file
from ..errors import ConfigError, Error, StoreError
from ._errors import Code, Stop
from ._output import emit, emit_json, note
from ._show import summary

if TYPE_CHECKING:
    from ..result import Run

_READ_TRACES = 200
"""Traces that are read at most to say why problems failed."""

# What a key of the file is called on the command line.
_OPTION = {
    "problems": "--problems",
    "problems.path": "--problems",
    "problems.dataset": "--problems",
    "problems.limit": "--limit",
    "models.small": "--small",
    "models.large": "--large",
    "method.name": "--method",
    "method.k": "--k",
    "method.thresholds": "--thresholds",
    "store": "--store",
    "budget_usd": "--budget-usd",
    "seed": "--seed",
    "task": "--task",
    "prompts": "--prompts",
}


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `cope run` as given; None: not given."""

    problems: str | None = None
    small: str | None = None
    large: str | None = None
    method: str | None = None
    k: int | None = None
    thresholds: str | None = None
    store: Path | None = None
    budget_usd: str | None = None
    seed: int | None = None
    limit: int | None = None
    task: str | None = None
    prompts: str | None = None

    def over(self, data: dict[str, Any], folder: Path) -> dict[str, Any]:
        """What a file in `folder` says, with the options in the place of what they override.

        Options' paths are relative to the shell's folder, and become absolute where that is another than the file's.
        """

        def here(path: str | Path) -> str:
            return str(path if folder == Path() else Path(path).expanduser().absolute())

        told = {
            **data,
            **{
                name: data[name].copy() for name in ("problems", "models", "method") if isinstance(data.get(name), dict)
            },
        }
        for name in ("seed", "budget_usd", "task"):
            if (value := getattr(self, name)) is not None:
                told[name] = value
        if self.store is not None:
            told["store"] = here(self.store)
        if self.prompts is not None:
            told["prompts"] = here(self.prompts) if Path(self.prompts).is_dir() else self.prompts
        if self.problems is not None:
            limit = (
                {"limit": told["problems"]["limit"]}
                if isinstance(told.get("problems"), dict) and "limit" in told["problems"]
                else {}
            )
            shipped = self.problems in ("word_problems", "tiny_functions")
            one = {"dataset": self.problems} if shipped else {"path": here(self.problems)}
            told["problems"] = one | limit
        for name in ("small", "large"):
            if (value := getattr(self, name)) is not None:
                model = model_from_text(value)
                told.setdefault("models", {})[name] = {"gguf": here(value)} if "gguf" in model else model
        if self.limit is not None:
            told.setdefault("problems", {})["limit"] = self.limit
        method = {"name": self.method, "k": self.k, "thresholds": self._thresholds()}
        told["method"] = told.get("method", {}) | {name: value for name, value in method.items() if value is not None}
        return told

    def _thresholds(self) -> list[str] | None:
        return None if self.thresholds is None else [part.strip() for part in self.thresholds.split(",")]


def experiment_of(file: Path | None, options: Options) -> Experiment:
    """The experiment of a file, of options, or of a file with options over it.

    Raises:
        ConfigError: what is wrong, under the name that it has in the file or on the command line.
    """
    given = {item.name for item in fields(options) if getattr(options, item.name) is not None}
    if file is None and not given:
        raise ConfigError(
            "cope run: expected an experiment file, or --problems with --small and --large; `cope init` writes an example, `cope run --help` shows the options"
        )
    data = read_file(file) if file is not None else {"models": {"small": "embedded", "large": "embedded"}}
    if not isinstance(data, dict):
        data = {}
    source = str(file) if file is not None else "cope run"
    folder = file.parent if file is not None else Path()
    try:
        return parse_experiment(options.over(data, folder), source, folder)
    except ConfigError as error:
        raise ConfigError(_as_options(str(error), given, file is not None)) from None


def _as_options(message: str, given: set[str], has_file: bool) -> str:
    """A message about the experiment with the options' names in the place of the keys, where options were given."""

    def named(match: re.Match[str]) -> str:
        option = _OPTION.get(match[2])
        if option is None or (has_file and option[2:].replace("-", "_") not in given):
            return match[0]
        return f"{match[1]}{option}:"

    return re.sub(r"(^|: |\n  )([a-z_]+(?:\.[a-z_]+)*)(?:\[\d+\])?:", named, message)


def default_store(experiment: Experiment, file: Path | None) -> Path:
    """Where a run is kept that names no store: what was paid for is never thrown away."""
    problems = experiment.problems.path or experiment.problems.dataset or ""
    return Path("runs") / (file.stem if file is not None else f"{experiment.method.name}-{Path(problems).stem}")


def run_command(file: Path | None, options: Options, *, as_json: bool, quiet: bool) -> Code:
    """Runs an experiment and prints its table."""
    from ..running import run
    from ._build import build_problems, build_task, built_method

    experiment = experiment_of(file, options)
    problems = build_problems(experiment)
    task = build_task(experiment)
    store = experiment.path(experiment.store) if experiment.store is not None else default_store(experiment, file)
    store = _shortest(store)
    with built_method(experiment) as method:
        try:
            done = run(
                method,
                problems,
                store=store,
                task=task,
                seed=experiment.seed,
                budget_usd=experiment.budget_usd,
                progress=not quiet,
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_interrupted(store)) from None
        except StoreError as error:
            if _opens(store):  # so it is not the store that cannot be used: the run broke off, by a full disk, say
                raise Stop(f"{error}; the same command goes on from there", Code.FAILED) from error
            raise
    if as_json:
        emit_json(done.figures() | {"store": str(store), "run": done.id})
    else:
        emit(summary(done))
    return _verdict(done, store)


def _shortest(path: Path) -> Path:
    """A path relative to the current folder where it lies in it, as a person would write it."""
    try:
        return path.relative_to(Path.cwd()) if path.is_absolute() else path
    except ValueError:
        return path


def _opens(store: Path) -> bool:
    from ..running import open as open_run

    try:
        open_run(store)
    except Error:
        return False
    return True


def _interrupted(store: Path) -> str:
    ended = ""
    try:
        from ..running import open as open_run

        run = open_run(store)
        counts = run.counts
        ended = f" after {counts.problems - counts.unfinished} of {counts.problems} problems"
    except Exception:
        ended = ""  # the message about the interrupt matters more than this figure
    return f"interrupted{ended}. All that was received is kept in {store}: the same command goes on from there; `cope show {store}` shows it."


def _verdict(run: Run, store: Path) -> Code:
    """The exit code of a run that came to its end, with what to do about what is missing."""
    counts = run.counts
    if not counts.failed and not counts.unfinished:
        return Code.OK
    errors: Counter[str] = Counter()
    first: dict[str, str] = {}
    missing = [row["position"] for row in run.rows if row["status"] in ("failed", "unfinished")]
    for position in missing[:_READ_TRACES]:
        trace = run[position]
        found = {
            sample.error: sample.error_message
            for stage in trace.stages
            for draw in stage.draws
            for sample in draw.samples
            if sample.error
        }
        errors.update(found.keys())
        for code, message in found.items():
            first.setdefault(code, f"{trace.id}: {message}")
    for code, times in errors.most_common():
        if code not in ("parent_failed", "cancelled"):
            note(f"cope: {code} in {times} problem{'s' if times > 1 else ''}; {first[code]}")
    if "budget" in errors:
        note(
            f"cope: the budget is exhausted: {counts.unfinished} of {counts.problems} problems are unfinished. "
            "The same command with a higher --budget-usd goes on and pays for nothing twice."
        )
        return Code.BUDGET
    note(
        f"cope: {counts.failed} problems failed and {counts.unfinished} are unfinished; they are not counted as wrong. "
        f"The same command asks for them again; `cope show {store} --trace ID` shows one."
    )
    return Code.FAILED


def demo_command(problems: int, seed: int, task: str, store: Path | None, *, as_json: bool, quiet: bool) -> Code:
    """Runs the demo and prints its tables and one trace."""
    from ..demo import demo

    try:
        shown = demo(problems, seed=seed, task=task, store=store, progress=not quiet)
    except KeyboardInterrupt:
        kept = (
            "nothing is kept (give --store to be able to go on)"
            if store is None
            else f"the same command goes on from {store}"
        )
        raise KeyboardInterrupt(f"interrupted; {kept}.") from None
    if as_json:
        emit_json(
            {"figures": shown.figures, "trace": asdict(shown.trace) if shown.trace else None, "seconds": shown.seconds}
        )
    else:
        emit(shown.table, *((shown.trace_title, repr(shown.trace)) if shown.trace else ()))
    unfinished = any(figures["failed"] or figures["unfinished"] for figures in shown.figures)
    if unfinished:
        raise Stop("some problems failed or are unfinished; see the table", Code.FAILED)
    return Code.OK
