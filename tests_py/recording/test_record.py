"""cope.record and replays: what is drawn, what it costs, and that a replay is the live run."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cope

from ..conftest import Endpoint, completion
from .conftest import Recorded
from .scripted import PROBLEMS, K, decisions, pair, plain, scripted


def test_every_problem_goes_through_every_stage(recorded: Recorded) -> None:
    samples = recorded.recording.samples
    assert [problem.id for problem in recorded.recording.problems] == [problem.id for problem in PROBLEMS]
    assert recorded.recording.missing() == []
    for stage in samples.stages:
        assert all(by_plan for by_plan in stage)
    assert all(drawn.count == 5 for by_plan in samples.stages[0] for drawn in by_plan.values())


def test_later_stages_are_drawn_once_for_each_plan_that_the_values_of_k_carry(recorded: Recorded) -> None:
    for place, by_plan in enumerate(recorded.recording.samples.stages[1]):
        wanted: dict[tuple[int, ...], int] = {}
        for k in K:
            trace = recorded.recording.replay(k=k, thresholds=(1, 1))[place]
            plan = (trace.stages[0].carried["goal"],)
            wanted[plan] = max(wanted.get(plan, 0), k)
        assert {plan: drawn.count for plan, drawn in by_plan.items()} == wanted


def test_recording_again_asks_nobody(recorded: Recorded) -> None:
    asked = len(recorded.endpoint.requests)
    again = cope.record(recorded.method, PROBLEMS, k=K, store=recorded.store, progress=False)
    assert len(recorded.endpoint.requests) == asked
    assert again.k == K


def test_other_thresholds_are_the_same_recording(recorded: Recorded) -> None:
    asked = len(recorded.endpoint.requests)
    other = cope.methods.COPE(recorded.small, recorded.large, k=5, thresholds=(1, "1/3"), comparison=">=")
    assert cope.record(other, PROBLEMS, k=[3], store=recorded.store, progress=False).k == K
    assert len(recorded.endpoint.requests) == asked


@pytest.mark.parametrize("early_stop", [True, False])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_a_replay_is_the_live_run_decision_for_decision(
    endpoint: Endpoint, tmp_path: Path, k: int, early_stop: bool
) -> None:
    small, large = pair(endpoint, tmp_path)
    method = cope.methods.COPE(small, large, k=k, thresholds=("0.6", "0.4"), early_stop=early_stop)
    live = cope.run(method, PROBLEMS, store=tmp_path / "store", progress=False)
    recording = cope.record(
        cope.methods.COPE(small, large, k=5), PROBLEMS, k=[1, 3, 5], store=tmp_path / "store", progress=False
    )
    asked = len(endpoint.requests)
    replayed = recording.replay(method)
    assert len(endpoint.requests) == asked
    assert decisions(replayed) == decisions(live)
    assert plain(replayed) == plain(live)
    assert k == 1 or {trace.stage for trace in live} & {1, 2}  # not all problems end at once
    assert replayed.cost.billed_pusd == 0
    by_settings = recording.replay(k=k, thresholds=("0.6", "0.4"), early_stop=early_stop)
    assert decisions(by_settings) == decisions(live)


def test_replays_are_named_by_what_differs_from_the_recorded_settings(recorded: Recorded) -> None:
    recording = recorded.recording
    named = {
        "COPE": recording.replay(),
        "COPE, k=3": recording.replay(k=3),
        "COPE, k=3, tau 3/4, 1/2": recording.replay(k=3, thresholds=(0.75, 0.5)),
        "COPE, tau 3/5, 1/2": recording.replay(thresholds=("0.6", 0.5)),
        "COPE, no early stopping": recording.replay(early_stop=False),
        "COPE, stage 1 consensus >= 3/5": recording.replay(gate={"stage 1": cope.Gate("consensus", "0.6", ">=")}),
        "first try": recording.replay(k=3, name="first try"),
        "mine": recording.replay(recorded.method, name="mine"),
    }
    assert [run.name for run in named.values()] == list(named)
    assert recording.replay(k=5, thresholds=("0.6", "0.4"), early_stop=True).name == "COPE"  # those recorded
    assert recording.replay(recorded.method, early_stop=False).name == "COPE, no early stopping"
    assert named["COPE, k=3"][0].method == "COPE, k=3"
    compared = cope.compare(named["COPE, k=3"], named["COPE"])
    assert [row[0] for row in compared.rows] == ["COPE, k=3", "COPE"]
    assert "COPE, k=3" in str(cope.reports.differences(named["COPE"], named["COPE, k=3"]))
    for wrong in ("", " ", 8):
        with pytest.raises(cope.ConfigError, match="name: expected a text that is not empty"):
            recording.replay(name=wrong)  # type: ignore[arg-type]


def test_values_of_k_may_be_numpys(recorded: Recorded) -> None:
    assert decisions(recorded.recording.replay(k=np.int64(2))) == decisions(recorded.recording.replay(k=2))
    again = cope.record(recorded.method, PROBLEMS, k=np.array([1, 2]), store=recorded.store, progress=False)
    assert again.k == K
    assert json.loads(json.dumps(recorded.recording.sweep(k=np.array([1, 2])).axes["k"])) == [1, 2]
    with pytest.raises(cope.ConfigError, match=r"k: expected whole numbers of samples from 1 to 1000000, got 2.5"):
        recorded.recording.replay(k=2.5)  # type: ignore[arg-type]


def test_a_live_run_on_a_recording_asks_nobody(recorded: Recorded) -> None:
    asked = len(recorded.endpoint.requests)
    live = cope.run(recorded.method, PROBLEMS, store=recorded.store, progress=False, check=False)
    assert len(recorded.endpoint.requests) == asked
    assert decisions(live) == decisions(recorded.recording.replay(recorded.method))


def test_any_method_whose_samples_are_there_can_be_replayed(recorded: Recorded) -> None:
    truncated = cope.methods.COPE(recorded.small, recorded.large, k=5, stages=2)
    run = recorded.recording.replay(truncated)
    assert run.counts.unfinished == 0
    with pytest.raises(cope.DataError, match=r"stage 1, solutions: 6 problems .*not|samples are not recorded"):
        recorded.recording.replay(cope.methods.SmallMajority(recorded.small, k=5))


def test_requests_that_failed_fail_again_in_a_replay(endpoint: Endpoint, tmp_path: Path) -> None:
    small, large = pair(endpoint, tmp_path)

    def reply(request: dict[str, Any]) -> tuple[int, bytes]:
        if "Solve. What is 2 + 1? Goal: plan 1" in request["messages"][-1]["content"]:
            return 400, json.dumps({"error": {"message": "maximum context length exceeded"}}).encode()
        return scripted(request)

    endpoint.reply = reply
    method = cope.methods.COPE(small, large, k=5)
    live = cope.run(method, PROBLEMS, store=tmp_path / "store", progress=False)
    recording = cope.record(method, PROBLEMS, k=[5], store=tmp_path / "store", progress=False)
    assert any(
        sample.error for trace in live for stage in trace.stages for draw in stage.draws for sample in draw.samples
    )
    assert decisions(recording.replay(method)) == decisions(live)
    assert "'p2'" in recording.missing()[0]
    assert "Missing" in repr(recording)


def test_more_k_than_recorded_says_what_is_recorded_and_how_to_record_more(recorded: Recorded) -> None:
    with pytest.raises(cope.DataError) as error:
        recorded.recording.replay(k=7)
    text = str(error.value)
    for part in (
        "k = 7",
        "stage 1, goals: 6 problems ('p0', 'p1'",
        "k = 1, 2, 3, 5",
        "cope.record(",
        str(recorded.store),
    ):
        assert part in text


def test_a_carried_plan_without_samples_is_refused(endpoint: Endpoint, tmp_path: Path) -> None:
    small, large = pair(endpoint, tmp_path)

    def reply(request: dict[str, Any]) -> tuple[int, bytes]:
        if "PLAN" in request["messages"][-1]["content"]:
            return 200, json.dumps(completion(f"plan {request['seed']}")).encode()  # no two alike
        return scripted(request)

    endpoint.reply = reply
    recording = cope.record(
        cope.methods.COPE(small, large, k=5), PROBLEMS, k=[5], store=tmp_path / "store", progress=False
    )
    with pytest.raises(cope.DataError, match="stage 2, solutions") as error:
        recording.replay(k=1, thresholds=(1, 1))
    assert "stage 1" not in str(error.value).split("Recorded in")[0]
    with pytest.raises(cope.DataError, match=r"stage 2: no samples given the plan that is carried"):
        recording.sweep(k=[1], tau1=[1])


def test_carrying_all_plans_makes_every_k_replayable(endpoint: Endpoint, tmp_path: Path) -> None:
    small, large = pair(endpoint, tmp_path)
    method = cope.methods.COPE(small, large, k=4, thresholds=("0.6", "0.4"))
    recording = cope.record(method, PROBLEMS[:3], k=4, carry="all", store=tmp_path / "store", progress=False)
    assert (recording.carry, recording.k) == ("all", [1, 2, 3, 4])
    arrays = recording.arrays(1)
    assert arrays.classes.shape == (3, 4, 4)
    assert arrays.plans[0] == ((0,), (1,), (2,), (3,))
    for k in recording.k:
        live = cope.run(
            cope.methods.COPE(small, large, k=k, thresholds=("0.6", "0.4")),
            PROBLEMS[:3],
            store=tmp_path / "other",
            progress=False,
        )
        assert decisions(recording.replay(k=k)) == decisions(live)
    with pytest.raises(cope.ConfigError, match="exactly one stage carries"):
        cope.record(
            cope.methods.SmallMajority(small, k=4), PROBLEMS, carry="all", store=tmp_path / "no", progress=False
        )


def test_the_cap_is_kept_and_the_rest_is_missing(endpoint: Endpoint, tmp_path: Path) -> None:
    small, large = pair(endpoint, tmp_path)
    method = cope.methods.COPE(small, large, k=3)
    with pytest.raises(cope.BudgetError, match=r"budget_usd: recording COPE .* nothing was begun"):
        cope.record(method, PROBLEMS, store=tmp_path / "store", budget_usd="0.001", progress=False)
    assert endpoint.requests == []
    part = cope.record(method, PROBLEMS, store=tmp_path / "store", budget_usd="0.001", partial=True, progress=False)
    spent = cope._core.Store.open(str(tmp_path / "store"), mode="read").ledger()
    assert spent["settled_pusd"] + spent["reserved_pusd"] <= 1_000_000_000
    assert any("budget" in words for words in part.missing())
    with pytest.raises(cope.DataError, match="samples are not recorded"):
        part.replay()
    whole = cope.record(method, PROBLEMS, store=tmp_path / "store", budget_usd=1, progress=False)
    assert whole.missing() == []


def test_an_estimate_bounds_what_is_drawn(endpoint: Endpoint, tmp_path: Path) -> None:
    small, large = pair(endpoint, tmp_path)
    method = cope.methods.COPE(small, large, k=3)
    made = cope.estimate(method, PROBLEMS, k=[1, 2, 3])
    assert endpoint.requests == []
    recording = cope.record(method, PROBLEMS, k=[1, 2, 3], store=tmp_path / "store", progress=False)
    spent = cope._core.Store.open(str(tmp_path / "store"), mode="read").ledger()["settled_pusd"]
    assert 0 < spent <= made.most_pusd
    assert made.expected_pusd is None
    drawn = sum(len(draw) for stage in recording.samples.stages for p in stage for d in p.values() for draw in d.draws)
    assert drawn <= made.samples + 3 * len(PROBLEMS)  # one guideline is in every plan's samples
    left = cope.estimate(method, PROBLEMS, k=[1, 2, 3], store=tmp_path / "store")
    paid = {
        draw.draw: draw for draw in left.draws if draw.model == large.name and draw.draw in ("guideline", "solution")
    }
    assert [draw.samples for draw in paid.values()] == [0, 0]
    more = cope.estimate(method, [*PROBLEMS, cope.Problem("p9", "What is 9 + 1?", "10")], store=tmp_path / "store")
    guideline = next(draw for draw in more.draws if draw.draw == "guideline")
    assert guideline.samples == 7
    assert guideline.expected_pusd == 7 * 20_000_000


def test_an_interrupted_recording_goes_on(endpoint: Endpoint, tmp_path: Path) -> None:
    small, large = pair(endpoint, tmp_path)
    method = cope.methods.COPE(small, large, k=3)
    count = 0

    def stop(now: object) -> None:
        nonlocal count
        count += 1
        if len(endpoint.requests) > 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="make the same call again"):
        cope.record(method, PROBLEMS, k=[1, 3], store=tmp_path / "store", progress=stop, window=1)
    asked = len(endpoint.requests)
    recording = cope.record(method, PROBLEMS, k=[1, 3], store=tmp_path / "store", progress=False)
    assert recording.missing() == []
    assert len(endpoint.requests) - asked < 6 * (3 + 3 + 1 + 6 + 1)


def test_arecord_records_in_a_running_loop(endpoint: Endpoint, tmp_path: Path) -> None:
    small, large = pair(endpoint, tmp_path)
    method = cope.methods.COPE(small, large, k=2)
    recording = asyncio.run(cope.arecord(method, PROBLEMS, store=tmp_path / "store", progress=False))
    assert recording.k == [2]
    assert recording.missing() == []


def test_one_bar_goes_over_all_values_of_k(endpoint: Endpoint, tmp_path: Path) -> None:
    small, large = pair(endpoint, tmp_path)
    seen: list[int] = []
    method = cope.methods.COPE(small, large, k=2)
    cope.record(method, PROBLEMS, k=[1, 2], store=tmp_path / "s", progress=lambda now: seen.append(now["done"]))
    assert seen == sorted(seen)
    assert seen[-1] <= 12


def test_an_opened_recording_is_the_recorded_one(recorded: Recorded) -> None:
    opened = cope.open_recording(recorded.store)
    assert repr(opened) == repr(recorded.recording)
    assert "6 of 6" in repr(opened)
    assert decisions(opened.replay(k=3)) == decisions(recorded.recording.replay(k=3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": []}, "k: expected at least one"),
        ({"k": [0]}, "k: expected whole numbers"),
        ({"k": ["8"]}, "k: expected whole numbers"),
        ({"carry": "some"}, "carry: expected 'recorded' or 'all'"),
        ({"seed": -1}, "seed: expected"),
        ({"store": ""}, "store: expected a folder"),
    ],
)
def test_arguments_that_cannot_work_are_refused(
    small: cope.Model, large: cope.Model, tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    method = cope.methods.COPE(small, large)
    with pytest.raises(cope.ConfigError, match=message):
        cope.record(method, PROBLEMS, **{"store": tmp_path / "store", "check": False, **arguments})


def test_draws_of_different_sizes_are_ambiguous(small: cope.Model, large: cope.Model, tmp_path: Path) -> None:
    method = cope.Cascade(
        cope.Stage(cope.Draw("many", small, n=8), gate=cope.Gate("consensus", 0.5)),
        cope.Stage(cope.Draw("few", large, n=3)),
    )
    with pytest.raises(cope.ConfigError, match="stage 1/many has 8, stage 2/few has 3"):
        cope.record(method, PROBLEMS, k=[4], store=tmp_path / "store")
    with pytest.raises(cope.ConfigError, match="no k to set to 4"):
        cope.record(cope.methods.Large(large), PROBLEMS, k=[4], store=tmp_path / "store")


def test_an_iterator_of_problems_is_refused(small: cope.Model, large: cope.Model, tmp_path: Path) -> None:
    with pytest.raises(cope.DataError, match="pass a list"):
        cope.record(cope.methods.COPE(small, large), iter(PROBLEMS), store=tmp_path / "store")


def test_a_store_without_a_recording_says_how_to_make_one(endpoint: Endpoint, tmp_path: Path) -> None:
    cope.run(cope.methods.SmallSingle(endpoint.model()), PROBLEMS, store=tmp_path / "store", progress=False)
    with pytest.raises(cope.ConfigError, match=r"holds no recording \(1 runs.*cope.record"):
        cope.open_recording(tmp_path / "store")


def test_recordings_of_several_seeds_are_told_apart(endpoint: Endpoint, tmp_path: Path) -> None:
    small, large = pair(endpoint, tmp_path)
    method = cope.methods.COPE(small, large, k=2)
    made = [cope.record(method, PROBLEMS, store=tmp_path / "store", seed=seed, progress=False) for seed in (0, 1)]
    with pytest.raises(
        cope.ConfigError,
        match=r"several recordings fit; there are 'COPE' with seed=0 over 6 problems \(id='\w{12}'\), 'COPE' with seed=1 over",
    ):
        cope.open_recording(tmp_path / "store")
    assert cope.open_recording(tmp_path / "store", seed=1).seed == 1
    assert list(cope.recording.by_seed(made)) == [0, 1]
    with pytest.raises(cope.DataError, match="both are of seed 0"):
        cope.recording.by_seed([made[0], made[0]])
    warmer = cope.methods.COPE(small, large, k=2, planner_temperatures=(0.7, 0.8))
    other = cope.record(warmer, PROBLEMS, store=tmp_path / "warm", seed=2, progress=False)
    with pytest.raises(cope.DataError, match=r"draws, item 0, sampling, temperature: 0.8 and 0.7"):
        cope.recording.by_seed([made[0], other])


def test_recordings_over_other_problems_are_told_apart_by_their_ids(endpoint: Endpoint, tmp_path: Path) -> None:
    small, large = pair(endpoint, tmp_path)
    method = cope.methods.COPE(small, large, k=2)
    store = tmp_path / "store"
    made = [cope.record(method, part, store=store, progress=False) for part in (PROBLEMS[:2], PROBLEMS[2:])]
    with pytest.raises(cope.ConfigError, match="several recordings fit") as error:
        cope.open_recording(store)
    for each, count in zip(made, (2, 4), strict=True):
        assert f"over {count} problems (id={each.id!r})" in str(error.value)
        assert [problem.id for problem in cope.open_recording(store, id=each.id).problems] == [
            problem.id for problem in each.problems
        ]
        assert cope.open_recording(store, id=each.id[:6]).id == each.id
    with pytest.raises(cope.ConfigError, match="no recording fits; there are 'COPE' with seed=0 over 2 problems"):
        cope.open_recording(store, id="none")


def last_word(text: str) -> str:
    return text.split()[-1].strip("\\boxed{}.")


def other_word(text: str) -> str:
    return text.split()[-1]


def test_a_task_of_functions_must_be_given_again(endpoint: Endpoint, tmp_path: Path) -> None:
    small, large = pair(endpoint, tmp_path)
    task = cope.Task("word", answer=last_word)
    method = cope.methods.COPE(small, large, k=2)
    made = cope.record(method, PROBLEMS, store=tmp_path / "store", task=task, progress=False)
    with pytest.raises(cope.ConfigError, match=r"functions of your own \(answer\)"):
        cope.open_recording(tmp_path / "store")
    with pytest.raises(cope.ConfigError, match="differs from it in its functions answer"):
        cope.open_recording(tmp_path / "store", task=cope.Task("word", answer=other_word))
    opened = cope.open_recording(tmp_path / "store", task=task)
    assert decisions(opened.replay()) == decisions(made.replay())
    assert opened.arrays(0).correct.any()
