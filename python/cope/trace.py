"""What happened to one problem: every stage with its plans, solutions, votes and gate, readable in a terminal and a notebook.

Texts of models are untrusted: control characters are made visible, and HTML is escaped.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .tables import axis_value, usd, visible

if TYPE_CHECKING:
    from . import _core

__all__ = ["Trace", "TraceDraw", "TraceSample", "TraceStage", "Verdict"]

_LINE = 110
_MEASURED = ("perplexity", "score", "passed")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a program.

    Attributes:
        outcome: As in `cope.sandbox.Report`.
        tests_passed: How many tests it passed.
        tests: How many it was to pass; 0 for Program-of-Thought.
        first_failed_test: The first that failed, from 0; -1: none, or it failed before its tests.
        exception_type: Of the exception that ended it; empty: none.
        line: Of the program, where the exception was; 0: unknown.
        message: One line for people, untrusted.
    """

    outcome: str
    tests_passed: int
    tests: int
    first_failed_test: int
    exception_type: str
    line: int
    message: str

    def __str__(self) -> str:
        told = self.outcome.replace("_", " ")
        if self.outcome == "passed":
            return f"passed {self.tests_passed} of {self.tests}" if self.tests else "ran"
        if self.outcome == "failed_assertion":
            return f"failed assertion {self.first_failed_test + 1} of {self.tests}"
        if self.exception_type:
            where = f" in line {self.line}" if self.line else ""
            return f"{self.exception_type}{where}" if self.outcome == "exception" else f"{told}{where}"
        return told


@dataclass(frozen=True, slots=True)
class TraceSample:
    """One sample.

    Attributes:
        index: From 0, within its draw.
        text: What the model wrote; empty where the request failed, see `error`.
        reasoning: What it wrote as reasoning, apart from the text.
        answer: The extracted answer, None where there is none.
        scored: Whether it votes.
        measure: Perplexity or score, where the gate asks for it; else None.
        error: The error's code; empty: none.
        error_message: What went wrong.
        finish_reason: "stop", "length" (cut off), ...
        cached: Whether it came from the store, billed nothing in this run.
        prompt_tokens: Of the request, counted with its first sample.
        completion_tokens: Of this sample.
        cost_pusd: In 10^-12 USD; None where the reply had no usage.
        identity: The sample's key in the store.
        verdict: Of the program that it says, where programs are run.
    """

    index: int
    text: str
    reasoning: str
    answer: str | None
    scored: bool
    measure: float | None
    error: str
    error_message: str
    finish_reason: str
    cached: bool
    prompt_tokens: int
    completion_tokens: int
    cost_pusd: int | None
    identity: str
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class TraceDraw:
    """The samples of one draw.

    Attributes:
        name: The draw's name.
        model: The model's name.
        plan: Whether its samples are plans.
        n: How many samples the draw may take; early stopping may leave it with fewer.
        samples: In sampling order.
    """

    name: str
    model: str
    plan: bool
    n: int
    samples: tuple[TraceSample, ...]


@dataclass(frozen=True, slots=True)
class TraceStage:
    """A stage that the problem went through.

    Attributes:
        name: The stage's name.
        index: From 0.
        ended: Whether the stage came to a decision.
        accepted: Whether its gate accepted.
        votes: Of the largest class.
        of: The gate's denominator.
        value: What was compared with the threshold.
        decision: The gate's arithmetic in words.
        carried: Samples that later stages are given: {field that they fill, such as "goal": sample's index}.
        draws: In order.
    """

    name: str
    index: int
    ended: bool
    accepted: bool
    votes: int
    of: int
    value: float
    decision: str
    carried: Mapping[str, int]
    draws: tuple[TraceDraw, ...]


def fraction_text(threshold: Sequence[int]) -> str:
    """Returns a threshold as people write it: a short decimal where that is exact, else a fraction.

    Example:
        >>> fraction_text([3, 4]), fraction_text([2, 3])
        ('0.75', '2/3')
    """
    return axis_value(Fraction(threshold[0], threshold[1]))


def gate_decision(gate: Mapping[str, Any], stage: Mapping[str, Any], drawn: int, n: int, last: bool) -> str:
    """Returns a gate's arithmetic in words.

    Args:
        gate: The spec's gate.
        stage: The trace's stage: accepted, votes, of, value, scored.
        drawn: Samples that the gate saw.
        n: Samples that it might have seen.
        last: Whether there is no later stage.

    Example:
        >>> gate = {"measure": "consensus", "comparison": ">", "threshold": [3, 4]}
        >>> gate_decision(gate, {"accepted": False, "votes": 5, "of": 8, "value": 0.625, "scored": True}, 8, 8, False)
        '5 of 8 = 0.625, not > 0.75: escalated'
    """
    accepted = stage["accepted"]
    ending = "accepted" if accepted else "no later stage, so its answer stands" if last else "escalated"
    if not stage["scored"]:
        return f"no sample could be scored: {'unscored' if last else 'escalated'}"
    if gate["measure"] == "always":
        return f"{stage['votes']} of {stage['of']} votes: {ending}" if n > 1 else ending
    rule = f"{gate['comparison']} {fraction_text(gate['threshold'])}"
    compared = f", {rule}" if accepted else f", not {rule}"
    early = f" after {drawn} of {n} samples" if drawn < n else ""
    if gate["measure"] == "consensus":
        if early and not accepted:
            return f"{stage['votes']} of {stage['of']}{early}, can no longer be {rule}: {ending}"
        return f"{stage['votes']} of {stage['of']} = {stage['value']:.4g}{compared}{early}: {ending}"
    if gate["measure"] == "passed":
        best = (
            "a sample passes all visible tests"
            if accepted
            else f"none passes all, the best {stage['value']:.4g} of them"
        )
        return f"{best}{early}: {ending}"
    return f"{gate['measure']} {stage['value']:.4g}{compared}{early}: {ending}"


@dataclass(frozen=True, slots=True, repr=False)
class Trace:
    """What happened to one problem.

    Attributes:
        id: The problem's id.
        question: Its text.
        gold: The gold answer, None where there is none.
        meta: What else the problem set held.
        status: "answered", "unscored" (nothing could be scored), "failed" (requests failed), "unfinished" (cut off by budget or interruption).
        answer: The answer, None where there is none.
        correct: Whether it is right; None where there is no gold answer or no answer.
        stage: The stage that answered, from 0; -1: none.
        accepted: Whether a gate accepted the answer; False where the last stage's majority was returned all the same.
        stages: Those that the problem went through.
        billed_pusd: What it cost in this run, 10^-12 USD; None where some reply had no usage.
        ideal_pusd: What it would have cost with an empty store.
        compute_flop: 2 x parameters x tokens, where all parameters are known.
        samples: Drawn.
        saved: Not drawn thanks to early stopping.
        method: The method's name.
        score: Of the final program, by the hidden tests; None where the task is not "code".
    """

    id: str
    question: str
    gold: str | None
    meta: Mapping[str, Any]
    status: str
    answer: str | None
    correct: bool | None
    stage: int
    accepted: bool
    stages: tuple[TraceStage, ...]
    billed_pusd: int | None
    ideal_pusd: int | None
    compute_flop: int | None
    samples: int
    saved: int
    method: str
    stages_in_all: int
    score: Verdict | None = None

    @property
    def headline(self) -> str:
        """One line: id, right or wrong, answer, stage, cost."""
        if self.status == "answered":
            mark = {True: "right", False: "wrong", None: "not graded"}[self.correct]
            gold = f" (gold {self.gold})" if self.gold is not None else ""
            answer = f"answer {self.answer}{gold}" if self.score is None else f"program {self.score}"
            told = f"{mark}: {answer}, stage {self.stage + 1} of {self.stages_in_all}"
        else:
            told = (
                self.status if self.gold is None or "hidden_tests" in self.meta else f"{self.status} (gold {self.gold})"
            )
        saved = f" ({self.saved} saved)" if self.saved else ""
        samples = f"{self.samples} sample{'' if self.samples == 1 else 's'}{saved}"
        return f"{self.id}: {told}, {samples}, {usd(self.ideal_pusd)}"

    def __repr__(self) -> str:
        lines = [visible(self.headline), f"  question: {visible(self.question, lines=True)}"]
        for stage in self.stages:
            lines.append(f"  {visible(stage.name)}: {visible(stage.decision)}")
            for draw in stage.draws:
                lines.append(f"    {visible(draw.name)} ({visible(draw.model)})")
                shown = [_shown_answer(draw, sample) for sample in draw.samples]
                width = min(32, max(map(len, shown), default=0))
                for sample, answer in zip(draw.samples, shown, strict=True):
                    head = (
                        f"      {sample.index + 1:>2}  {answer:<{width}}  "
                        if width
                        else f"      {sample.index + 1:>2}  "
                    )
                    lines.append((head + _one_line(sample, _LINE - len(head))).rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        def text(value: str) -> str:
            return html.escape(visible(value, lines=True)).replace("\n", "<br>")

        parts = [f'<div class="cope-trace"><p><b>{text(self.headline)}</b></p><p>{text(self.question)}</p>']
        for stage in self.stages:
            parts.append(f"<p><b>{text(stage.name)}</b>: {text(stage.decision)}</p>")
            for draw in stage.draws:
                parts.append(
                    f"<details><summary>{text(draw.name)} ({text(draw.model)}), {len(draw.samples)} samples</summary><table>"
                )
                for sample in draw.samples:
                    body = sample.text or (f"[{sample.error}] {sample.error_message}" if sample.error else "")
                    cells = (str(sample.index + 1), _shown_answer(draw, sample), body)
                    parts.append(
                        "<tr>" + "".join(f'<td style="text-align: left">{text(cell)}</td>' for cell in cells) + "</tr>"
                    )
                parts.append("</table></details>")
        return "".join([*parts, "</div>"])


def _shown_answer(draw: TraceDraw, sample: TraceSample) -> str:
    if draw.plan:
        return ""
    if sample.error:
        return "failed"
    if sample.verdict is not None:
        ran = visible(sample.answer)[:24] if sample.verdict.tests == 0 and sample.answer is not None else ""
        return ran or visible(str(sample.verdict))
    if sample.answer is None or not sample.scored:
        return "cut off" if sample.finish_reason == "length" else "unscored"
    measure = "" if sample.measure is None else f" ({sample.measure:.3g})"
    return visible(sample.answer)[:24] + measure


def _one_line(sample: TraceSample, width: int) -> str:
    text = f"[{sample.error}] {sample.error_message}" if sample.error else sample.text
    line = visible(" ".join(text.split()))
    return line if len(line) <= width else f"{line[: max(1, width - 3)]}..."


def read_trace(trace_json: str, manifest: Mapping[str, Any], store: _core.Store) -> Trace:
    """Builds the trace of a stored outcome, with the texts of its samples."""
    raw = json.loads(trace_json)
    cascade = manifest["cascade"]
    identities = [sample["identity"] for draw in raw["draws"] for sample in draw["samples"] if sample["identity"]]
    rows = dict(zip(identities, store.samples(identities), strict=True)) if identities else {}
    draws = {draw["draw"]: _draw(draw, cascade, manifest["models"], rows) for draw in raw["draws"]}
    ended = {stage["stage"]: stage for stage in raw["stages"]}
    entered = sorted({*ended, *(cascade["draws"][index]["stage"] for index, draw in draws.items() if draw.samples)})
    return Trace(
        id=raw["id"],
        question=raw["question"],
        gold=raw["gold"],
        meta=raw["meta"],
        status=raw["status"],
        answer=raw["answer"],
        correct=raw["correct"],
        stage=raw["stage"],
        accepted=raw["accepted"],
        stages=tuple(_stage(index, ended.get(index), cascade, draws) for index in entered),
        billed_pusd=raw["billed_pusd"],
        ideal_pusd=raw["ideal_pusd"],
        compute_flop=raw["compute_flop"],
        samples=raw["samples"],
        saved=raw["saved"],
        method=manifest["method"],
        stages_in_all=len(cascade["stages"]),
        score=_verdict(raw.get("score")),
    )


def _verdict(raw: Mapping[str, Any] | None) -> Verdict | None:
    return None if raw is None else Verdict(**raw)


def _draw(
    raw: Mapping[str, Any],
    cascade: Mapping[str, Any],
    models: Sequence[Mapping[str, Any]],
    rows: Mapping[str, _core.SampleRow | None],
) -> TraceDraw:
    spec = cascade["draws"][raw["draw"]]
    gates = [stage["gate"] for stage in cascade["stages"]]
    measured = any(gate["draw"] == raw["draw"] and gate["measure"] in _MEASURED for gate in gates)
    samples = []
    for sample in raw["samples"]:
        row = rows.get(sample["identity"])
        samples.append(
            TraceSample(
                index=sample["index"],
                text=row["text"] if row else "",
                reasoning=row["reasoning"] if row else "",
                answer=sample["answer"],
                scored=sample["scored"],
                measure=sample["measure"] if measured and row else None,
                error="" if sample["error"] == "none" else sample["error"],
                error_message=sample["error_message"],
                finish_reason=sample["finish_reason"],
                cached=sample["cached"],
                prompt_tokens=sample["prompt_tokens"],
                completion_tokens=sample["completion_tokens"],
                cost_pusd=sample["cost_pusd"],
                identity=sample["identity"],
                verdict=_verdict(sample.get("verdict")),
            )
        )
    return TraceDraw(spec["name"], models[spec["model"]]["model"], spec["plan"], spec["n"], tuple(samples))


def _stage(
    index: int, result: Mapping[str, Any] | None, cascade: Mapping[str, Any], draws: Mapping[int, TraceDraw]
) -> TraceStage:
    spec = cascade["stages"][index]
    gate = spec["gate"]
    inside = {
        place: draws[place] for place, draw in enumerate(cascade["draws"]) if draw["stage"] == index and place in draws
    }
    last = index == len(cascade["stages"]) - 1
    if result is None:
        return TraceStage(spec["name"], index, False, False, 0, 0, 0.0, "not finished", {}, tuple(inside.values()))
    seen = len(draws[gate["draw"]].samples) if gate["draw"] in draws else 0
    decision = gate_decision(gate, result, seen, cascade["draws"][gate["draw"]]["n"], last)
    carried = {} if result["accepted"] or last else _carried(index, result["representative"], cascade)
    if carried:
        decision += "; carries " + " and ".join(f"{name} {sample + 1}" for name, sample in carried.items())
    return TraceStage(
        name=spec["name"],
        index=index,
        ended=True,
        accepted=result["accepted"],
        votes=result["votes"],
        of=result["of"],
        value=result["value"],
        decision=decision,
        carried=carried,
        draws=tuple(inside.values()),
    )


def _carried(index: int, representative: int, cascade: Mapping[str, Any]) -> dict[str, int]:
    """Which samples of a stage the stages after it are given: {field that they fill: sample's index}."""
    carried = {
        given["field"]: cascade["draws"][given["draw"]]
        for draw in cascade["draws"]
        if draw["stage"] > index
        for given in draw["given"]
        if given["pick"] == "carried"
    }
    return {name: representative if draw["n"] > 1 else 0 for name, draw in carried.items() if draw["stage"] == index}
