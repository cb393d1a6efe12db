"""The commands and their options. What they do is in modules that are imported when a command runs."""

# ruff: noqa: D301 - the backspace that click reads as "do not wrap this paragraph" cannot stand in a raw string

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from ._errors import MEANINGS, Code, Stop, report

__all__ = ["run"]

_DEBUG = "--debug"
_debug = False

app = typer.Typer(
    name="cope",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: the same in a terminal, a pipe and a file
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExit codes:\n" + "\n".join(f"  {code.value:>3}  {meaning}" for code, meaning in MEANINGS.items()),
)


def run(arguments: list[str]) -> int:
    """Runs the command line.

    Args:
        arguments: without the program's name.

    Returns:
        The exit code.
    """
    global _debug
    _debug = _DEBUG in arguments  # wherever it stands: it is usually added to the end of a line that failed
    try:
        app(args=[each for each in arguments if each != _DEBUG], prog_name="cope")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _command(name: str) -> Callable[[Callable[..., Code]], Callable[..., None]]:
    """Registers a function that returns an exit code; its errors become one message and theirs."""

    def register(function: Callable[..., Code]) -> Callable[..., None]:
        @functools.wraps(function)
        def guarded(*args: Any, **options: Any) -> None:
            try:
                _check_encoding(options.values())
                code = function(*args, **options)
                sys.stdout.flush()  # here, where a closed pipe is told from other errors
            except BrokenPipeError:
                code = Code.CLOSED_PIPE
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is left in the buffer
            except KeyboardInterrupt as interrupt:
                typer.echo(f"\ncope: {interrupt or 'interrupted'}", err=True)
                code = Code.INTERRUPTED
            except Exception as error:
                code = report(error, _debug)
            raise typer.Exit(int(code))

        app.command(name)(guarded)
        return guarded

    return register


def _check_encoding(values: Iterable[object]) -> None:
    for value in values:
        try:
            str(value).encode()
        except UnicodeEncodeError:
            raise Stop(
                f"{value}: not UTF-8, so it would be another name elsewhere; set LC_ALL=C.UTF-8", Code.MISUSE
            ) from None


@app.callback()
def _top(
    debug: Annotated[bool, typer.Option(_DEBUG, help="Show where an error came from. May stand anywhere.")] = False,
) -> None:
    """Planning cascades of a small and a large language model.

    COPE lets a small model plan and answer several times; only where its answers disagree is a large model asked, for a plan first, for an answer
    last.

    \b
    See it work, on this machine, in a minute and a half:
      cope demo
    Your own problems and models:
      cope run --problems problems.jsonl --small qwen@http://localhost:8000/v1 --large gpt-4o-mini
    """


def _complete_methods() -> list[str]:
    from .. import methods

    return list(methods.__all__)


_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
_Store = Annotated[Path, typer.Argument(metavar="STORE", help="The folder of a store, such as runs/first.")]


@_command("run")
def _run(
    experiment: Annotated[
        Path | None,
        typer.Argument(
            metavar="[EXPERIMENT]", help="A TOML or YAML file; options given beside it go before what it says."
        ),
    ] = None,
    problems: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="JSONL, CSV or Parquet with the fields id, question, answer; or word_problems."
        ),
    ] = None,
    small: Annotated[str | None, typer.Option(metavar="MODEL", help="NAME@URL, NAME, FILE.gguf or embedded.")] = None,
    large: Annotated[str | None, typer.Option(metavar="MODEL", help="Likewise. Default of both: embedded.")] = None,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD",
            help="COPE (default), Large, SmallSingle, SmallMajority.",
            autocompletion=_complete_methods,
        ),
    ] = None,
    k: Annotated[int | None, typer.Option(metavar="K", help="Samples of a vote. Default: 8.")] = None,
    thresholds: Annotated[
        str | None, typer.Option(metavar="T1,T2", help="COPE's gates, such as 0.75,0.5 (default) or 3/4,1/2.")
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where samples and runs are kept. Default: a folder under runs/."),
    ] = None,
    budget_usd: Annotated[
        str | None, typer.Option(metavar="USD", help="The most that the store may ever spend. Default: no limit.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Of everything random. Default: 0.")] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="Only the first N problems.")] = None,
    task: Annotated[
        str | None, typer.Option(metavar="TASK", help="How answers are read and compared. Default: math.")
    ] = None,
    prompts: Annotated[
        str | None,
        typer.Option(metavar="SET", help="Prompt set of the models: paper (default), embedded, or a folder."),
    ] = None,
    json: _Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> Code:
    """Run a method over a problem set.

    The same command on the same store goes on where it was stopped and pays for nothing twice.

    \b
    Examples:
      cope run experiment.toml
      cope run --problems problems.jsonl --small qwen@http://localhost:8000/v1 --large gpt-4o-mini --budget-usd 1
      cope run --problems word_problems --limit 20 --method SmallMajority --k 4
    `cope init` writes an annotated experiment.toml. The key of a hosted model comes from the environment (OPENAI_API_KEY).
    """
    from ._run import Options, run_command

    options = Options(
        problems=problems,
        small=small,
        large=large,
        method=method,
        k=k,
        thresholds=thresholds,
        store=store,
        budget_usd=budget_usd,
        seed=seed,
        limit=limit,
        task=task,
        prompts=prompts,
    )
    return run_command(experiment, options, as_json=json, quiet=quiet)


@_command("record")
def _record(
    experiment: Annotated[
        Path | None, typer.Argument(metavar="[EXPERIMENT]", help="A TOML or YAML file, as of cope run.")
    ] = None,
    k: Annotated[str, typer.Option(metavar="K1,K2", help="Values of k. Default: 1,2,4,8.")] = "1,2,4,8",
    carry: Annotated[
        str, typer.Option(metavar="WHICH", help="Later stages for each plan that these k carry (recorded), or for all.")
    ] = "recorded",
    problems: Annotated[str | None, typer.Option(metavar="FILE", help="As of cope run.")] = None,
    small: Annotated[str | None, typer.Option(metavar="MODEL", help="As of cope run.")] = None,
    large: Annotated[str | None, typer.Option(metavar="MODEL", help="As of cope run.")] = None,
    method: Annotated[str | None, typer.Option(metavar="METHOD", help="As of cope run.")] = None,
    store: Annotated[Path | None, typer.Option(metavar="FOLDER", help="As of cope run.")] = None,
    budget_usd: Annotated[str | None, typer.Option(metavar="USD", help="As of cope run.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="As of cope run.")] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="Only the first N problems.")] = None,
    task: Annotated[str | None, typer.Option(metavar="TASK", help="As of cope run.")] = None,
    prompts: Annotated[str | None, typer.Option(metavar="SET", help="As of cope run.")] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Begin although the estimate is above the budget; stops at the cap.")
    ] = False,
    estimate: Annotated[bool, typer.Option("--estimate", help="Print what it would take, and do nothing.")] = False,
    json: _Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No estimate, no progress bar.")] = False,
) -> Code:
    """Record every stage of a method at several k, to sweep over later.

    The same command on the same store goes on where it was stopped; other values of k are added.

    \b
    Examples:
      cope record experiment.toml --k 1,2,4,8
      cope record --problems word_problems --limit 50 --k 1,2,4 --store runs/recorded
    """
    from ._record import record_command
    from ._run import Options

    options = Options(
        problems=problems,
        small=small,
        large=large,
        method=method,
        k=max((int(part) for part in k.split(",") if part.strip().isdecimal()), default=None),
        store=store,
        budget_usd=budget_usd,
        seed=seed,
        limit=limit,
        task=task,
        prompts=prompts,
    )
    return record_command(experiment, options, k, carry=carry, partial=partial, dry=estimate, as_json=json, quiet=quiet)


@_command("sweep")
def _sweep(
    store: _Store,
    tau1: Annotated[
        str | None,
        typer.Option(
            "--tau1",
            metavar="T1,T2",
            help="Thresholds of stage 1: a list, or a range such as 0:1:1/8. Default: the method's own.",
        ),
    ] = None,
    tau2: Annotated[
        str | None, typer.Option("--tau2", metavar="T1,T2", help="Thresholds of stage 2: likewise.")
    ] = None,
    tau3: Annotated[
        str | None, typer.Option("--tau3", metavar="T1,T2", help="Thresholds of stage 3: likewise.")
    ] = None,
    k: Annotated[str | None, typer.Option(metavar="K1,K2", help="Values of k. Default: those recorded.")] = None,
    method: Annotated[
        str | None, typer.Option(metavar="METHOD", help="Where the store holds recordings of several.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Where the store holds recordings with several seeds.")
    ] = None,
    id: Annotated[
        str | None,
        typer.Option(
            "--id", metavar="ID", help="Where method and seed do not tell recordings apart: the errors list ids."
        ),
    ] = None,
    estimator: Annotated[
        str, typer.Option(metavar="NAME", help="order: samples in sampling order. subsets: expectation over all.")
    ] = "order",
    drop: Annotated[bool, typer.Option("--drop", help="Leave out problems that lack samples.")] = False,
    every: Annotated[bool, typer.Option("--all", help="All points, not only those that no other beats.")] = False,
    json: _Json = False,
) -> Code:
    """Evaluate a recording at every point of a grid: accuracy, cost, shares of the stages.

    \b
    Example:
      cope sweep runs/recorded --tau1 0.5,0.625,0.75 --tau2 0:1:1/4 --k 4,8
    """
    from ._record import sweep_command

    return sweep_command(
        store,
        method,
        seed,
        id,
        k,
        {"tau1": tau1, "tau2": tau2, "tau3": tau3},
        estimator,
        drop=drop,
        every=every,
        as_json=json,
    )


@_command("demo")
def _demo(
    problems: Annotated[int, typer.Option(metavar="N", min=1, max=100_000, help="How many word problems.")] = 100,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Draws the problems and the samples.")] = 0,
    task: Annotated[str, typer.Option(metavar="TASK", help="math: word problems.")] = "math",
    store: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep samples and runs there. Default: nowhere, each demo is live."),
    ] = None,
    json: _Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> Code:
    """Run COPE live on this machine, with a miniature pair of models.

    It compares COPE with the small model alone, its majority vote, and the large model alone. No network, no key, no cost.

    \b
    Example:
      cope demo --problems 50 --store runs/demo
    """
    from ._run import demo_command

    return demo_command(problems, seed, task, store, as_json=json, quiet=quiet)


@_command("show")
def _show(
    store: _Store,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="Number or method of a run. Default: the latest.")
    ] = None,
    problem: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="The trace of the N-th problem, from 0.")
    ] = None,
    trace: Annotated[str | None, typer.Option(metavar="ID", help="The trace of the problem with this id.")] = None,
    json: _Json = False,
) -> Code:
    """Show a stored run, or the whole trace of one problem.

    \b
    Examples:
      cope show runs/first
      cope show runs/first --problem 17
    """
    from ._show import show_command

    return show_command(store, run, problem, trace, as_json=json)


@_command("runs")
def _runs(store: _Store, json: _Json = False) -> Code:
    """List the runs of a store.

    \b
    Example:
      cope runs runs/first
    """
    from ._show import runs_command

    return runs_command(store, as_json=json)


@_command("prices")
def _prices(json: _Json = False) -> Code:
    """Print the dated table of prices that ships with cope.

    \b
    Example:
      cope prices
    """
    from ._show import prices_command

    return prices_command(as_json=json)


@_command("init")
def _init(
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="The file to write.")] = Path("experiment.toml"),
) -> Code:
    """Write an annotated example of an experiment file.

    \b
    Example:
      cope init my-experiment.toml
      cope run my-experiment.toml
    """
    from ._show import init_command

    return init_command(file)


@_command("version")
def _version(json: _Json = False) -> Code:
    """Print the versions of cope and of what it uses.

    \b
    Example:
      cope version
    """
    from ._show import version_command

    return version_command(as_json=json)
