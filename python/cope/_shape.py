"""Forms of a method as the core's spec says it: at another k, with other gates, through every stage.

All functions take and return a spec's "cascade" (see `_core.run`) and leave what they were given as it is.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from numbers import Integral
from typing import Any

from .cascade import MAX_SAMPLES, Gate
from .errors import ConfigError

Cascade = Mapping[str, Any]

# What may differ between two recordings of the same samples: where and how fast models are asked.
_NOT_IDENTITY = (
    "base_url",
    "max_concurrency",
    "initial_concurrency",
    "max_retries",
    "timeout_ms",
    "connect_timeout_ms",
    "max_reply_bytes",
)


def size(cascade: Cascade) -> int:
    """Returns a method's k: the number of samples of its draws, those of one sample apart; 1 where there is no other draw.

    Raises:
        ConfigError: Draws of different sizes, so that nobody knows which are to be scaled.
    """
    sizes: dict[int, str] = {}
    for draw in cascade["draws"]:
        if draw["n"] > 1:
            sizes.setdefault(draw["n"], f"{cascade['stages'][draw['stage']]['name']}/{draw['name']}")
    if len(sizes) > 1:
        there = ", ".join(f"{name} has {n}" for n, name in sizes.items())
        raise ConfigError(
            f"{cascade['name']}: which draws have k samples? Their numbers differ ({there}); a recording scales the draws of k samples together, "
            "so give all draws of more than one sample the same n"
        )
    return next(iter(sizes), 1)


def checked_k(k: Any, cascade: Cascade) -> list[int]:
    """Returns values of k in ascending order; None: the method's own.

    Raises:
        ConfigError: What is no number of samples.
    """
    values: list[Any] = [size(cascade)] if k is None else list(k) if isinstance(k, Iterable) else [k]
    for value in values:
        if isinstance(value, bool) or not isinstance(value, Integral) or not 1 <= int(value) <= MAX_SAMPLES:
            raise ConfigError(f"k: expected whole numbers of samples from 1 to {MAX_SAMPLES}, got {value!r}")
    if not values:
        raise ConfigError("k: expected at least one number of samples, such as k=[1, 2, 4, 8], got none")
    return sorted({int(value) for value in values})


def at_k(cascade: Cascade, k: int) -> dict[str, Any]:
    """Returns the method with k samples in every draw of more than one."""
    scaled: dict[str, Any] = copy.deepcopy(dict(cascade))
    own = size(cascade)
    if own == 1 and k != 1:
        raise ConfigError(
            f"{cascade['name']}: its draws have one sample each, so there is no k to set to {k}; build the method with k > 1"
        )
    for draw in scaled["draws"]:
        if draw["n"] > 1:
            draw["n"] = k
    return scaled


def exhaustive(cascade: Cascade) -> dict[str, Any]:
    """Returns the method as it is recorded: through every stage, without early stopping, whatever the thresholds."""
    changed: dict[str, Any] = copy.deepcopy(dict(cascade))
    changed["early_stop"] = False
    changed["exhaustive"] = True
    for stage in changed["stages"]:
        gate = stage["gate"]
        gate["threshold"] = [0, 1]
        gate["comparison"] = "<=" if gate["measure"] == "perplexity" else ">"
        gate["denominator"] = "k"
    return changed


def carrying_every(cascade: Cascade, sample: int) -> dict[str, Any]:
    """Returns the method with one fixed sample carried on, whatever was voted."""
    changed: dict[str, Any] = copy.deepcopy(dict(cascade))
    for draw in changed["draws"]:
        for given in draw["given"]:
            if given["pick"] == "carried" and changed["draws"][given["draw"]]["n"] > 1:
                given.update(pick="sample", sample=sample)
    return changed


def with_thresholds(cascade: Cascade, thresholds: Sequence[Fraction]) -> dict[str, Any]:
    """Returns the method with other thresholds, one a stage that has one."""
    changed: dict[str, Any] = copy.deepcopy(dict(cascade))
    gated = gated_stages(cascade)
    if len(thresholds) != len(gated):
        names = ", ".join(cascade["stages"][stage]["name"] for stage in gated) or "none"
        raise ConfigError(
            f"thresholds: expected {len(gated)}, one for each gated stage ({names}), got {len(thresholds)}"
        )
    for stage, threshold in zip(gated, thresholds, strict=True):
        changed["stages"][stage]["gate"]["threshold"] = [threshold.numerator, threshold.denominator]
    return changed


def gated_stages(cascade: Cascade) -> list[int]:
    """Returns the stages whose gate has a threshold: all but the last, those that always accept, and those that ask whether tests passed."""
    stages = cascade["stages"]
    return [
        index
        for index, stage in enumerate(stages[:-1])
        if stage["gate"]["measure"] in ("consensus", "perplexity", "score", "custom")
    ]


def draws_carried_from(cascade: Cascade) -> list[tuple[int, ...]]:
    """Returns for each draw the earlier stages whose carried samples its prompts show, directly or through the plans that they show."""
    found: list[set[int]] = []
    for draw in cascade["draws"]:
        stages: set[int] = set()
        for given in draw["given"]:
            source = cascade["draws"][given["draw"]]
            stages |= found[given["draw"]]
            if given["pick"] != "each" and source["n"] > 1:
                stages.add(source["stage"])
        found.append(stages)
    return [tuple(sorted(stages)) for stages in found]


def carried_from(cascade: Cascade) -> list[tuple[int, ...]]:
    """Returns for each stage the earlier stages whose carried samples any of its draws depends on."""
    found: list[set[int]] = [set() for _ in cascade["stages"]]
    for draw, stages in zip(cascade["draws"], draws_carried_from(cascade), strict=True):
        found[draw["stage"]] |= set(stages)
    return [tuple(sorted(stages)) for stages in found]


def with_gates(cascade: Cascade, gate: Gate | Mapping[str, Gate] | None) -> dict[str, Any]:
    """Returns the method with other gates: one for all stages that have a threshold, or {stage's name: Gate}.

    Raises:
        ConfigError: A gate that cannot be put on what was recorded.
    """
    changed: dict[str, Any] = copy.deepcopy(dict(cascade))
    names = [stage["name"] for stage in cascade["stages"]]
    if gate is None:
        return changed
    given = dict(gate) if isinstance(gate, Mapping) else {names[stage]: gate for stage in gated_stages(cascade)}
    for name, each in given.items():
        if name not in names:
            raise ConfigError(f"gate: no stage {name!r}; there are {', '.join(map(repr, names))}")
        if not isinstance(each, Gate):
            raise ConfigError(f"gate, {name}: expected a cope.Gate, got {each!r}")
        own = changed["stages"][names.index(name)]["gate"]
        if each.measure in ("agreement", "custom") and each.measure != own["measure"]:
            raise ConfigError(
                f"gate, {name}: a gate on {each.measure} cannot be put on what was recorded under another; record it"
            )
        if each.draw is not None or each.other_draw is not None:
            raise ConfigError(f"gate, {name}: it stays on the draw that was recorded, so give no draw")
        own.update(
            measure=each.measure,
            comparison=each.comparison,
            denominator=each.denominator,
            threshold=[each.fraction.numerator, each.fraction.denominator],
        )
    return changed


def name_beside(cascade: Cascade, own: Cascade) -> str:
    """Returns a name that tells a method from the same method at its own settings: the method's, and what differs.

    Args:
        cascade: At the settings to be named.
        own: At its own.

    Example:
        >>> gate = {"measure": "consensus", "comparison": ">", "denominator": "k", "threshold": [1, 2]}
        >>> stages = [{"name": "stage 1", "gate": gate}, {"name": "stage 2", "gate": {**gate, "measure": "always"}}]
        >>> own = {"name": "COPE", "early_stop": True, "stages": stages, "draws": [{"n": 8, "stage": 0, "name": "votes"}]}
        >>> name_beside(with_thresholds(at_k(own, 4), [Fraction(3, 4)]), own)
        'COPE, k=4, tau 3/4'
    """
    words = [str(cascade["name"])]
    if size(cascade) != size(own):
        words.append(f"k={size(cascade)}")
    gates, before = ([stage["gate"] for stage in each["stages"]] for each in (cascade, own))
    if [{**gate, "threshold": None} for gate in gates] == [{**gate, "threshold": None} for gate in before]:
        if gates != before:
            words.append(
                "tau " + ", ".join(str(Fraction(*gates[index]["threshold"])) for index in gated_stages(cascade))
            )
    else:
        changed = [index for index, gate in enumerate(gates) if gate != before[index]]
        words += [f"{cascade['stages'][index]['name']} {_rule(gates[index])}" for index in changed]
    if cascade["early_stop"] != own["early_stop"]:
        words.append("early stopping" if cascade["early_stop"] else "no early stopping")
    return ", ".join(words)


def _rule(gate: Mapping[str, Any]) -> str:
    if gate["measure"] in ("always", "passed", "agreement"):
        return str(gate["measure"])
    of = "" if gate["denominator"] == "k" else " of those answered"
    return f"{gate['measure']} {gate['comparison']} {Fraction(*gate['threshold'])}{of}"


def fingerprint(spec: Mapping[str, Any]) -> str:
    """Returns what recordings of the same samples have in common, whatever k and the gates' thresholds: SHA-256 in hexadecimal digits."""
    return hashlib.sha256(json.dumps(essence(spec), sort_keys=True).encode()).hexdigest()


def essence(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Returns of a spec what decides which samples are recorded, for comparing two recordings."""
    cascade = exhaustive(at_k(spec["cascade"], 2) if size(spec["cascade"]) > 1 else spec["cascade"])
    return {
        "stages": [stage["gate"] for stage in cascade["stages"]],
        "draws": cascade["draws"],
        "models": [
            {name: value for name, value in model.items() if name not in _NOT_IDENTITY} for model in spec["models"]
        ],
        "task": spec["task"],
        "programs": _judged(spec),
        "seed": spec["seed"],
    }


def _judged(spec: Mapping[str, Any]) -> dict[str, Any] | None:
    """How programs are judged, but for what is of the machine."""
    programs = spec.get("programs")
    if programs is None:
        return None
    return {name: value for name, value in programs.items() if name not in ("workers", "interpreter")}


def differences(first: Any, second: Any, where: str = "") -> list[str]:
    """Returns in words where two essences differ, such as "draws, item 1, sampling, temperature: 0.4 and 0.8"."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        found = []
        for name in sorted({*first, *second}):
            inside = f"{where}, {name}" if where else str(name)
            if name in first and name in second:
                found += differences(first[name], second[name], inside)
            else:
                found.append(f"{inside}: only in the {'first' if name in first else 'second'}")
        return found
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        return [
            words
            for index, pair in enumerate(zip(first, second, strict=True))
            for words in differences(*pair, f"{where}, item {index}")
        ]
    return [] if first == second else [f"{where}: {_short(first)} and {_short(second)}"]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
