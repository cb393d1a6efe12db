"""Results of a run, read from its store as they are asked for: the whole run as a table, one problem as a trace."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from . import _core
from ._money import PUSD_PER_USD
from .errors import Error
from .problems import can_grade
from .tables import Table, count, percent, usd, usd_per_million
from .trace import Trace, TraceDraw, TraceSample, TraceStage, read_trace

if TYPE_CHECKING:
    from .stats import Interval

__all__ = ["Cost", "Counts", "Run", "Trace", "TraceDraw", "TraceSample", "TraceStage", "Usage"]

_PAGE = 256
_ALL_TRACES = 20_000  # up to so many problems a shown run reads all traces, for tokens and compute


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the problems. A failed or unfinished problem is never counted as wrong.

    Attributes:
        problems: In the set; as many as were begun where the set was streamed.
        answered: With an answer.
        right: Of those, right.
        wrong: Of those, wrong.
        ungraded: Of those, without a gold answer.
        unscored: Ended, but no sample could be scored.
        unscored_with_gold: Of those, with a gold answer or tests: they count in the accuracy, as not right.
        failed: Some request failed for good.
        unfinished: Cut off by the budget or an interruption, or not begun.
    """

    problems: int
    answered: int
    right: int
    wrong: int
    ungraded: int
    unscored: int
    unscored_with_gold: int
    failed: int
    unfinished: int

    @property
    def scored(self) -> int:
        """The accuracy's denominator: right, wrong, and unscored with a gold answer."""
        return self.right + self.wrong + self.unscored_with_gold


@dataclass(frozen=True, slots=True)
class Cost:
    """Money, in 10^-12 USD. None where some reply carried no usage.

    Attributes:
        billed_pusd: What this run paid.
        ideal_pusd: What its answered and unscored problems would have cost had nothing come from the store.
        problems: How many problems `ideal_pusd` is of.
    """

    billed_pusd: int | None
    ideal_pusd: int | None
    problems: int

    @property
    def billed_usd(self) -> float | None:
        """What this run paid, in USD."""
        return None if self.billed_pusd is None else self.billed_pusd / PUSD_PER_USD

    @property
    def ideal_usd(self) -> float | None:
        """The idealised cost, in USD."""
        return None if self.ideal_pusd is None else self.ideal_pusd / PUSD_PER_USD

    @property
    def usd_per_million(self) -> float | None:
        """The idealised cost in USD per million problems, the unit of the paper's tables."""
        if self.ideal_pusd is None or not self.problems:
            return None
        return self.ideal_pusd / self.problems / 1e6


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and compute of a run.

    Attributes:
        tokens: {model's name: (prompt tokens, completion tokens)}.
        samples_from_store: Samples that were found in the store.
        compute_flop: 2 x parameters x tokens; None where parameters are not known.
    """

    tokens: Mapping[str, tuple[int, int]]
    samples_from_store: int
    compute_flop: int | None


class Run:
    """A run of one method over a problem set.

    Shown in a terminal or a notebook it is a table. `run[17]` and `run["problem-id"]` are traces of single problems, `for trace in run` goes through all.
    Nothing is held in memory but a short row a problem; made by `cope.run`, `cope.arun` and `cope.open`.
    """

    def __init__(self, store: _core.Store, run_id: int, samples: _core.Store | None = None) -> None:
        self._store = store
        self._samples = samples or store  # of a replay: the recording's
        self.id = run_id
        self._info: _core.RunRow
        self._rows: list[_core.OutcomeRow] | None = None
        self._usage: Usage | None = None
        self._counts: Counts | None = None
        self.refresh()

    def refresh(self) -> Run:
        """Reads the store anew: another process may still be at work on the run."""
        found = next((row for row in self._store.runs() if row["id"] == self.id), None)
        if found is None:
            raise Error(f"{self._store.directory}: has no run {self.id}")
        self._info = found
        self._manifest: dict[str, Any] = json.loads(found["manifest"])
        self._rows = self._usage = self._counts = None
        return self

    # --- what it is -----------------------------------------------------------------------------------------------

    @property
    def store(self) -> str:
        """The store's folder."""
        return self._store.directory

    @property
    def manifest(self) -> dict[str, Any]:
        """Versions, method, models, prices, prompts, seed, task: enough to read the results and to repeat them."""
        return self._manifest

    @property
    def name(self) -> str:
        """The method's name."""
        return str(self._manifest["method"])

    @property
    def status(self) -> str:
        """How it stands: "running", "finished", "interrupted" or "failed"."""
        return self._info["status"]

    @property
    def rows(self) -> list[_core.OutcomeRow]:
        """One short row a problem, in the order of the set, without traces."""
        if self._rows is None:
            self._rows = self._store.outcomes(self.id)
        return self._rows

    # --- its problems ---------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._info["outcomes"] if self._rows is None else len(self._rows)

    @overload
    def __getitem__(self, which: int | str) -> Trace: ...
    @overload
    def __getitem__(self, which: slice) -> list[Trace]: ...
    def __getitem__(self, which: int | str | slice) -> Trace | list[Trace]:
        if isinstance(which, slice):
            return [self[index] for index in range(*which.indices(len(self)))]
        if isinstance(which, str):
            row = self._store.outcome(self.id, which)
            if row is None:
                raise KeyError(f"no problem {which!r} in this run; ids are such as {self._some_ids()}")
            return self._trace(row)
        length = len(self)
        if not -length <= which < length:
            raise IndexError(f"problem {which}: this run has {length}, from 0 to {length - 1}")
        return self._trace(self._store.outcomes(self.id, offset=which % length, limit=1, trace=True)[0])

    def __iter__(self) -> Iterator[Trace]:
        for row in self._with_traces():
            yield self._trace(row)

    def __contains__(self, identity: object) -> bool:
        return isinstance(identity, str) and self._store.outcome(self.id, identity) is not None

    def _some_ids(self) -> str:
        return ", ".join(repr(row["problem_id"]) for row in self.rows[:3]) or "none"

    def _with_traces(self) -> Iterator[_core.OutcomeRow]:
        offset = 0
        while page := self._store.outcomes(self.id, offset=offset, limit=_PAGE, trace=True):
            yield from page
            offset += len(page)

    def _trace(self, row: _core.OutcomeRow) -> Trace:
        if row["trace"] is None:
            row = self._store.outcomes(self.id, offset=row["position"], limit=1, trace=True)[0]
        assert row["trace"] is not None
        return read_trace(row["trace"], self._manifest, self._samples)

    # --- its figures ----------------------------------------------------------------------------------------------

    @property
    def counts(self) -> Counts:
        """What became of the problems."""
        if self._counts is None:
            self._counts = self._count()
        return self._counts

    def _count(self) -> Counts:
        rows = self.rows
        total = self._manifest["problems"]["count"]
        problems = max(len(rows), total or 0)
        answered = [row for row in rows if row["status"] == "answered"]
        right = sum(row["correct"] is True for row in answered)
        wrong = sum(row["correct"] is False for row in answered)
        unscored = [row for row in rows if row["status"] == "unscored"]
        failed = sum(row["status"] == "failed" for row in rows)
        return Counts(
            problems=problems,
            answered=len(answered),
            right=right,
            wrong=wrong,
            ungraded=len(answered) - right - wrong,
            unscored=len(unscored),
            unscored_with_gold=self._with_gold(unscored),
            failed=failed,
            unfinished=problems - len(answered) - len(unscored) - failed,
        )

    def _with_gold(self, rows: list[_core.OutcomeRow]) -> int:
        problems = self._manifest["problems"]
        if problems["count"] is not None and problems["with_gold"] in (0, problems["count"]):
            return len(rows) if problems["with_gold"] else 0
        return sum(self._can_grade(row["problem_id"]) for row in rows)

    def _can_grade(self, identity: str) -> bool:
        row = self._store.outcome(self.id, identity)
        trace = {} if row is None else json.loads(row["trace"] or "{}")
        return can_grade(trace.get("gold"), trace.get("meta") or {})

    @property
    def accuracy(self) -> float | None:
        """The share of right answers among the problems that ended and have a gold answer, from 0 to 1; None where there are none."""
        counts = self.counts
        return counts.right / counts.scored if counts.scored else None

    @property
    def accuracy_interval(self) -> Interval:
        """Wilson's 95 % interval of the accuracy."""
        from .stats import wilson

        return wilson(self.counts.right, self.counts.scored)

    @property
    def cost(self) -> Cost:
        """What it cost, billed and idealised."""
        ended = [row for row in self.rows if row["status"] in ("answered", "unscored")]
        return Cost(_sum(row["billed_pusd"] for row in self.rows), _sum(row["ideal_pusd"] for row in ended), len(ended))

    @property
    def resolved(self) -> list[int]:
        """How many problems each stage answered."""
        stages = [row["stage"] for row in self.rows if row["status"] == "answered"]
        return [stages.count(index) for index in range(len(self._manifest["cascade"]["stages"]))]

    @property
    def samples(self) -> int:
        """Samples drawn."""
        return sum(row["samples"] for row in self.rows)

    @property
    def saved(self) -> int:
        """Samples not drawn thanks to early stopping, of those that the stages entered would have drawn."""
        return sum(row["saved"] for row in self.rows)

    def usage(self) -> Usage:
        """Returns tokens by model, samples from the store and compute; reads all traces once."""
        if self._usage is None:
            tokens: dict[str, tuple[int, int]] = {}
            from_store, flop = 0, [0]
            unknown = False
            for row in self._with_traces():
                trace = json.loads(row["trace"] or "{}")
                for draw in trace.get("draws", ()):
                    name = self._manifest["models"][draw["model"]]["model"]
                    prompt, completion = tokens.get(name, (0, 0))
                    prompt += sum(sample["prompt_tokens"] for sample in draw["samples"])
                    completion += sum(sample["completion_tokens"] for sample in draw["samples"])
                    tokens[name] = (prompt, completion)
                    from_store += sum(sample["cached"] for sample in draw["samples"])
                if trace.get("compute_flop") is None:
                    unknown = True
                else:
                    flop.append(trace["compute_flop"])
            self._usage = Usage(tokens, from_store, None if unknown else sum(flop))
        return self._usage

    def figures(self) -> dict[str, Any]:
        """Returns the figures as a dict of plain values, for files and further tables."""
        counts, cost, interval = self.counts, self.cost, self.accuracy_interval
        return {
            "method": self.name,
            "status": self.status,
            "problems": counts.problems,
            "accuracy": self.accuracy,
            "accuracy_low": interval.low,
            "accuracy_high": interval.high,
            **{
                name: getattr(counts, name)
                for name in ("right", "wrong", "ungraded", "unscored", "failed", "unfinished")
            },
            "resolved_by_stage": self.resolved,
            "samples": self.samples,
            "saved": self.saved,
            "billed_usd": cost.billed_usd,
            "ideal_usd": cost.ideal_usd,
            "usd_per_million_problems": cost.usd_per_million,
        }

    # --- shown ----------------------------------------------------------------------------------------------------

    def summary(self) -> Table:
        """Returns everything about the run as a table."""
        return self._table(with_traces=True)

    def _table(self, with_traces: bool) -> Table:
        counts, cost = self.counts, self.cost
        rows: list[tuple[str, str]] = [("Status", self._status_text())]
        accuracy = (
            percent(self.accuracy, self.accuracy_interval)
            if counts.scored
            else "no gold answers"
            if counts.ungraded
            else "-"
        )
        rows.append(
            (
                "Accuracy (95 % interval)",
                f"{accuracy}, {counts.right} of {counts.scored}" if counts.scored else accuracy,
            )
        )
        apart = [
            f"{getattr(counts, name)} {name}"
            for name in ("wrong", "ungraded", "unscored", "failed", "unfinished")
            if getattr(counts, name)
        ]
        if apart:
            rows.append(("Not right", ", ".join(apart)))
        stages = [stage["name"] for stage in self._manifest["cascade"]["stages"]]
        if len(stages) > 1:
            shares = [
                f"{name} {number}{_share(number, counts.answered)}"
                for name, number in zip(stages, self.resolved, strict=True)
            ]
            rows.append(("Resolved by", ", ".join(shares)))
        saved = (
            f", {count(self.saved)} saved by early stopping{_share(self.saved, self.saved + self.samples)}"
            if self.saved
            else ""
        )
        rows.append(("Samples", f"{count(self.samples)} drawn{saved}"))
        rows.append(("Cost, billed", usd(cost.billed_pusd)))
        ideal = "- (no problem ended)"
        if cost.problems:
            of = "" if cost.problems == counts.problems else f"{count(cost.problems)} problems that ended, "
            ideal = f"{usd(cost.ideal_pusd)} ({of}{usd_per_million(cost.ideal_pusd, cost.problems)} USD per million problems)"
        rows.append(("Cost, nothing from the store", ideal))
        if with_traces:
            usage = self.usage()
            if usage.samples_from_store:
                rows.append(("From the store", f"{count(usage.samples_from_store)} samples"))
            rows += [
                (f"Tokens, {name}", f"{count(prompt)} in, {count(completion)} out")
                for name, (prompt, completion) in usage.tokens.items()
            ]
            if usage.compute_flop is not None:
                rows.append(("Compute", f"{usage.compute_flop:.3g} FLOP"))
        rows.append(("Store", f"{self.store}, run {self.id}"))
        title = f"{self.name}: {count(counts.problems)} problem{'' if counts.problems == 1 else 's'}"
        return Table(title, ("Measure", "Result"), rows, self._hint())

    def _status_text(self) -> str:
        counts = self.counts
        ended = counts.problems - counts.unfinished
        return (
            self.status
            if not counts.unfinished
            else f"{self.status}, {count(ended)} of {count(counts.problems)} problems ended"
        )

    def _hint(self) -> str:
        counts, hints = self.counts, []
        if counts.unfinished:
            hints.append(
                f"{count(counts.unfinished)} problems are unfinished and not in the accuracy: make the same call again to go on; "
                "where the budget cut them off, with a higher budget_usd."
            )
        elif self.status == "interrupted":
            hints.append("The run was interrupted before the end of its problems: make the same call again to go on.")
        if counts.failed:
            hints.append(
                f"{count(counts.failed)} problems failed and are not in the accuracy: make the same call again to ask for what failed; "
                "run[id] shows the errors."
            )
        return " ".join(hints)

    def __repr__(self) -> str:
        return repr(self._table(len(self) <= _ALL_TRACES))

    def _repr_html_(self) -> str:
        return self._table(len(self) <= _ALL_TRACES)._repr_html_()

    # --- elsewhere ------------------------------------------------------------------------------------------------

    def to_dicts(self) -> list[dict[str, Any]]:
        """Returns one dict a problem: id, question, gold, answer, correct, status, stage (from 0), samples, saved, billed_usd, ideal_usd, meta."""
        found = []
        for row in self._with_traces():
            trace = json.loads(row["trace"] or "{}")
            found.append(
                {
                    "id": row["problem_id"],
                    "question": trace.get("question"),
                    "gold": trace.get("gold"),
                    "answer": trace.get("answer"),
                    "correct": row["correct"],
                    "status": row["status"],
                    "stage": row["stage"],
                    "samples": row["samples"],
                    "saved": row["saved"],
                    "billed_usd": _usd(row["billed_pusd"]),
                    "ideal_usd": _usd(row["ideal_pusd"]),
                    "meta": trace.get("meta", {}),
                }
            )
        return found

    def to_pandas(self) -> Any:
        """Returns a pandas DataFrame of `to_dicts`, with `meta` spread into columns `meta.<name>`; needs pandas."""
        try:
            import pandas
        except ImportError:
            raise Error('to_pandas() needs pandas: pip install "cope-llm[data]"') from None
        rows = self.to_dicts()
        for row in rows:
            row.update({f"meta.{name}": value for name, value in row.pop("meta").items()})
        return pandas.DataFrame(rows)


def _sum(values: Iterator[int | None]) -> int | None:
    found = list(values)
    return None if any(value is None for value in found) else sum(value for value in found if value is not None)


def _usd(pusd: int | None) -> float | None:
    return None if pusd is None else pusd / PUSD_PER_USD


def _share(part: int, whole: int) -> str:
    return f" ({percent(part / whole)})" if whole else ""
