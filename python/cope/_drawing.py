"""How plots look, and the parts that they share: style, titles, legends, error bars, ticks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .errors import Error
from .tables import axis_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

# Okabe and Ito's palette, told apart with every kind of colour vision; markers and hatches tell apart in grey print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
HATCHES = ("", "///", "...", "xx", "\\\\\\", "++", "oo")
GREY = "#8C8C8C"
_SIZE = (5.2, 3.6)
_STYLE: dict[Any, Any] = {
    "font.size": 9, "axes.titlesize": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True, "grid.color": "#E3E3E3",
    "grid.linewidth": 0.6, "legend.frameon": False, "legend.fontsize": 8, "lines.linewidth": 1.4, "lines.markersize": 5, "hatch.linewidth": 0.6,
}  # fmt: skip
COST = "Cost (USD per million problems)"
ACCURACY = "Accuracy (%)"
_TICK_ROOM = 46
"""So many characters of tick labels, with the gaps between them, fit side by side."""
_TICK_GAP = 2
_TICK_LINE = 4
"""What a line takes of that room where labels stand one above the other."""


@contextmanager
def new_axes(ax: Axes | None) -> Iterator[Axes]:
    """The axes to draw into, with the style of these plots."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise Error('plots need matplotlib: pip install "cope-llm[plots]"') from None
    # The figure comes before the style: with the first one a notebook's backend turns interactive, which leaving the style would undo.
    figure = plt.figure(figsize=_SIZE, dpi=110, layout="constrained") if ax is None else None
    with plt.rc_context(_STYLE):
        yield figure.add_subplot() if figure is not None else ax  # type: ignore[misc]


def set_title(ax: Axes, *parts: str) -> None:
    """A title of the parts that are not empty."""
    ax.set_title(", ".join(part for part in parts if part), loc="left")


def legend_below(ax: Axes, columns: int) -> None:
    """A legend that covers no data: below the label of the axis."""
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.17 if "\n" not in ax.get_xticklabels()[0].get_text() else -0.24),
        ncols=columns,
    )


def error_lengths(values: NDArray[Any], low: NDArray[Any], high: NDArray[Any]) -> NDArray[np.float64]:
    """Lengths of error bars, in percent."""
    lengths: NDArray[np.float64] = 100 * np.maximum(np.stack([values - low, high - values]), 0.0)
    return lengths


def fit_side_by_side(labels: Sequence[str]) -> bool:
    """Whether tick labels can all be written along an axis of one of these figures."""
    return sum(len(label) + _TICK_GAP for label in labels) <= _TICK_ROOM


def set_ticks(axis: Axis, values: Sequence[object], *, upwards: bool = False) -> None:
    """Labels positions 0, 1, ... with the values of a sweep's axis: all that fit, else evenly some of them, up to the last where that can be."""
    labels = [axis_value(value) for value in values]
    last = len(labels) - 1
    if upwards:
        fitting = [step for step in range(1, last + 1) if (last // step + 1) * _TICK_LINE <= _TICK_ROOM]
    else:
        fitting = [step for step in range(1, last + 1) if fit_side_by_side(labels[::step])]
    least = fitting[0] if fitting else max(last, 1)
    step = next((step for step in fitting if last % step == 0 and step <= 2 * least), least)
    axis.set_ticks(range(0, last + 1, step), labels[::step])
