"""Runs from end to end: on the embedded pair, and on a server that answers as it is told."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cope
from cope import Cascade, Draw, Gate, Problem, Stage, Task

from .conftest import Endpoint, completion

Pair = tuple[cope.Model, cope.Model]
PROBLEMS = [Problem(f"p{index}", f"What is {index} + 2?", str(index + 2)) for index in range(6)]


def quiet(method: Any, problems: Any, **options: Any) -> cope.Run:
    return cope.run(method, problems, progress=False, **options)


# --- the embedded pair --------------------------------------------------------------------------------------------


@pytest.mark.live
def test_cope_runs_on_the_embedded_pair_and_a_second_call_asks_nothing(pair: Pair, tmp_path: Path) -> None:
    problems = cope.datasets.word_problems(8, seed=0)
    method = cope.methods.COPE(*pair, k=4)
    reports: list[Any] = []
    run = cope.run(method, problems, store=tmp_path / "s", budget_usd=1.0, progress=reports.append)
    assert len(run) == 8
    assert run.status == "finished"
    assert run.counts.answered + run.counts.unscored == 8
    assert sum(run.resolved) == run.counts.answered
    assert reports[-1]["done"] == 8

    again = cope.run(method, problems, store=tmp_path / "s", budget_usd=1.0, progress=reports.append)
    assert again.id == run.id
    assert reports[-1]["resumed"] == 8
    assert reports[-1]["requests_sent"] == 0
    assert again.to_dicts() == run.to_dicts()


@pytest.mark.live
def test_the_same_seed_repeats_every_answer_and_another_does_not_share_samples(pair: Pair, tmp_path: Path) -> None:
    problems = cope.datasets.word_problems(6, seed=1)
    method = cope.methods.SmallMajority(pair[0], k=4)
    first, second = (quiet(method, problems, store=tmp_path / name, seed=7) for name in ("a", "b"))
    assert [row["answer"] for row in first.to_dicts()] == [row["answer"] for row in second.to_dicts()]
    other = quiet(method, problems, store=tmp_path / "a", seed=8)
    assert other.id != first.id
    assert other.usage().samples_from_store == 0


@pytest.mark.live
def test_early_stopping_changes_no_answer_and_draws_fewer_samples(pair: Pair, tmp_path: Path) -> None:
    problems = cope.datasets.word_problems(8, seed=2)
    method = cope.methods.COPE(*pair, k=4)
    with_stop = quiet(method, problems, store=tmp_path)
    without = quiet(method, problems, store=tmp_path, early_stop=False)
    assert [(row["answer"], row["stage"]) for row in with_stop.to_dicts()] == [
        (row["answer"], row["stage"]) for row in without.to_dicts()
    ]
    assert with_stop.samples + with_stop.saved == without.samples
    assert with_stop.saved > 0


@pytest.mark.live
def test_a_larger_problem_set_finds_the_samples_of_the_smaller_one(pair: Pair, tmp_path: Path) -> None:
    problems = cope.datasets.word_problems(6, seed=3)
    method = cope.methods.Large(pair[1])
    first = quiet(method, problems[:3], store=tmp_path)
    both = quiet(method, problems, store=tmp_path)
    assert (len(first), len(both)) == (3, 6)
    assert both.usage().samples_from_store == 3
    assert both.cost.ideal_pusd > both.cost.billed_pusd > 0  # type: ignore[operator]


@pytest.mark.live
def test_perplexity_gates_on_real_logprobs(pair: Pair, tmp_path: Path) -> None:
    small, large = pair
    gate = Gate("perplexity", 1.5)
    method = Cascade(
        Stage(Draw("s", small, n=3, temperature=0.8), gate=gate), Stage(Draw("s", large)), name="perplexity"
    )
    run = quiet(method, cope.datasets.word_problems(4), store=tmp_path)
    measures = [sample.measure for trace in run for sample in trace.stages[0].draws[0].samples]
    assert measures
    assert all(measure is not None and measure >= 1 for measure in measures)
    escalated = [trace.stages[1].draws[0].samples[0] for trace in run if len(trace.stages) > 1]
    assert all(sample.measure is None for sample in escalated)


@pytest.mark.live
def test_an_unknown_model_and_a_refused_key_stop_before_anything_is_drawn(pair: Pair) -> None:
    url = pair[0].base_url
    with pytest.raises(cope.AuthenticationError) as refused:
        quiet(cope.methods.SmallSingle(cope.Model("cope-small", base_url=url, api_key="sk-wrong")), PROBLEMS)
    assert refused.value.status_code == 401
    assert "sk-wrong" not in str(refused.value)
    key = pair[0].api_key
    with pytest.raises(cope.BadRequestError, match="cope-small"):
        quiet(cope.methods.SmallSingle(cope.Model("cope-smal", base_url=url, api_key=key)), PROBLEMS)


# --- what is refused before anything is spent -----------------------------------------------------------------------


def test_a_hosted_model_without_a_key_stops_before_anything_is_sent() -> None:
    with pytest.raises(cope.ConfigError, match="OPENAI_API_KEY"):
        quiet(cope.methods.Large(cope.Model("gpt-4o-mini")), PROBLEMS)


def test_a_paid_model_without_a_price_stops_before_anything_is_sent(endpoint: Endpoint) -> None:
    model = cope.Model("unheard-of", api_key="k", base_url="https://models.example.com/v1")
    with pytest.raises(cope.ConfigError, match="has no price"):
        quiet(cope.methods.COPE(endpoint.model(), model), PROBLEMS)
    assert endpoint.requests == []


def test_an_endpoint_that_is_down_is_named() -> None:
    with pytest.raises(cope.APIConnectionError, match=r"127\.0\.0\.1:9"):
        quiet(cope.methods.SmallSingle(cope.Model("m", base_url="http://127.0.0.1:9/v1")), PROBLEMS)


def test_a_wrong_base_url_is_named(endpoint: Endpoint) -> None:
    endpoint.models = (200, b"<html>a web page</html>")
    with pytest.raises(cope.EndpointError, match=r"base.?[uU][rR][lL]"):
        quiet(cope.methods.SmallSingle(endpoint.model()), PROBLEMS)
    assert endpoint.requests == []


@pytest.mark.parametrize(
    "problems",
    [[], iter([]), [{"question": ""}], [Problem("x", "Q"), Problem("x", "Q")], "none.jsonl", [{"question": math.nan}]],
)
def test_problems_that_cannot_be_used_stop_before_anything_is_sent(endpoint: Endpoint, problems: Any) -> None:
    with pytest.raises(cope.DataError):
        quiet(cope.methods.SmallSingle(endpoint.model()), problems)
    assert endpoint.requests == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"window": 0}, "window"),
        ({"budget_usd": -1}, "budget_usd"),
        ({"budget_usd": "much"}, "budget_usd"),
        ({"budget_usd": math.nan}, "budget_usd"),
        ({"task": "maths"}, "task"),
        ({"store": 5}, "store: expected a folder"),
        ({"store": ""}, "store: expected a folder"),
    ],
)
def test_an_argument_that_cannot_work_is_named(endpoint: Endpoint, options: dict[str, Any], why: str) -> None:
    with pytest.raises(cope.ConfigError, match=why):
        quiet(cope.methods.SmallSingle(endpoint.model()), PROBLEMS, **options)
    assert endpoint.requests == []


def test_a_preset_that_was_not_called_says_so(endpoint: Endpoint) -> None:
    with pytest.raises(cope.ConfigError, match="call it with models"):
        quiet(cope.methods.COPE, PROBLEMS)


def test_a_gate_on_scores_needs_a_score(endpoint: Endpoint) -> None:
    method = Cascade(Stage(Draw("s", endpoint.model(), n=2), gate=Gate("score", 1)), Stage(Draw("s", endpoint.model())))
    with pytest.raises(cope.ConfigError, match=r"cope\.Task\(\.\.\., score=function\)"):
        quiet(method, PROBLEMS)


def test_a_store_of_a_newer_version_and_a_foreign_file_are_refused_untouched(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    method = cope.methods.SmallSingle(endpoint.model())
    quiet(method, PROBLEMS[:1], store=tmp_path / "s")
    (file,) = (path for path in (tmp_path / "s").iterdir() if path.read_bytes()[:6] == b"SQLite")
    database = sqlite3.connect(file)
    database.execute("PRAGMA user_version = 1000000")
    database.commit()
    database.close()
    before, sent = file.read_bytes(), len(endpoint.requests)
    with pytest.raises(cope.StoreError, match="newer"):
        quiet(method, PROBLEMS, store=tmp_path / "s")
    assert file.read_bytes() == before
    file.write_bytes(b"not a database, but something dear to its owner" * 100)
    with pytest.raises(cope.StoreError, match=str(tmp_path)):
        cope.open(tmp_path / "s")
    assert len(endpoint.requests) == sent


# --- replies that cannot be used ------------------------------------------------------------------------------------


def cut_off(request: dict[str, Any]) -> tuple[int, bytes]:
    return 200, json.dumps(completion("\\boxed{5}")).encode()[:-20]


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (lambda request: (200, b"<html>not JSON</html>"), "failed"),
        (cut_off, "failed"),
        (lambda request: (200, b""), "failed"),
        (lambda request: (200, b"{}"), "failed"),
        (lambda request: (200, json.dumps(completion()).encode()), "failed"),
        (lambda request: (200, json.dumps(completion("")).encode()), "unscored"),
        (lambda request: (200, json.dumps(completion("no answer here")).encode()), "unscored"),
        (lambda request: (500, b'{"error": {"message": "broken"}}'), "failed"),
        (lambda request: (429, b'{"error": {"message": "slow down"}}'), "failed"),
        (lambda request: (400, b'{"error": {"message": "context"}}'), "failed"),
    ],
)
def test_a_reply_that_cannot_be_used_is_never_scored_as_wrong(
    endpoint: Endpoint, reply: Any, status: str, tmp_path: Path
) -> None:
    endpoint.reply = reply
    method = cope.methods.SmallSingle(endpoint.model())
    run = quiet(method, PROBLEMS[:2], store=tmp_path)
    assert [row["status"] for row in run.rows] == [status] * 2
    assert run.counts.wrong == 0
    if status == "failed":
        assert run.accuracy is None
        assert "failed" in repr(run)
        assert run[0].stages[0].draws[0].samples[0].error
        endpoint.reply = lambda request: (200, json.dumps(completion("\\boxed{2}")).encode())
        assert quiet(method, PROBLEMS[:2], store=tmp_path).counts.answered == 2


def test_an_endpoint_that_returns_no_logprobs_ends_a_run_that_gates_on_perplexity(endpoint: Endpoint) -> None:
    model = endpoint.model(max_concurrency=1)
    method = Cascade(Stage(Draw("s", model), gate=Gate("perplexity", 3)), Stage(Draw("s", model)))
    with pytest.raises(cope.EndpointError, match="returns no logprobs; use a gate that needs none"):
        quiet(method, PROBLEMS)
    assert len(endpoint.requests) <= 2  # not once for every problem


def test_fewer_choices_than_asked_are_topped_up_with_single_calls(endpoint: Endpoint) -> None:
    endpoint.reply = lambda request: (200, json.dumps(completion("\\boxed{2}")).encode())  # one choice, whatever n is
    run = quiet(
        cope.methods.SmallMajority(endpoint.model(capabilities={"max_n": 8}), k=4, early_stop=False), PROBLEMS[:1]
    )
    assert run.samples == 4
    assert [request.get("n", 1) for request in endpoint.requests] == [4, 1, 1, 1]


# --- functions of one's own ------------------------------------------------------------------------------------------


def test_task_gate_and_prompt_may_be_functions(endpoint: Endpoint) -> None:
    endpoint.reply = lambda request: (
        200,
        json.dumps(completion(f"I say {len(request['messages'][0]['content'])}")).encode(),
    )
    seen: list[Any] = []

    def gate(samples: Any, problem: Problem) -> float:
        seen.append((samples, problem))
        return len(samples)

    model = endpoint.model()
    method = Cascade(
        Stage(Draw("s", model, n=2, prompt=lambda question, given: question), gate=Gate("custom", 2, function=gate)),
        Stage(Draw("s", model, prompt=lambda question, given: [{"role": "user", "content": question * 2}])),
    )
    task = Task(
        "length",
        answer=lambda text: text.split()[-1],
        grade=lambda gold, answer, problem: int(answer) == 2 * len(problem.question),
    )
    run = quiet(method, PROBLEMS[:2], task=task)
    question = PROBLEMS[0].question
    assert seen[0][1].id in ("p0", "p1")
    assert [answer for _, answer in seen[0][0]] == [str(len(question))] * 2
    assert run["p0"].answer == str(2 * len(question))
    assert run.counts.right == 2


def test_an_exception_of_a_function_reaches_the_caller(endpoint: Endpoint) -> None:
    def answer(text: str) -> str:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        quiet(cope.methods.SmallSingle(endpoint.model()), PROBLEMS, task=Task("t", answer=answer))


def test_a_changed_function_is_another_run_that_pays_for_no_sample_again(endpoint: Endpoint, tmp_path: Path) -> None:
    method = cope.methods.SmallSingle(endpoint.model())
    runs = [
        quiet(method, PROBLEMS, store=tmp_path, task=Task("t", answer=f))
        for f in (lambda text: text[:1], lambda text: text[:2])
    ]
    assert runs[0].id != runs[1].id
    assert len(endpoint.requests) == len(PROBLEMS)


# --- streams, budgets, interruptions ----------------------------------------------------------------------------------


def test_an_error_in_the_middle_of_a_stream_ends_the_run_and_mending_it_goes_on(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    file = tmp_path / "problems.jsonl"
    lines = [json.dumps({"question": f"Question {index}", "answer": "5"}) for index in range(300)]
    file.write_text("\n".join([*lines[:299], "{broken"]))
    method = cope.methods.SmallSingle(endpoint.model())
    with pytest.raises(cope.DataError, match="line 300, column 2"):
        quiet(method, cope.stream(file), store=tmp_path / "s", window=4)
    sent = len(endpoint.requests)
    file.write_text("\n".join(lines))
    run = quiet(method, cope.stream(file), store=tmp_path / "s")
    assert run.counts.right == 300
    assert len(endpoint.requests) <= 300 + 4
    assert sent > 0


def test_an_iterator_of_problems_is_pulled_as_the_run_goes(endpoint: Endpoint) -> None:
    def problems() -> Iterator[Problem]:
        for index in range(20):
            yield Problem(str(index), f"Q{index}", "5")

    assert quiet(cope.methods.SmallSingle(endpoint.model()), problems()).counts.right == 20


def test_a_budget_leaves_problems_unfinished_and_a_higher_one_finishes_them(endpoint: Endpoint, tmp_path: Path) -> None:
    method = cope.methods.SmallSingle(endpoint.model(price=cope.Price("1", "1"), max_tokens=100))
    # A request is reserved at its worst case, and a hundred completion tokens alone come to 0.0001 USD.
    run = quiet(method, PROBLEMS, store=tmp_path, budget_usd="0.00005")
    assert run.counts.unfinished == 6
    assert run.counts.wrong == 0
    assert run.accuracy is None
    assert "6 problems are unfinished and not in the accuracy" in repr(run)
    assert "budget_usd" in repr(run)
    assert endpoint.requests == []
    done = quiet(method, PROBLEMS, store=tmp_path, budget_usd=1)
    assert done.id == run.id
    assert done.counts.answered == 6
    assert done.cost.billed_pusd == 6 * 15_000_000
    ledger = cope._core.Store.open(str(tmp_path), mode="read").ledger()
    assert ledger == {"cap_pusd": 10**12, "settled_pusd": 6 * 15_000_000, "reserved_pusd": 0}
    quiet(method, PROBLEMS, store=tmp_path, budget_usd=math.inf)
    assert cope._core.Store.open(str(tmp_path), mode="read").ledger()["cap_pusd"] is None


def test_none_as_budget_leaves_the_cap_of_the_store_alone(endpoint: Endpoint, tmp_path: Path) -> None:
    method = cope.methods.SmallSingle(endpoint.model())
    quiet(method, PROBLEMS, store=tmp_path, budget_usd="0.15")
    quiet(method, PROBLEMS, store=tmp_path)
    store = cope._core.Store.open(str(tmp_path), mode="read")
    assert store.ledger()["cap_pusd"] == 150_000_000_000


_SCRIPT = """
import sys, cope
model = cope.Model("m", base_url=sys.argv[1], kind="generic")
problems = [cope.Problem(str(i), f"Q{i}", "5") for i in range(200)]
cope.run(cope.methods.SmallSingle(model), problems, store=sys.argv[2], progress=lambda p: print(p["done"], flush=True))
"""


def test_ctrl_c_says_how_to_go_on_and_nothing_received_is_paid_for_twice(endpoint: Endpoint, tmp_path: Path) -> None:
    enough, go_on = threading.Event(), threading.Event()
    answer = endpoint.reply

    def reply(request: dict[str, Any]) -> tuple[int, bytes]:
        if len(endpoint.requests) > 40:  # the rest waits, so that the interrupt comes in the middle
            enough.set()
            go_on.wait()
        return answer(request)

    endpoint.reply = reply
    child = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, endpoint.url, str(tmp_path / "s")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert enough.wait(60)
    child.send_signal(signal.SIGINT)
    _, error = child.communicate(timeout=60)
    go_on.set()
    assert child.returncode in (130, -signal.SIGINT)
    assert "KeyboardInterrupt: interrupted after" in error
    assert "make the same call again to go on" in error
    interrupted = cope.open(tmp_path / "s")
    assert interrupted.status == "interrupted"
    assert interrupted.counts.unfinished > 0
    first = len(endpoint.requests)
    problems = [Problem(str(index), f"Q{index}", "5") for index in range(200)]
    run = quiet(cope.methods.SmallSingle(endpoint.model()), problems, store=tmp_path / "s")
    assert run.id == interrupted.id
    assert run.counts.right == 200
    assert len(endpoint.requests) - first <= 200 - interrupted.counts.right


# --- asyncio ----------------------------------------------------------------------------------------------------------


def test_arun_works_inside_a_running_loop_and_leaves_it_free(endpoint: Endpoint) -> None:
    async def main() -> tuple[cope.Run, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        ticking = asyncio.create_task(tick())
        run = await cope.arun(cope.methods.SmallSingle(endpoint.model()), PROBLEMS, progress=False)
        ticking.cancel()
        return run, ticks

    run, ticks = asyncio.run(main())
    assert run.counts.answered == 6
    assert ticks > 10


def test_a_cancelled_arun_keeps_what_was_received(endpoint: Endpoint, tmp_path: Path) -> None:
    waiting, go_on = threading.Event(), threading.Event()
    answer = endpoint.reply

    def reply(request: dict[str, Any]) -> tuple[int, bytes]:
        if len(endpoint.requests) > 3:
            waiting.set()
            go_on.wait()
        return answer(request)

    endpoint.reply = reply
    method = cope.methods.SmallSingle(endpoint.model(max_concurrency=1))

    async def main() -> None:
        task = asyncio.create_task(cope.arun(method, PROBLEMS, store=tmp_path, progress=False))
        await asyncio.to_thread(waiting.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    go_on.set()
    kept = cope.open(tmp_path).counts
    assert kept.answered >= 2  # the third reply may still have been on its way into the store
    assert kept.answered + kept.unfinished == 6
    assert quiet(method, PROBLEMS, store=tmp_path).counts.answered == 6
    assert len(endpoint.requests) <= 4 + 3


def test_an_error_in_arun_reaches_the_awaiter(endpoint: Endpoint) -> None:
    with pytest.raises(cope.DataError, match="empty"):
        asyncio.run(cope.arun(cope.methods.SmallSingle(endpoint.model()), []))


# --- stores -----------------------------------------------------------------------------------------------------------


def test_runs_are_listed_and_opened_by_number_or_name(endpoint: Endpoint, tmp_path: Path) -> None:
    model = endpoint.model()
    single = quiet(cope.methods.SmallSingle(model), PROBLEMS, store=tmp_path)
    majority = quiet(cope.methods.SmallMajority(model, k=2), PROBLEMS, store=tmp_path)
    assert cope.open(tmp_path).id == majority.id
    assert cope.open(tmp_path, "Small (single)").id == cope.open(tmp_path, single.id).id == single.id
    assert [row[1] for row in cope.runs(tmp_path).rows] == ["Small (single)", "Small (majority)"]
    with pytest.raises(cope.ConfigError, match=r"has no run 'COPE'; there are .*Small \(single\)"):
        cope.open(tmp_path, "COPE")


def test_a_store_that_is_not_there_is_an_error_and_is_not_made(tmp_path: Path) -> None:
    for look in (cope.open, cope.runs):
        with pytest.raises(cope.StoreError, match="none"):
            look(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_run_without_a_store_leaves_nothing_behind(endpoint: Endpoint) -> None:
    run = quiet(cope.methods.SmallSingle(endpoint.model()), PROBLEMS)
    folder = Path(run.store)
    assert folder.is_dir()
    del run
    assert not folder.exists()


def test_no_key_is_in_a_store_a_manifest_or_an_error(endpoint: Endpoint, tmp_path: Path) -> None:
    key = "sk-very-secret-0123456789"
    run = quiet(cope.methods.SmallSingle(endpoint.model(api_key=key)), PROBLEMS, store=tmp_path)
    assert endpoint.keys[0] == f"Bearer {key}"
    assert key not in json.dumps(run.manifest) + repr(run) + repr(run[0]) + run[0]._repr_html_()
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and key.encode() in file.read_bytes()]


def test_a_manifest_says_all_that_is_needed_to_repeat_the_run(endpoint: Endpoint) -> None:
    model = endpoint.model(price=cope.Price("0.15", "0.60", as_of="2025-05-13"))
    manifest = quiet(cope.methods.COPE(model, model), PROBLEMS, seed=3, budget_usd=1).manifest
    assert manifest["seed"] == 3
    assert manifest["problems"]["count"] == 6
    assert manifest["cascade"]["stages"][0]["gate"]["comparison"] == ">"
    assert manifest["cascade"]["stages"][0]["gate"]["denominator"] == "k"
    assert manifest["models"][0]["price_usd_per_million"]["as_of"] == "2025-05-13"
    assert all(len(prompt["sha256"]) == 64 for prompt in manifest["prompts"])
    assert {"python", "core"} <= set(manifest["versions"])
    assert manifest["task"]["name"] == "math"
