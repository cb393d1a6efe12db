from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import cope
from cope import Problem

from .conftest import Endpoint, completion

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e [bold]x[/bold] \\boxed{<b>7</b>}"
RIGHT = {"Right?": "\\boxed{5}", "Wrong?": "\\boxed{6}", "Silent?": "no answer", "Hostile?": HOSTILE}


@pytest.fixture
def mixed(endpoint: Endpoint, tmp_path: Path) -> cope.Run:
    """A run with each kind of outcome: right, wrong, ungraded, unscored, failed."""

    def reply(request: dict[str, Any]) -> tuple[int, bytes]:
        question = request["messages"][-1]["content"]
        for known, text in RIGHT.items():
            if known in question:
                return 200, json.dumps(completion(text)).encode()
        return 500, b"{}"

    endpoint.reply = reply
    questions = [("Right?", "5"), ("Wrong?", "5"), ("Hostile?", None), ("Silent?", "5"), ("Failing?", "5")]
    problems = [
        Problem(f"id-{index}", question, gold, {"level": index}) for index, (question, gold) in enumerate(questions)
    ]
    method = cope.methods.SmallSingle(endpoint.model(price=cope.Price("0.15", "0.60"), parameters="2B"))
    return cope.run(method, problems, store=tmp_path, progress=False)


def test_failures_are_counted_apart_and_never_as_wrong(mixed: cope.Run) -> None:
    counts = mixed.counts
    assert (
        counts.problems,
        counts.right,
        counts.wrong,
        counts.ungraded,
        counts.unscored,
        counts.failed,
        counts.unfinished,
    ) == (5, 1, 1, 1, 1, 1, 0)
    assert counts.scored == 3
    assert mixed.accuracy == pytest.approx(1 / 3)
    assert mixed.accuracy_interval.low < 1 / 3 < mixed.accuracy_interval.high


def test_the_table_shows_every_kind_of_outcome(mixed: cope.Run) -> None:
    text = repr(mixed)
    assert "33.3 %" in text
    assert "1 wrong, 1 ungraded, 1 unscored, 1 failed" in text
    assert "1 problems failed" in text
    assert "USD per million problems" in text
    assert mixed.store in text


def test_cost_is_exact_and_idealised_over_the_problems_that_ended(mixed: cope.Run) -> None:
    each = 10 * 150_000 + 5 * 600_000
    assert mixed.cost.billed_pusd == 4 * each
    assert mixed.cost.ideal_pusd == 4 * each
    assert mixed.cost.usd_per_million == pytest.approx(each / 1e6)


def test_compute_is_twice_parameters_times_tokens(mixed: cope.Run) -> None:
    usage = mixed.usage()
    assert usage.tokens == {"m": (40, 20)}
    assert usage.compute_flop == 2 * 2_000_000_000 * 60


def test_a_reply_without_usage_leaves_the_cost_unknown(endpoint: Endpoint) -> None:
    reply = completion("\\boxed{5}")
    del reply["usage"]
    endpoint.reply = lambda request: (200, json.dumps(reply).encode())
    method = cope.methods.SmallSingle(endpoint.model(price=cope.Price(1, 1)))
    run = cope.run(method, [Problem("a", "Q", "5")], progress=False)
    assert run.cost.billed_pusd is None
    assert run.cost.usd_per_million is None
    assert "unknown" in repr(run)


def test_problems_are_found_by_position_id_and_slice(mixed: cope.Run) -> None:
    assert len(mixed) == 5
    assert mixed[1].id == mixed["id-1"].id == mixed[-4].id == "id-1"
    assert [trace.id for trace in mixed[1:3]] == ["id-1", "id-2"]
    assert [trace.id for trace in mixed] == [f"id-{index}" for index in range(5)]
    assert "id-3" in mixed
    assert "id-9" not in mixed


def test_a_problem_that_is_not_there_says_what_there_is(mixed: cope.Run) -> None:
    with pytest.raises(IndexError, match="this run has 5, from 0 to 4"):
        mixed[5]
    with pytest.raises(KeyError, match="id-0"):
        mixed["nobody"]


def test_dicts_and_data_frames_hold_a_row_a_problem(mixed: cope.Run) -> None:
    rows = mixed.to_dicts()
    assert [row["correct"] for row in rows] == [True, False, None, None, None]
    assert [row["status"] for row in rows] == ["answered", "answered", "answered", "unscored", "failed"]
    pytest.importorskip("pandas")
    frame = mixed.to_pandas()
    assert list(frame["meta.level"]) == [0, 1, 2, 3, 4]
    assert list(frame["id"]) == [row["id"] for row in rows]


def test_an_opened_run_shows_the_same(mixed: cope.Run) -> None:
    opened = cope.open(mixed.store)
    assert repr(opened) == repr(mixed)
    assert opened.figures() == mixed.figures()
    assert json.dumps(opened.figures())


# --- traces -------------------------------------------------------------------------------------------------------


def test_a_trace_shows_what_happened(mixed: cope.Run) -> None:
    assert mixed[0].headline.startswith("id-0: right: answer 5 (gold 5), stage 1 of 1, 1 sample")
    assert "wrong: answer 6 (gold 5)" in mixed[1].headline
    assert "not graded" in mixed[2].headline
    assert "unscored (gold 5)" in mixed[3].headline
    assert "failed (gold 5)" in mixed[4].headline
    assert "[server]" in repr(mixed[4])
    assert mixed[0].meta == {"level": 0}


def test_texts_of_models_cannot_act_on_a_terminal_or_a_page(mixed: cope.Run) -> None:
    trace = mixed[2]
    for text in (repr(trace), trace._repr_html_(), repr(mixed), mixed._repr_html_()):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    assert r"\x1b[31m" in repr(trace)
    assert "<script>" not in trace._repr_html_()
    assert "&lt;script&gt;" in trace._repr_html_()
    assert trace.stages[0].draws[0].samples[0].text == HOSTILE


@pytest.mark.live
def test_a_trace_of_cope_explains_each_gate(pair: tuple[cope.Model, cope.Model], tmp_path: Path) -> None:
    run = cope.run(
        cope.methods.COPE(*pair, k=4), cope.datasets.word_problems(8), store=tmp_path, early_stop=False, progress=False
    )
    for trace in run:
        first = trace.stages[0]
        assert first.of == 4
        if first.accepted:
            assert f"{first.votes} of 4 = 1, > 0.75: accepted" in first.decision
        elif first.votes:
            assert f"{first.votes} of 4 = {first.votes / 4:.4g}, not > 0.75: escalated; carries goal" in first.decision
            goal = first.draws[0].samples[first.carried["goal"]]
            assert goal.text
    assert {len(trace.stages) for trace in run} != {1}
