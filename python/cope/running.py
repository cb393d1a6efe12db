"""Runs: a method over a problem set, with a store. `run`, `arun`, `open`, `runs`."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from . import _core
from ._money import usd_to_pusd
from ._progress import Report, reporting
from .cascade import Cascade
from .errors import ConfigError, DataError
from .models import Secret
from .problems import Problem, ProblemStream, can_grade, fingerprint, load
from .result import Run
from .spec import Compiled, checked_method, compile_method, manifest
from .tables import Table
from .tasks import Task, number_of_text
from .tasks import resolve as resolve_task

if TYPE_CHECKING:
    from ._core import Progress

__all__ = ["arun", "open", "run", "runs"]

_Result = TypeVar("_Result", bound=Sized)


class _Problems:
    """A problem set on its way into a run: how many, its hash, and each problem by id for the user's functions."""

    def __init__(self, source: Any, task: str, remember: bool) -> None:
        self._by_id: dict[str, Problem] = {}
        self._remember = remember
        self.total: int | None = None
        self.sha256: str | None = None
        self.with_gold: int | None = None
        if isinstance(source, ProblemStream):
            self._source: Iterable[Problem] = source
            self.sha256 = source.sha256()
        elif isinstance(source, Iterator):
            self._source = _each_a_problem(source)
        else:
            checked = load(source, task=task)
            self._source = checked
            self.total = len(checked)
            self.with_gold = sum(can_grade(problem.answer, problem.meta) for problem in checked)
            self.sha256 = fingerprint(checked)

    def rows(self) -> Iterator[_core.ProblemRow]:
        """Yields what the native core wants."""
        for problem in self._source:
            if self._remember:
                self._by_id[problem.id] = problem
            yield problem.to_row()

    def facts(self) -> dict[str, Any]:
        """Returns what the manifest says of the set."""
        return {"count": self.total, "with_gold": self.with_gold, "sha256": self.sha256}

    def find(self, identity: str) -> Problem:
        """Returns the problem of an id."""
        return self._by_id[identity]


def _each_a_problem(source: Iterator[Any]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, problem in enumerate(source):
        if not isinstance(problem, Problem):
            raise DataError(
                f"problem {index}: an iterator must give cope.Problem, got {type(problem).__name__}; or pass a list of dicts"
            )
        if problem.id in seen:
            raise DataError(f"problem {index}: the id {problem.id!r} was already used; ids must be unique")
        seen.add(problem.id)
        yield problem
    if not seen:
        raise DataError("the problem set is empty; a run needs at least one problem")


@dataclass
class _Prepared:
    """Everything that a run needs, checked; nothing has been spent."""

    title: str
    spec: str
    keys: list[Secret]
    manifest: str
    problems: _Problems
    callbacks: dict[str, Any]
    store: _core.Store
    temporary: tempfile.TemporaryDirectory[str] | None

    def discard(self) -> None:
        """Closes the store, and removes it if it is a temporary one."""
        _discard(self.store, self.temporary)


def _discard(store: _core.Store, temporary: tempfile.TemporaryDirectory[str] | None) -> None:
    store.close()
    if temporary is not None:
        temporary.cleanup()


def _prepare(
    method: Cascade,
    problems: Any,
    *,
    store: str | Path | None,
    task: Task | str,
    seed: int,
    budget_usd: Any,
    window: int | None,
    early_stop: bool | None,
    check: bool,
) -> _Prepared:
    method = checked_method(method)
    if early_stop is not None:
        method = method.with_early_stop(early_stop)
    compiled = compile_method(method, task=task, seed=seed, window=window)
    resolved = resolve_task(task)
    keys = [model.resolved_key() for model in method.models]
    cap = None if budget_usd is None or budget_usd == math.inf else usd_to_pusd(budget_usd, "budget_usd")
    needs_problems = bool(resolved.fingerprints() or compiled.gate_functions)
    loaded = _Problems(problems, resolved.name, needs_problems)
    # The problem set is part of what makes two runs the same: another set is another run, and finds the samples of the first in the store.
    compiled.spec["task"]["problems_sha256"] = loaded.sha256 or "stream"
    spec = json.dumps(compiled.spec)
    _core.validate(spec)
    callbacks = callbacks_of(compiled, resolved, loaded.find)
    temporary = tempfile.TemporaryDirectory(prefix="cope-run-") if store is None else None
    directory = temporary.name if temporary is not None else folder_of(store)
    described = json.dumps(manifest(method, compiled, resolved, loaded.facts(), budget_usd), ensure_ascii=False)
    opened = _core.Store.open(directory, mode="create", durable=temporary is None)
    prepared = _Prepared(method.name, spec, keys, described, loaded, callbacks, opened, temporary)
    try:
        if budget_usd is not None:
            opened.set_cap(cap)
        if check:
            check_endpoints(compiled.spec["models"], keys)
    except BaseException:
        prepared.discard()
        raise
    return prepared


def callbacks_of(compiled: Compiled, task: Task, find: Callable[[str], Problem]) -> dict[str, Any]:
    """Returns the functions of task, gates and prompts as the native core calls them; `find` finds a problem by its id."""
    callbacks = task.callbacks(find)
    cascade = compiled.spec["cascade"]
    if compiled.gate_functions:
        callbacks["gate"] = {
            index: number_of_text(call, find, f"{cascade['name']}, {cascade['stages'][index]['name']}, gate function")
            for index, call in compiled.gate_functions.items()
        }
    if compiled.prompt_functions:
        callbacks["prompt"] = dict(compiled.prompt_functions)
    return callbacks


def folder_of(store: Any) -> str:
    """Returns a store's folder as text.

    Raises:
        ConfigError: It is none.
    """
    if not isinstance(store, (str, Path)) or not str(store).strip():
        raise ConfigError(f"store: expected a folder such as 'runs/first', got {store!r}")
    return str(Path(store).expanduser())


def check_endpoints(models: Sequence[Mapping[str, Any]], keys: Sequence[Secret]) -> None:
    """Asks each endpoint whether it is there, takes the key and knows the model.

    Raises:
        EndpointError: The first that does not.
    """
    asked = {(entry["base_url"], entry["model"]): (entry, key) for entry, key in zip(models, keys, strict=True)}
    with ThreadPoolExecutor(len(asked), thread_name_prefix="cope-check") as pool:
        for check in [
            pool.submit(_core.check_endpoint, json.dumps(entry), key.reveal()) for entry, key in asked.values()
        ]:
            check.result()


def _go(prepared: _Prepared, progress: bool | Report, cancel: _core.CancelToken | None) -> Run:
    latest: list[Progress] = []
    with reporting(progress, prepared.title, prepared.problems.total) as report:

        def keep(now: Progress) -> None:
            latest[:] = [now]
            if report is not None:
                report(now)

        try:
            run_id, _ = _core.run(
                prepared.spec,
                keys=[key.reveal() for key in prepared.keys],
                store=prepared.store,
                problems=prepared.problems.rows(),
                manifest=prepared.manifest,
                callbacks=prepared.callbacks or None,  # type: ignore[arg-type]
                on_progress=keep,
                cancel=cancel,
            )
        except KeyboardInterrupt:
            done = latest[0]["done"] if latest else 0
            total = f" of {prepared.problems.total}" if prepared.problems.total is not None else ""
            where = prepared.store.directory
            kept = (
                f"what was received is in the store {where}: make the same call again to go on, or cope.open({where!r}) to look at it"
                if prepared.temporary is None
                else 'nothing is kept, because the run had no store; pass store="runs/first" to be able to go on'
            )
            prepared.discard()
            raise KeyboardInterrupt(f"interrupted after {done}{total} problems; {kept}") from None
        except BaseException:
            prepared.discard()
            raise
    opened = Run(prepared.store, run_id)
    if prepared.temporary is not None:
        weakref.finalize(opened, _discard, prepared.store, prepared.temporary)
    return opened


def run(
    method: Cascade,
    problems: Any,
    *,
    store: str | Path | None = None,
    task: Task | str = "math",
    seed: int = 0,
    budget_usd: Any = None,
    progress: bool | Report = True,
    early_stop: bool | None = None,
    window: int | None = None,
    check: bool = True,
) -> Run:
    """Runs a method over a problem set.

    Every sample is durable in the store before it is used. The same call on the same store goes on where it stopped and pays for nothing twice.

    Args:
        method: A cascade, such as `cope.methods.COPE(small, large)`.
        problems: A list of Problem, anything that `cope.load` takes, a `cope.stream`, or an iterator of Problem (whose set is not part of what makes two
            runs the same).
        store: A folder for samples, runs and money. Default: a temporary one, gone with the returned Run.
        task: "math", or a Task with functions of your own.
        seed: Of all randomness, the seeds sent to models included.
        budget_usd: Hard cap on what the store may spend, over all its runs and processes, in USD; kept exactly. None leaves the store's cap as it is (none at
            first); math.inf lifts it.
        progress: True shows a bar in a terminal or notebook; a function is called with each `Progress` (a dict), about ten times a second.
        early_stop: True or False overrides the method's own setting.
        window: Problems in flight at once. Default: 1024.
        check: Ask each endpoint once, before anything is spent, whether it is there, takes the key and knows the model.

    Returns:
        The run: a table when shown, `run[17]` for the trace of one problem.

    Raises:
        ConfigError: A method, model, price, prompt or argument that cannot work.
        DataError: Problems that cannot be read.
        EndpointError: An endpoint that is down, refuses the key or does not know the model.
        StoreError: A store that cannot be used.
        KeyboardInterrupt: Ctrl-C; the message says how to go on. Nothing received is lost.

    Example:
        >>> run = cope.run(cope.methods.COPE(small, large), problems, store="runs/first", budget_usd=1.0)  # doctest: +SKIP
    """
    prepared = _prepare(
        method,
        problems,
        store=store,
        task=task,
        seed=seed,
        budget_usd=budget_usd,
        window=window,
        early_stop=early_stop,
        check=check,
    )
    return _go(prepared, progress, None)


async def arun(
    method: Cascade,
    problems: Any,
    *,
    store: str | Path | None = None,
    task: Task | str = "math",
    seed: int = 0,
    budget_usd: Any = None,
    progress: bool | Report = True,
    early_stop: bool | None = None,
    window: int | None = None,
    check: bool = True,
) -> Run:
    """`run` for a running event loop, such as a notebook's: `await cope.arun(...)`.

    The loop stays free. Cancelling the task stops the run and loses nothing. Functions of your own are called on another thread.

    Args:
        method: See `run`.
        problems: See `run`.
        store: See `run`.
        task: See `run`.
        seed: See `run`.
        budget_usd: See `run`.
        progress: See `run`.
        early_stop: See `run`.
        window: See `run`.
        check: See `run`.

    Returns:
        The run.

    Raises:
        asyncio.CancelledError: The task was cancelled; what was received is in the store.

    Example:
        >>> run = await cope.arun(cope.methods.COPE(small, large), problems)  # doctest: +SKIP
    """
    cancel = _core.CancelToken()

    def work() -> Run:
        prepared = _prepare(
            method,
            problems,
            store=store,
            task=task,
            seed=seed,
            budget_usd=budget_usd,
            window=window,
            early_stop=early_stop,
            check=check,
        )
        return _go(prepared, progress, cancel)

    return await in_thread(work, cancel)


@contextmanager
def _interrupts(cancel: _core.CancelToken) -> Iterator[threading.Event]:
    """Ctrl-C cancels the token at once and sets the event, then does what it did before (asyncio.run and notebook kernels cancel the task that awaits).

    Python's own handler alone is replaced: it would raise KeyboardInterrupt in the midst of the event loop. The event is what remains where a kernel's
    cancellation does not reach the cell that awaits (seen with ipykernel 7).
    """
    interrupted = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield interrupted
        return

    def handle(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        cancel.cancel()
        if before is not signal.default_int_handler:
            before(number, frame)

    signal.signal(signal.SIGINT, handle)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


async def in_thread(work: Callable[[], _Result], cancel: _core.CancelToken) -> _Result:
    """Awaits work in a thread of its own; a cancellation cancels the token, waits for the thread to end, and goes on upwards."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_Result] = loop.create_future()

    def settle(result: _Result | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        elif result is not None:
            done.set_result(result)

    def body() -> None:
        try:
            result: tuple[_Result | None, BaseException | None] = (work(), None)
        except BaseException as error:
            result = (None, error)
        loop.call_soon_threadsafe(settle, *result)

    thread = threading.Thread(target=body, name="cope-arun")
    thread.start()
    with _interrupts(cancel) as interrupted:
        try:
            result = await asyncio.shield(done)
        except asyncio.CancelledError:
            cancel.cancel()
            while not done.done():
                await asyncio.wait([done])
            done.exception()
            raise
    if interrupted.is_set():
        raise KeyboardInterrupt(
            f"interrupted after {len(result)} problems; a call that was given a store goes on from there when it is made again"
        )
    return result


def open(store: str | Path, run: int | str | None = None) -> Run:
    """Opens a finished or interrupted run of a store.

    Args:
        store: The folder.
        run: Its number, or the method's name (the latest of that name). Default: the latest run.

    Returns:
        The run, read from the store as it is asked for.

    Raises:
        StoreError: No such store, or one that cannot be read.
        ConfigError: No such run; the error lists those there are.

    Example:
        >>> cope.open("runs/first")  # doctest: +SKIP
    """
    opened = _core.Store.open(folder_of(store), mode="read")
    rows = opened.runs()
    if not rows:
        raise ConfigError(f"{store}: holds no run yet")
    if run is None:
        return Run(opened, max(rows, key=lambda row: (row["started_unix_ms"], row["id"]))["id"])
    names = {row["id"]: str(json.loads(row["manifest"]).get("method", "")) for row in rows}
    found = [row for row in rows if run in (row["id"], names[row["id"]])]
    if not found:
        there = ", ".join(f"{number} ({name})" for number, name in names.items())
        raise ConfigError(f"{store}: has no run {run!r}; there are {there}")
    return Run(opened, max(found, key=lambda row: (row["started_unix_ms"], row["id"]))["id"])


def runs(store: str | Path) -> Table:
    """Lists the runs of a store.

    Args:
        store: The folder.

    Returns:
        A table, oldest first: number, method, status, problems, when it started.

    Raises:
        StoreError: No such store, or one that cannot be read.

    Example:
        >>> cope.runs("runs/first")  # doctest: +SKIP
    """
    from datetime import datetime, timezone

    opened = _core.Store.open(folder_of(store), mode="read")
    try:
        rows = opened.runs()
    finally:
        opened.close()
    cells = []
    for row in rows:
        manifest = json.loads(row["manifest"])
        started = datetime.fromtimestamp(row["started_unix_ms"] / 1000, tz=timezone.utc)
        total = manifest.get("problems", {}).get("count")
        cells.append(
            (
                row["id"],
                manifest.get("method", ""),
                row["status"],
                f"{row['outcomes']} of {total}" if total is not None else row["outcomes"],
                f"{started:%Y-%m-%d %H:%M:%S} UTC",
            )
        )
    return Table(f"Runs in {store}", ("Run", "Method", "Status", "Problems", "Started"), cells)
