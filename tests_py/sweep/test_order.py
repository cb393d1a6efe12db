"""_core.sweep, estimator "order": random recordings, at every grid point what the engine's decision function says of their first k samples."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import cope
from cope import _core

from .arrays import TAUS, gate, stage, taus_of

COMPARISONS = st.sampled_from([">", ">="])
VOTING = st.one_of(
    st.builds(
        lambda comparison, denominator, taus: gate("consensus", comparison, denominator, sorted(taus)),
        COMPARISONS,
        st.sampled_from(["k", "answered"]),
        st.sets(st.fractions(0, 1, max_denominator=8), min_size=1, max_size=5),
    ),
    st.sampled_from([gate("agreement"), gate("always")]),
)


@st.composite
def recordings(draw: st.DrawFn) -> tuple[list[dict[str, Any]], NDArray[np.int32]]:
    """Two voting stages, the second drawn for several carried plans, and a last one; ties and unscored samples are frequent."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    problems = draw(st.integers(1, 5))
    samples = draw(st.integers(1, 7))
    ks = np.array(sorted(draw(st.sets(st.integers(1, samples), min_size=1, max_size=4))), np.int32)
    variants = draw(st.integers(1, 3))
    of: dict[str, Any] = {"problems": problems, "samples": samples, "classes": draw(st.integers(1, 4))}
    last = {**of, "samples": draw(st.integers(1, 3))}
    stages = [
        stage(random, draw(VOTING), **of),
        stage(random, draw(VOTING), variants=variants, **of),
        stage(random, draw(st.sampled_from([gate("always"), gate("consensus")])), uses_k=False, **last),
    ]
    stages[1]["variant"] = random.integers(0, variants, size=(problems, len(ks)), dtype=np.int32)
    return stages, ks


def decided(stages: list[dict[str, Any]], column: int, k: int, taus: tuple[Fraction, ...]) -> NDArray[np.int32]:
    """What the decision function says of each problem: the stage that ended it, and its answer's class."""
    spec: dict[str, Any] = {"name": "x", "early_stop": False, "stages": [], "draws": []}
    columns = []
    rows = np.arange(len(stages[0]["classes"]))
    for number, (each, tau) in enumerate(zip(stages, (*taus, Fraction(0)), strict=True)):
        variant = each["variant"][:, column] if "variant" in each else np.zeros(len(rows), int)
        draws = ["classes", "other"] if "other" in each else ["classes"]
        own = {name: value for name, value in each["gate"].items() if name != "thresholds"}
        places = {"draw": len(spec["draws"]), "other_draw": len(spec["draws"]) + 1 if "other" in each else -1}
        spec["stages"].append(
            {"name": str(number), "gate": {**own, **places, "threshold": [tau.numerator, tau.denominator]}}
        )
        for name in draws:
            labels = each[name][rows, variant]
            columns.append(labels[:, :k] if each["uses_k"] else labels)
            spec["draws"].append({"name": name, "stage": number, "n": columns[-1].shape[1], "plan": False, "given": []})
    return _core.replay_keys(json.dumps(spec), np.ascontiguousarray(np.hstack(columns), np.int32))


@settings(max_examples=150, deadline=None)
@given(recordings())
def test_every_point_is_what_the_decision_function_says(recording: tuple[list[dict[str, Any]], Any]) -> None:
    stages, ks = recording
    found = _core.sweep_problems(stages, ks)  # type: ignore[arg-type]
    summed = _core.sweep(stages, ks)  # type: ignore[arg-type]
    rows = np.arange(len(stages[0]["classes"]))
    axes = [taus_of(each) for each in stages[:-1]]
    for (column, k), (one, tau1), (two, tau2) in itertools.product(enumerate(ks.tolist()), *map(enumerate, axes)):
        at = (slice(None), column, one, two)
        ended, answer = decided(stages, column, k, (tau1, tau2)).T
        assert found["resolved"][at].argmax(axis=1).tolist() == ended.tolist()
        assert found["correct"][at].tolist() == (answer == 0).tolist()  # only the class 0 is right
        assert found["unscored"][at].tolist() == (answer < 0).tolist()
        spent = np.zeros(len(rows), np.int64)
        for number, each in enumerate(stages):
            variant = each["variant"][:, column] if "variant" in each else np.zeros(len(rows), int)
            used = k if each["uses_k"] else each["classes"].shape[2]
            own = each["once_pusd"][rows, variant] + each["cost_pusd"][rows, variant, :used].sum(axis=1)
            spent += np.where(ended >= number, own, 0)
        assert found["cost_pusd"][at].tolist() == spent.tolist()
    for name in ("correct", "unscored", "resolved", "cost_pusd"):
        assert summed[name].tolist() == found[name].sum(axis=0, dtype=np.int64).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_a_sweep_of_random_rows_is_their_replay_at_every_point(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for p, (number, draw, n) in itertools.product(range(7), [(0, "a", 6), (1, "b", 6), (2, "c", 1)]):
        for i in range(n):
            answer = [None, "1", "2", "3"][random.integers(0 if n > 1 else 1, 4)]
            at = {"problem_id": p, "gold": "1", "stage": number, "draw": draw, "index": i}
            rows.append({**at, "model": "m", "answer": answer})
    recording = cope.import_recording(rows, tmp_path / "store", k=[1, 2, 3, 6])
    how: dict[str, Any] = {"comparison": [">", ">="][seed % 2], "denominator": ["k", "answered"][seed // 2]}
    voting = cope.Gate("consensus", 0, **how)
    swept = recording.sweep(gate=voting, k=[1, 3, 6], tau1=TAUS[1:6:2], tau2=["1/3", "3/4"])
    ended: set[int] = set()
    for point in swept.points():
        run = recording.replay(k=point["k"], gate=voting, thresholds=[point["tau1"], point["tau2"]])
        here = swept.at(**point)
        assert here.stage is not None
        assert here.stage.tolist() == [row["stage"] if row["stage"] >= 0 else 2 for row in run.rows]
        assert here.correct.tolist() == [row["correct"] is True for row in run.rows]
        ended.update(here.stage.tolist())
    assert ended == {0, 1, 2}
