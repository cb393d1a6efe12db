"""What the tests of recordings share: a scripted pair of models behind one endpoint, whose answers depend on seed and prompt alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import cope

PROBLEMS = [cope.Problem(f"p{i}", f"What is {i} + 1?", str(i + 1)) for i in range(6)]
K = [1, 2, 3, 5]


def scripted(request: dict[str, Any]) -> tuple[int, bytes]:
    """Plans that often coincide, answers of few classes, some without an answer; the same for the same seed and prompt."""
    prompt = request["messages"][-1]["content"]
    choices = []
    for index in range(request.get("n", 1)):
        seed = f"{request.get('seed')} {index} {prompt} {request['model']}"
        draw = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big")
        if "PLAN" in prompt:
            text = f"plan {draw % 4}"
        elif draw % 9 == 0:
            text = "I do not know."
        else:
            right = int(prompt.split("What is ")[1].split(" + ")[0]) + 1
            text = f"The answer is \\boxed{{{right if draw % 9 < 5 else right + draw % 3}}}."
        choices.append(
            {
                "index": index,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
                "logprobs": {"content": [{"token": "t", "logprob": -(draw % 7) / 8}]},
            }
        )
    tokens = {"prompt_tokens": 10, "completion_tokens": 5 * len(choices), "total_tokens": 10 + 5 * len(choices)}
    body = {"id": "c", "object": "chat.completion", "model": "m", "choices": choices, "usage": tokens}
    return 200, json.dumps(body).encode()


def prompts(folder: Path) -> Path:
    """A prompt set whose plans are told from solutions."""
    folder.mkdir(exist_ok=True)
    texts = {
        "goal": "PLAN a goal. {question}",
        "guideline": "PLAN a guideline. {question}",
        "solve": "Solve. {question}",
        "solve_goal": "Solve. {question} Goal: {goal}",
        "solve_guideline": "Solve. {question} Guideline: {guideline}",
        "solve_goal_guideline": "Solve. {question} Goal: {goal} Guideline: {guideline}",
    }
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


def pair(endpoint: Any, folder: Path) -> tuple[cope.Model, cope.Model]:
    """A free small and a paid large model."""
    endpoint.reply = scripted
    own = prompts(folder / "prompts")
    return (
        endpoint.model(prompts=own, price="free", stable_name="small"),
        endpoint.model(prompts=own, price=cope.Price("1", "2"), stable_name="large"),
    )


def plain(run: cope.Run) -> list[dict[str, Any]]:
    """What a run decided and what it would have cost: all but what was billed."""
    return [{name: value for name, value in row.items() if name != "billed_usd"} for row in run.to_dicts()]


def decisions(run: cope.Run) -> list[Any]:
    """Everything that was decided, draw by draw, for comparing a replay with a live run."""
    return [
        (
            trace.id,
            trace.status,
            trace.answer,
            trace.correct,
            trace.stage,
            trace.accepted,
            trace.samples,
            trace.saved,
            trace.ideal_pusd,
            [
                (stage.name, stage.decision, stage.carried, stage.votes, stage.of)
                + tuple(
                    tuple((s.index, s.text, s.answer, s.error, s.cost_pusd, s.identity) for s in d.samples)
                    for d in stage.draws
                )
                for stage in trace.stages
            ],
        )
        for trace in run
    ]
