"""What a recording will take before anything is spent: samples and money, by draw."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import _core, _shape
from ._recorded import traces
from .problems import Problem
from .tables import Column, Table, count, usd

_BYTES_A_TOKEN = 4  # of plans that are not written yet
_PROMPT_OVERHEAD = 64  # tokens a message, as the ledger reserves them


@dataclass(frozen=True, slots=True)
class DrawEstimate:
    """What one draw of a recording takes, over all problems.

    Attributes:
        stage: The stage's name.
        draw: The draw's name.
        model: The model's name.
        samples: The most samples that it may take; what the store has is not counted.
        most_pusd: The most that they may cost, 10^-12 USD: every sample as long as it may be, prompts at a token a byte, plans in them at 4 bytes a token.
        expected_pusd: The same samples at the mean cost of those in the store; None where it has none of this draw.
    """

    stage: str
    draw: str
    model: str
    samples: int
    most_pusd: int
    expected_pusd: int | None


@dataclass(frozen=True, repr=False, slots=True)
class Estimate:
    """What a recording will take. Made by `cope.estimate`; shown it is a table.

    Attributes:
        title: What is to be recorded.
        draws: By draw.
    """

    title: str
    draws: tuple[DrawEstimate, ...]

    @property
    def samples(self) -> int:
        """The most samples that it may take."""
        return sum(draw.samples for draw in self.draws)

    @property
    def most_pusd(self) -> int:
        """The most that it may cost, 10^-12 USD."""
        return sum(draw.most_pusd for draw in self.draws)

    @property
    def expected_pusd(self) -> int | None:
        """At the mean cost of the samples in the store, 10^-12 USD; None where it lacks samples of a draw that may cost something."""
        known = [0 if draw.most_pusd == 0 else draw.expected_pusd for draw in self.draws]
        return None if any(value is None for value in known) else sum(value for value in known if value is not None)

    def __repr__(self) -> str:
        return repr(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def summary(self) -> Table:
        """Returns it as a table."""
        rows = [
            (
                draw.stage,
                draw.draw,
                draw.model,
                count(draw.samples),
                usd(draw.most_pusd),
                usd(draw.expected_pusd if draw.most_pusd else 0),
            )
            for draw in self.draws
        ]
        rows.append(("all", "", "", count(self.samples), usd(self.most_pusd), usd(self.expected_pusd)))
        columns: list[str | Column] = ["Stage", "Draw", "Model"]
        columns += [Column(name, right=True) for name in ("Samples", "At most", "Expected")]
        caption = (
            "At most: samples and prompts as long as they may be. Expected: at the mean cost of the samples in the store. "
            "What the store has is not counted."
        )
        return Table(self.title, columns, rows, caption)


def estimate_of(
    spec: Mapping[str, Any], problems: Sequence[Problem], k: Sequence[int], carry: str, store: _core.Store | None
) -> Estimate:
    """Estimates a recording.

    Args:
        spec: Of the method.
        problems: All of them.
        k: Ascending.
        carry: "recorded" or "all".
        store: Where it will be; None: nothing is recorded yet.
    """
    cascade = spec["cascade"]
    dependent = _shape.draws_carried_from(cascade)
    means = {} if store is None else _mean_costs(store)
    have = {} if store is None else _recorded_samples(store, _shape.fingerprint(spec))
    question_bytes = sum(len(problem.question.encode()) for problem in problems)
    found = []
    for number, draw in enumerate(cascade["draws"]):
        model = spec["models"][draw["model"]]
        largest = k[-1] if draw["n"] > 1 else 1
        of_one = largest
        if dependent[number]:
            of_one = largest * k[-1] if carry == "all" else sum(k) if draw["n"] > 1 else len(k)
        samples = max(0, of_one * len(problems) - have.get(number, 0))
        # A prompt a sample, where each has its own plan; else one a request of max_n.
        own_prompt = any(
            given["pick"] == "each" and cascade["draws"][given["draw"]]["n"] > 1 for given in draw["given"]
        )
        prompts = samples if own_prompt else -(-samples // min(model.get("max_n", 1), largest))
        plans = sum(cascade["draws"][given["draw"]]["sampling"]["max_tokens"] for given in draw["given"])
        text = sum(len(message["content"].encode()) for message in draw["prompt"]["messages"])
        overhead = _PROMPT_OVERHEAD * max(1, len(draw["prompt"]["messages"]))
        per_prompt = text + overhead + plans * _BYTES_A_TOKEN + question_bytes / max(1, len(problems))
        price = model["price"]
        most = prompts * per_prompt * price["input_pusd"]
        most += samples * draw["sampling"]["max_tokens"] * max(price["output_pusd"], price["reasoning_pusd"])
        stage = cascade["stages"][draw["stage"]]["name"]
        mean = means.get((stage, draw["name"], model["model"]))
        found.append(
            DrawEstimate(
                stage,
                draw["name"],
                model["model"],
                samples,
                round(most),
                None if mean is None else round(mean * samples),
            )
        )
    title = f"{cascade['name']}: recording {count(len(problems))} problems at k = {', '.join(map(str, k))}, carrying {carry}"
    return Estimate(title, tuple(found))


def _mean_costs(store: _core.Store) -> dict[tuple[str, str, str], float]:
    """The mean cost of the samples that runs of the store paid for, by stage, draw and model."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for row in store.runs():
        manifest = json.loads(row["manifest"])
        cascade = manifest["cascade"]
        for trace in traces(store, row["id"]):
            for draw in trace["draws"]:
                stage = cascade["stages"][draw["stage"]]["name"]
                costs = sums.setdefault((stage, draw["name"], manifest["models"][draw["model"]]["model"]), [])
                costs += [
                    sample["cost_pusd"]
                    for sample in draw["samples"]
                    if sample["error"] == "none" and sample["cost_pusd"] is not None and not sample["cached"]
                ]
    return {place: sum(costs) / len(costs) for place, costs in sums.items() if costs}


def _recorded_samples(store: _core.Store, recording: str) -> dict[int, int]:
    """How many samples of each draw the recording holds already."""
    identities: dict[int, set[str]] = {}
    for row in store.runs():
        about = json.loads(row["manifest"]).get("recording")
        if not about or about["id"] != recording:
            continue
        for trace in traces(store, row["id"]):
            for draw in trace["draws"]:
                known = identities.setdefault(draw["draw"], set())
                known.update(sample["identity"] for sample in draw["samples"] if sample["error"] == "none")
    return {draw: len(known) for draw, known in identities.items()}
