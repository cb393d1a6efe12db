"""Draws the loss curves of a run from its CSV files.

Example:
    python -m training.curves --run runs/pair
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path


def read(path: Path) -> tuple[list[float], list[float]]:
    """Millions of tokens and losses of one curve."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return [float(row["tokens"]) / 1e6 for row in rows], [float(row["loss"]) for row in rows]


def draw(run: Path) -> Path | None:
    """Writes `curves.png` into the run's folder; None where matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        return None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    for who in ("small", "large"):
        if (run / f"{who}.csv").exists():
            axes.plot(*read(run / f"{who}.csv"), label=f"cope-{who}")
    axes.set(xlabel="tokens trained on (millions)", ylabel="loss on answers (nats per token)", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(run / "curves.png", dpi=120)
    pyplot.close(figure)
    return run / "curves.png"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of the training run")
    written = draw(parser.parse_args().run)
    print(written or "no picture: matplotlib is not installed")


if __name__ == "__main__":
    main()
