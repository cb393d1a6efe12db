"""Sweeps: every point of a grid over k and the thresholds of a recorded method, evaluated at once. Made by `Recording.sweep`.

    sweep = recording.sweep(k=[4, 8], tau1=[0.5, 0.75], tau2=["1/3", 0.5])
    sweep                                              # a table
    sweep.accuracy[1, 0, 1]                            # at k = 8, tau1 = 1/2, tau2 = 1/2: axes in the order of sweep.axes
    sweep.at(k=8, tau1=0.75, tau2=0.5).stage           # which stage ended each problem

Costs are those without early stopping: of all k samples of every stage that a problem enters, as if nothing came from a store.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._money import exact
from .errors import ConfigError, DataError, Error
from .stats import Interval, Resampled, weights, wilson
from .tables import UNKNOWN, Column, Table, axis_value, percent, settings_text, some

if TYPE_CHECKING:
    from ._sweeping import Inputs
    from .frontier import Front
    from .result import Run
    from .risk import Choice, Risk, Testing

__all__ = ["Sweep", "SweepBootstrap", "SweepPoint"]

Axes = Mapping[str, tuple[Any, ...]]
Estimator = Literal["order", "subsets"]

_THRESHOLDED = ("consensus", "perplexity", "score", "custom")
_MEASURED = ("passed", "perplexity", "score")
_ROWS = 24
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """One point of a sweep, problem by problem.

    Attributes:
        settings: {axis: value}.
        problems: The problems' ids, in the order of the arrays.
        correct: Shape (problems,): 1 right, 0 not; with estimator "subsets" the probability.
        unscored: Shape (problems,): 1 where nothing could be scored; likewise. Those are not right.
        stage: int64, shape (problems,): the stage that ended the problem, from 0. None with estimator "subsets"; see `resolved`.
        resolved: Shape (problems, stages): 1 for that stage; with estimator "subsets" probabilities.
        cost_pusd: Shape (problems,), 10^-12 USD, without early stopping. None where some reply had no usage.
        stage_names: The stages' names.
    """

    settings: Mapping[str, Any]
    problems: tuple[str, ...]
    correct: NDArray[Any]
    unscored: NDArray[Any]
    stage: NDArray[np.int64] | None
    resolved: NDArray[Any]
    cost_pusd: NDArray[Any] | None
    stage_names: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        """The share of right answers, from 0 to 1."""
        return float(self.correct.mean())

    @property
    def accuracy_interval(self) -> Interval | None:
        """Wilson's 95 % interval of the accuracy; None with estimator "subsets", whose values are no counts: use `Sweep.bootstrap`."""
        return None if self.stage is None else wilson(int(self.correct.sum()), len(self.correct))

    @property
    def cost_usd_per_million(self) -> float | None:
        """USD per million problems."""
        return None if self.cost_pusd is None else float(self.cost_pusd.mean()) / 1e6

    @property
    def shares(self) -> NDArray[np.float64]:
        """Shape (stages,): the share of the problems that each stage ended."""
        return np.asarray(self.resolved.mean(axis=0), np.float64)

    def __repr__(self) -> str:
        return repr(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()

    def _table(self) -> Table:
        ended = ", ".join(
            f"{name} {percent(share)}" for name, share in zip(self.stage_names, self.shares.tolist(), strict=True)
        )
        rows = [
            (
                "Accuracy" + (" (95 % interval)" if self.stage is not None else ""),
                percent(self.accuracy, self.accuracy_interval),
            ),
            ("Ended by", ended),
            ("Unscored", f"{float(self.unscored.sum()):g}"),
            ("USD per million problems", _dollars(self.cost_usd_per_million)),
        ]
        return Table(f"{settings_text(self.settings)}: {len(self.problems)} problems", ("Measure", "Result"), rows)


@dataclass(frozen=True, slots=True)
class SweepBootstrap:
    """Accuracy and cost of every point on resampled problem sets, the same sets for all points. Made by `Sweep.bootstrap`.

    Attributes:
        accuracy: Means and their resampled means, of the shape of the grid; shares from 0 to 1.
        cost_usd_per_million: The same of the cost, in USD per million problems. None where it is not known.
    """

    accuracy: Resampled
    cost_usd_per_million: Resampled | None


@dataclass(frozen=True, repr=False)
class Sweep:
    """All points of a grid, of one recording.

    Attributes:
        name: The method's name.
        axes: {"k": values, "tau1": thresholds as fractions, ...}, in the order of the arrays' axes.
        problems: Ids of the problems swept over.
        stage_names: The stages' names.
        correct: Shape (k, tau1, ...): problems answered right; int64, with estimator "subsets" float64 expectations.
        unscored: Shape (k, tau1, ...): problems of which nothing could be scored; they are not right.
        cost_pusd: Shape (k, tau1, ...), 10^-12 USD over all problems, without early stopping. None where some reply had no usage.
        resolved: Shape (k, tau1, ..., stages): problems that each stage ended, the unscored among the last's.
        estimator: "order" (the samples in sampling order) or "subsets" (the expectation over ordered choices of k of them).
        conditional: Whether the expectation takes the carried plans as given.
        dropped: {reason: ids of problems that were left out for it}.
        seed: Of the recording.
    """

    name: str
    axes: Axes
    problems: tuple[str, ...]
    stage_names: tuple[str, ...]
    correct: NDArray[Any]
    unscored: NDArray[Any]
    cost_pusd: NDArray[Any] | None
    resolved: NDArray[Any]
    estimator: Estimator
    conditional: bool
    dropped: Mapping[str, tuple[str, ...]]
    seed: int
    _inputs: Inputs = field(repr=False)

    # --- figures --------------------------------------------------------------------------------------------------

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Shape (k, tau1, ...): the share of right answers, from 0 to 1."""
        return np.asarray(self.correct / len(self.problems), np.float64)

    @property
    def cost_usd_per_million(self) -> NDArray[np.float64] | None:
        """Shape (k, tau1, ...): USD per million problems, without early stopping. None where some reply had no usage."""
        return None if self.cost_pusd is None else np.asarray(self.cost_pusd / len(self.problems) / 1e6, np.float64)

    @property
    def shares(self) -> NDArray[np.float64]:
        """Shape (k, tau1, ..., stages): the share of the problems that each stage ended."""
        return np.asarray(self.resolved / len(self.problems), np.float64)

    def points(self) -> list[dict[str, Any]]:
        """Returns the settings of all points, in the order of the flattened arrays: [{"k": 4, "tau1": Fraction(1, 2), ...}, ...]."""
        return [dict(zip(self.axes, values, strict=True)) for values in itertools.product(*self.axes.values())]

    def at(self, **settings: Any) -> SweepPoint:
        """Returns one point, problem by problem.

        Args:
            **settings: A value of each axis, as `k=8, tau1=0.75`; an axis of one value may be left out.

        Raises:
            ConfigError: No such axis or value; the error lists those there are.

        Example:
            >>> sweep.at(k=8, tau1=0.75, tau2=0.5).accuracy  # doctest: +SKIP
        """
        index = self.index(settings)
        chosen = {name: values[i] for (name, values), i in zip(self.axes.items(), index, strict=True)}
        each = self._inputs.only(index).problems()
        shape = (len(self.problems),)
        resolved = each["resolved"].reshape(*shape, -1)
        return SweepPoint(
            settings=chosen,
            problems=self.problems,
            correct=each["correct"].reshape(shape),
            unscored=each["unscored"].reshape(shape),
            stage=resolved.argmax(axis=1) if self.estimator == "order" else None,
            resolved=resolved,
            cost_pusd=each["cost_pusd"].reshape(shape) if self.cost_pusd is not None else None,
            stage_names=self.stage_names,
        )

    def index(self, settings: Mapping[str, Any]) -> tuple[int, ...]:
        """Returns where a point is in the arrays: an index for each axis.

        Args:
            settings: {axis: value}; an axis of one value may be left out.

        Raises:
            ConfigError: No such axis or value; the error lists those there are.
        """
        if unknown := set(settings) - set(self.axes):
            raise ConfigError(f"at: no axis {sorted(unknown)[0]!r}; there are {', '.join(self.axes)}")
        index = []
        for name, values in self.axes.items():
            if name not in settings:
                if len(values) > 1:
                    raise ConfigError(f"at, {name}: expected one of {_list(values)}")
                index.append(0)
                continue
            wanted = settings[name] if name == "k" else exact(settings[name], f"at, {name}")
            if wanted not in values:
                raise ConfigError(f"at, {name}: {settings[name]} is not in the sweep; there are {_list(values)}")
            index.append(values.index(wanted))
        return tuple(index)

    def gate(self, axis: str, k: int) -> tuple[Mapping[str, Any], int]:
        """Returns the gate whose thresholds an axis holds, and how many samples it looks at where the sweep's k is `k`."""
        stage = self._inputs.stages[self._inputs.axes[list(self.axes).index(axis) - 1]]
        return stage["gate"], k if stage.get("uses_k", True) else stage["classes"].shape[2]

    def last_stage_correct(self) -> NDArray[np.float64] | None:
        """Shape (problems,): whether the last stage alone is right.

        None where it draws several samples, or is given a plan that an earlier stage carries: it is then no model alone.
        """
        last = self._inputs.stages[-1]
        alone = last["correct"].shape[1:] == (1, 1) and "variant" not in last
        return last["correct"][:, 0, 0].astype(np.float64) if alone else None

    def per_problem(self) -> _core.SweepProblems:
        """Returns what each problem contributes to each point: the arrays of the sweep with an axis of problems before the others.

        Their size is problems x points; `bootstrap` and `at` do without.
        """
        return self._inputs.problems()

    def bootstrap(self, resamples: int = 1000, seed: int = 0) -> SweepBootstrap:
        """Evaluates the grid on resampled problem sets, the same sets for all points.

        Args:
            resamples: How many problem sets are drawn, with replacement, each as large as the given one.
            seed: Of the draws; sweeps over the same problems that are given the same seed are paired.

        Returns:
            Resampled means, with `interval()` and `band()`.

        Raises:
            ValueError: `resamples` below 1.

        Example:
            >>> low, high = sweep.bootstrap().accuracy.interval(0.95)  # doctest: +SKIP
        """
        drawn = self._inputs.bootstrap(weights(len(self.problems), resamples, seed=seed))
        cost = self.cost_usd_per_million
        return SweepBootstrap(
            Resampled(self.accuracy, drawn["correct"]),
            None if cost is None else Resampled(cost, drawn["cost_pusd"] / 1e6),
        )

    def best(self, *, max_cost_usd_per_million: float | None = None) -> SweepPoint:
        """Returns the most accurate point, of equally accurate ones the cheapest, of equally cheap ones the first.

        It is the best on these problems, and so looks better than it is: `choose` gives a guarantee.

        Args:
            max_cost_usd_per_million: The most that it may cost, in USD per million problems. Default: no limit.

        Raises:
            ConfigError: No point is that cheap, or costs are not known.
        """
        cost = self.cost_usd_per_million
        if cost is None and max_cost_usd_per_million is not None:
            raise ConfigError("max_cost_usd_per_million: costs are not known, because some reply had no usage")
        costs = np.zeros(self.accuracy.size) if cost is None else cost.ravel()
        within = np.arange(len(costs))
        if max_cost_usd_per_million is not None:
            within = np.flatnonzero(costs <= max_cost_usd_per_million)
            if not len(within):
                raise ConfigError(
                    f"max_cost_usd_per_million: no point costs at most {max_cost_usd_per_million:g}; the cheapest costs {costs.min():g}"
                )
        order = np.lexsort((costs[within], -self.accuracy.ravel()[within]))
        return self.at(**self.points()[int(within[order[0]])])

    def front(self, *, confidence: float = 0.95, resamples: int = 1000, seed: int = 0) -> Front:
        """Returns the Pareto front of the points, with bootstrap intervals, its band, the area under it and AIQ.

        Args:
            confidence: Level of the intervals, between 0 and 1.
            resamples: How many problem sets are drawn.
            seed: Of the draws.

        Returns:
            The front: see `cope.frontier.Front`; its `points` are indices into `points()`.

        Raises:
            ConfigError: `confidence` is not between 0 and 1.
            DataError: Costs are not known.

        Example:
            >>> sweep.front().aiq  # doctest: +SKIP
        """
        from .frontier import front

        drawn = self.bootstrap(resamples, seed)
        if drawn.cost_usd_per_million is None:
            raise DataError(
                "front: costs are not known, because some reply had no usage, so there is no curve of cost against accuracy"
            )
        return front(drawn.cost_usd_per_million, drawn.accuracy, confidence=confidence)

    def choose(
        self,
        *,
        max_error: float | None = None,
        max_cost_usd_per_million: float | None = None,
        confidence: float = 0.9,
        risk: Risk = "error among accepted",
        reference: Run | None = None,
        testing: Testing = "holm",
        splits: int = 200,
        seed: int = 0,
    ) -> Choice:
        """Chooses a point with a guarantee: on problems like these, but not recorded, its risk or cost stays within the limits. See `cope.risk.choose`.

        Points that decide alike, because their thresholds lie between the same counts of votes, are tested as one.

        Args:
            max_error: The most risk, between 0 and 1; the choice is then the cheapest point that holds.
            max_cost_usd_per_million: The most mean cost, in USD per million problems; the choice is then the most accurate point that holds.
            confidence: The guarantee's probability.
            risk: "error among accepted": of the problems answered before the last stage, the share that is wrong. "loss against large": the accuracy given away
                against the large model alone.
            reference: Of "loss against large": a run of the large model over the same problems. Default: the last stage alone, where it is one sample that is
                given no carried plan.
            testing: "holm", "bonferroni" or "split"; the last for grids of hundreds of points.
            splits: Random halves on which the naive choice is tried.
            seed: Of the splits.

        Returns:
            The choice; `choice.settings` are its point's {axis: value}, for `at`.

        Raises:
            ConfigError: An argument out of range, expected values (estimator "subsets") where outcomes are needed, a reference that is missing.
            DataError: Costs are not known, or the reference lacks a problem.

        Source:
            Learn then Test (arXiv 2110.01052).

        Example:
            >>> sweep.choose(max_error=0.1, confidence=0.9)  # doctest: +SKIP
        """
        from ._choosing import choose_point

        return choose_point(
            self,
            max_error=max_error,
            max_cost_usd_per_million=max_cost_usd_per_million,
            confidence=confidence,
            risk=risk,
            reference=reference,
            testing=testing,
            splits=splits,
            seed=seed,
        )

    # --- shown and elsewhere --------------------------------------------------------------------------------------

    def summary(self, rows: int = _ROWS) -> Table:
        """Returns the points as a table: all of them, or where there are more than `rows` those that no other beats in accuracy and cost."""
        from .frontier import pareto

        cost, accuracy = self.cost_usd_per_million, self.accuracy.ravel()
        shown = list(range(len(accuracy)))
        caption = self._caption()
        if len(shown) > rows:
            costs = np.zeros(len(accuracy)) if cost is None else cost.ravel()
            shown = pareto(costs, accuracy).tolist()
            total = len(accuracy)
            caption += f" Of {total:,} points the {len(shown)} that no other beats in accuracy and cost."
            if len(shown) > rows:
                shown = [shown[i] for i in np.linspace(0, len(shown) - 1, rows).round().astype(int)]
                caption += f" {rows} of them are shown."
        points = self.points()
        shares = self.shares.reshape(len(points), -1)
        flat = None if cost is None else cost.ravel()
        cells = [
            (
                *(axis_value(value) for value in points[i].values()),
                percent(float(accuracy[i])),
                _dollars(None if flat is None else float(flat[i])),
                *(percent(share) for share in shares[i].tolist()),
            )
            for i in shown
        ]
        columns = [
            *(Column(name, right=True) for name in self.axes),
            Column("Accuracy", right=True),
            Column("USD per million problems", right=True),
            *(Column(name, right=True) for name in self.stage_names),
        ]
        return Table(f"{self.name}, swept: {len(self.problems):,} problems", columns, cells, caption)

    def _caption(self) -> str:
        how = {
            "order": "Samples in sampling order",
            "subsets": "Expectation over ordered choices of k of the recorded samples"
            + (", given the plans carried in sampling order" if self.conditional else ""),
        }[self.estimator]
        caption = (
            f"{how}; costs without early stopping; shares of the problems that each stage ended; seed {self.seed}."
        )
        for reason, ids in self.dropped.items():
            caption += f" Left out: {some(ids)}: {reason}."
        return caption

    def __repr__(self) -> str:
        return repr(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def to_dicts(self) -> list[dict[str, Any]]:
        """Returns one dict a point: k, tau1, ... (floats), accuracy, correct, unscored, cost_usd_per_million, share_1, share_2, ..."""
        cost = self.cost_usd_per_million
        shares = self.shares.reshape(len(self.accuracy.ravel()), -1)
        rows = []
        for i, point in enumerate(self.points()):
            rows.append(
                {
                    **{name: value if name == "k" else float(value) for name, value in point.items()},
                    "accuracy": float(self.accuracy.flat[i]),
                    "correct": self.correct.flat[i].item(),
                    "unscored": self.unscored.flat[i].item(),
                    "cost_usd_per_million": None if cost is None else float(cost.flat[i]),
                    **{f"share_{stage}": share for stage, share in enumerate(shares[i].tolist(), 1)},
                }
            )
        return rows

    def to_pandas(self) -> Any:
        """Returns a pandas DataFrame of `to_dicts`; needs pandas."""
        try:
            import pandas
        except ImportError:
            raise Error('to_pandas() needs pandas: pip install "cope-llm[data]"') from None
        return pandas.DataFrame(self.to_dicts())

    def to_xarray(self) -> Any:
        """Returns an xarray Dataset over the axes (thresholds as floats): accuracy, correct, unscored, cost_usd_per_million, share; needs xarray."""
        try:
            import xarray
        except ImportError:
            raise Error('to_xarray() needs xarray: pip install "cope-llm[data]"') from None
        names = list(self.axes)
        cost = self.cost_usd_per_million
        found = {
            "accuracy": (names, self.accuracy),
            "correct": (names, self.correct),
            "unscored": (names, self.unscored),
            "share": ([*names, "stage"], self.shares),
        }
        if cost is not None:
            found["cost_usd_per_million"] = (names, cost)
        coordinates: dict[str, Any] = {
            name: list(values) if name == "k" else [float(value) for value in values]
            for name, values in self.axes.items()
        }
        about = {"method": self.name, "problems": len(self.problems), "estimator": self.estimator, "seed": self.seed}
        return xarray.Dataset(found, {**coordinates, "stage": list(self.stage_names)}, about)


# --- words --------------------------------------------------------------------------------------------------------


def _list(values: Sequence[Any]) -> str:
    shown = ", ".join(map(axis_value, values[:_ROWS]))
    return shown if len(values) <= _ROWS else f"{shown}, ... {len(values) - _ROWS} more"


def _dollars(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.2f}" if value >= 1 or value == 0 else f"{value:.4g}"
