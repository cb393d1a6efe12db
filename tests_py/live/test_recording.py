"""Recording, live runs and replays with the embedded pair: a replay at the live settings is the live run, decision for decision."""

from __future__ import annotations

from pathlib import Path

import pytest

import cope

from ..recording.scripted import decisions

pytestmark = pytest.mark.live


def test_a_live_run_its_recording_and_its_replay_decide_alike(
    pair: tuple[cope.Model, cope.Model], tmp_path: Path
) -> None:
    small, large = pair
    problems = cope.datasets.word_problems(16, seed=5)
    store = tmp_path / "store"
    live = {k: cope.run(cope.methods.COPE(small, large, k=k), problems, store=store, progress=False) for k in (3, 4)}
    recording = cope.record(cope.methods.COPE(small, large, k=4), problems, k=[1, 3, 4], store=store, progress=False)
    assert recording.missing() == []
    for k, run in live.items():
        assert run.saved > 0  # early stopping left something out, which the recording drew
        assert decisions(recording.replay(cope.methods.COPE(small, large, k=k))) == decisions(run)
    # And the other way round: what was recorded first serves a live run in full.
    fresh = cope.methods.COPE(small, large, k=3, thresholds=("1/2", "1/3"))
    later = cope.run(fresh, problems, store=store, progress=False)
    assert later.cost.billed_pusd == 0
    assert later.usage().samples_from_store == later.samples
    assert decisions(recording.replay(fresh)) == decisions(later)
    assert {trace.stage for trace in live[4]} > {0}
