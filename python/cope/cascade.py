"""Cascades as data: stages of draws with a gate. Every method is such a list; none has an engine of its own.

    Cascade = stages    Stage = draws + gate    Draw = model + prompt + n + sampling + given plans    Gate = measure + comparison + threshold

A problem enters the first stage. Each draw asks its model for n samples. The gate looks at the samples of one draw and accepts its answer, or the problem
goes on to the next stage, which may be given plans of earlier ones. The last stage answers in any case.

Example:
    >>> from cope import Model
    >>> small, large = Model("qwen", base_url="http://localhost:8000/v1"), Model("gpt-4o-mini")
    >>> Cascade(
    ...     Stage(Draw("solutions", small, n=8, temperature=0.8), gate=Gate("consensus", 0.75)),
    ...     Stage(Draw("solution", large)),
    ...     name="self-consistency, then large",
    ... )
    Cascade 'self-consistency, then large'
      stage 1: solutions = 8 x qwen (T = 0.8); accept if consensus > 3/4
      stage 2: solution = 1 x gpt-4o-mini (T = 0); accept
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from ._money import INT64_MAX, Number, exact
from .errors import ConfigError
from .models import Model
from .programs import ProgramOfThought
from .prompts import Prompt

Measure = Literal["always", "consensus", "agreement", "passed", "perplexity", "score", "custom"]
Comparison = Literal[">", ">=", "<", "<="]
Pick = Literal["auto", "each", "carried"]
PromptFunction = Callable[[str, Mapping[str, str]], "str | Sequence[Mapping[str, str]]"]

_MEASURES = ("always", "consensus", "agreement", "passed", "perplexity", "score", "custom")
_SHARES = ("consensus", "agreement", "passed")  # measures from 0 to 1
_COMPARISONS = (">", ">=", "<", "<=")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_SAMPLES = 1_000_000


def _text(value: object, what: str) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{what}: expected a text that is not empty, got {value!r}")


@dataclass(frozen=True)
class Given:
    """A plan of an earlier draw that a prompt shows.

    Args:
        draw: The earlier draw: its name (the nearest before wins), or "stage/name".
        field: The placeholder it fills, without braces. Default: the draw's type of plan, such as "goal".
        pick: Which sample: "each": sample i goes into prompt i (or the only one into every prompt), "carried": the one its stage carries, which is the
            parent of the first sample of the majority. Default: "each" within a stage, "carried" from an earlier one.

    Example:
        >>> Given("goals", "goal")
        Given(draw='goals', field='goal', pick='auto')
    """

    draw: str
    field: str | None = None
    pick: Pick = "auto"

    def __post_init__(self) -> None:
        _text(self.draw, "Given, draw")
        if self.field is not None and not (
            isinstance(self.field, str) and _FIELD.fullmatch(self.field) and self.field != "question"
        ):
            raise ConfigError(
                f"Given({self.draw!r}), field: expected a placeholder's name such as 'goal', got {self.field!r}"
            )
        if self.pick not in ("auto", "each", "carried"):
            raise ConfigError(f"Given({self.draw!r}), pick: expected 'auto', 'each' or 'carried', got {self.pick!r}")


@dataclass(frozen=True)
class Draw:
    """n samples of one model for one prompt.

    Args:
        name: How tables and traces call it.
        model: The model.
        n: Number of samples, at least 1.
        plan: None: the samples are solutions. Else the type of plan they are ("goal", "guideline", or one of your own): plans are never voted on.
        given: Plans of earlier draws that the prompt shows: a Given, a draw's name, or several.
        prompt: Default: the file of the model's prompt set that fits the role and the given plans. Else a text with placeholders, the path of a .txt
            file, a Prompt, or a callable (question, {plan's field: text}) -> user's message or list of messages, also as "file.py:function".
        role: The stem of the prompt file for solutions. Default "solve", which is "program" for programs, and "function" in the task "code".
        program: Program-of-Thought: the samples are Python programs, whose `ans` is the answer. True, or a ProgramOfThought with settings of your own.
        temperature: From 0 (greedy) to 5.
        max_tokens: Most tokens of one sample. Default: 2048 for solutions, 256 for plans; never more than the model's own `max_tokens`.

    Raises:
        ConfigError: An argument that cannot work.

    Example:
        >>> Draw("goals", Model("gpt-4o-mini"), n=8, plan="goal", temperature=0.8).n
        8
    """

    name: str
    model: Model
    _: KW_ONLY
    n: int = 1
    plan: str | None = None
    given: Sequence[Given | str] | Given | str = ()
    prompt: str | Path | Prompt | PromptFunction | None = None
    role: str = "solve"
    temperature: float = 0.0
    max_tokens: int | None = None
    program: ProgramOfThought | bool = False

    def __post_init__(self) -> None:
        _text(self.name, "Draw, name")
        where = f"Draw({self.name!r})"
        if "/" in self.name:
            raise ConfigError(f"{where}, name: expected no '/', which separates a stage from a draw")
        if not isinstance(self.model, Model):
            raise ConfigError(
                f"{where}, model: expected a cope.Model, got {self.model!r}; for a name write cope.Model({self.model!r})"
            )
        if not isinstance(self.n, int) or isinstance(self.n, bool) or not 1 <= self.n <= MAX_SAMPLES:
            raise ConfigError(
                f"{where}, n (k): expected a whole number of samples from 1 to {MAX_SAMPLES}, got {self.n!r}"
            )
        for what, value in (("plan", self.plan), ("role", self.role)):
            if value is not None and not (isinstance(value, str) and _FIELD.fullmatch(value)):
                raise ConfigError(f"{where}, {what}: expected a word such as 'goal', got {value!r}")
        given: Sequence[Given | str] = (self.given,) if isinstance(self.given, (Given, str)) else self.given
        object.__setattr__(self, "given", tuple(Given(each) if isinstance(each, str) else each for each in given))
        temperature = self.temperature
        if isinstance(temperature, bool) or not isinstance(temperature, (int, float)) or not 0 <= temperature <= 5:
            raise ConfigError(f"{where}, temperature: expected a number from 0 to 5, got {temperature!r}")
        tokens = self.max_tokens
        if tokens is not None and (not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 1):
            raise ConfigError(f"{where}, max_tokens: expected a whole number of at least 1, got {tokens!r}")
        if not isinstance(self.program, (bool, ProgramOfThought)):
            raise ConfigError(f"{where}, program: expected True or a cope.ProgramOfThought, got {self.program!r}")
        if self.program and self.plan is not None:
            raise ConfigError(f"{where}, program: plans are texts; only solutions can be programs")
        if isinstance(self.prompt, str) and not self.prompt.strip():
            raise ConfigError(f"{where}, prompt: the prompt is empty; leave it out for the model's prompt set")

    @property
    def givens(self) -> tuple[Given, ...]:
        """`given` as a tuple of Given."""
        given: Any = self.given  # a tuple of Given, since __post_init__
        return tuple(given)

    @property
    def thought(self) -> ProgramOfThought | None:
        """The settings of programs; None where samples are texts."""
        if isinstance(self.program, ProgramOfThought):
            return self.program
        return ProgramOfThought() if self.program else None

    @property
    def resolved_role(self) -> str:
        """The stem of the prompt file for solutions."""
        return "program" if self.program and self.role == "solve" else self.role

    @property
    def resolved_max_tokens(self) -> int:
        """Most tokens of one sample, after defaults and the model's own limit."""
        wanted = self.max_tokens or (2048 if self.plan is None else 256)
        return min(wanted, self.model.max_tokens or wanted)

    def sampling(self, logprobs: bool = False) -> dict[str, float | int | bool]:
        """Returns every sampling parameter, as requests send it."""
        model = self.model
        return {
            "temperature": float(self.temperature),
            "top_p": float(model.top_p),
            "top_k": model.top_k,
            "min_p": float(model.min_p),
            "repeat_penalty": float(model.repeat_penalty),
            "presence_penalty": float(model.presence_penalty),
            "frequency_penalty": float(model.frequency_penalty),
            "max_tokens": self.resolved_max_tokens,
            "logprobs": logprobs,
        }

    def __str__(self) -> str:
        given = f" given {' and '.join(each.draw for each in self.givens)}" if self.givens else ""
        kind = " programs" if self.program else ""
        return f"{self.name} = {self.n}{kind} x {self.model.name}{given} (T = {self.temperature:g})"


@dataclass(frozen=True)
class Gate:
    """When a stage's answer is accepted.

    Args:
        measure: "always"; "consensus": votes of the largest class / n; "agreement": 1 if the majorities of two draws agree, else 0; "passed": 1 if a
            sample passed its visible tests (task "code", or the task's `score` >= 1), else 0; "perplexity": the lowest; "score": the highest
            `score` of the task; "custom": `function`.
        threshold: A number or a text such as "2/3"; kept as the exact fraction that its decimal text spells.
        comparison: accept iff measure `comparison` threshold; default ">", for perplexity "<=".
        draw: The draw it looks at. Default: the stage's last draw of solutions.
        other_draw: The second draw of "agreement".
        denominator: Of consensus: "k": all samples, "answered": those with an answer.
        function: Of "custom": a callable ([(text, answer or None), ...], problem) -> number, or "file.py:function".

    Raises:
        ConfigError: An argument that cannot work.

    Example:
        >>> Gate("consensus", "2/3", ">=")
        Gate(consensus >= 2/3)
    """

    measure: Measure = "always"
    threshold: Number = 0
    comparison: Comparison | None = None
    _: KW_ONLY
    draw: str | None = None
    other_draw: str | None = None
    denominator: Literal["k", "answered"] = "k"
    function: Callable[..., float] | str | None = None

    def __post_init__(self) -> None:
        if self.measure not in _MEASURES:
            raise ConfigError(f"Gate, measure: expected one of {', '.join(_MEASURES)}, got {self.measure!r}")
        where = f"Gate({self.measure!r})"
        if self.comparison is None:
            object.__setattr__(self, "comparison", "<=" if self.measure == "perplexity" else ">")
        if self.comparison not in _COMPARISONS:
            raise ConfigError(f"{where}, comparison: expected one of {' '.join(_COMPARISONS)}, got {self.comparison!r}")
        if self.denominator not in ("k", "answered"):
            raise ConfigError(f"{where}, denominator: expected 'k' or 'answered', got {self.denominator!r}")
        threshold = exact(self.threshold, f"{where}, threshold")
        if self.measure in _SHARES and not 0 <= threshold <= 1:
            raise ConfigError(
                f"{where}, threshold: expected 0 to 1 (a share), got {self.threshold}; 75 % is written 0.75"
            )
        if threshold < 0:
            raise ConfigError(f"{where}, threshold: expected at least 0, got {self.threshold}")
        if max(threshold.numerator, threshold.denominator) > INT64_MAX:
            raise ConfigError(
                f"{where}, threshold: {self.threshold} has too many digits; write a fraction such as '2/3'"
            )
        object.__setattr__(self, "threshold", threshold)
        if (self.measure == "custom") != (self.function is not None):
            raise ConfigError(f"{where}, function: measure 'custom' needs one, the others take none")
        if (self.measure == "agreement") != (self.other_draw is not None):
            raise ConfigError(f"{where}, other_draw: measure 'agreement' needs one, the others take none")

    @property
    def fraction(self) -> Fraction:
        """The threshold, exactly."""
        assert isinstance(self.threshold, Fraction)
        return self.threshold

    def __str__(self) -> str:
        if self.measure == "always":
            return "accept"
        rule = f"{self.measure} {self.comparison} {self.fraction}"
        return f"accept if {rule}{'' if self.denominator == 'k' else ' of those answered'}"

    def __repr__(self) -> str:
        return f"Gate({str(self).removeprefix('accept if ') if self.measure != 'always' else 'always'})"


@dataclass(frozen=True, init=False)
class Stage:
    """A few draws and a gate.

    Args:
        draws: In the order they are made; names are unique within the stage.
        gate: Default: always accept.
        name: Default: "stage 1", "stage 2", ... by position.

    Example:
        >>> Stage(Draw("solution", Model("gpt-4o-mini"))).gate
        Gate(always)
    """

    draws: tuple[Draw, ...]
    gate: Gate = field(default_factory=Gate)
    name: str = ""

    def __init__(self, *draws: Draw, gate: Gate | None = None, name: str = "") -> None:
        if not draws or not all(isinstance(each, Draw) for each in draws):
            raise ConfigError(f"Stage{f' {name!r}' if name else ''}: expected one draw or more, got {draws!r}")
        seen = [each.name for each in draws]
        if doubled := {each for each in seen if seen.count(each) > 1}:
            raise ConfigError(
                f"Stage{f' {name!r}' if name else ''}: two draws are called {doubled.pop()!r}; give each its own name"
            )
        if gate is not None and not isinstance(gate, Gate):
            raise ConfigError(f"Stage, gate: expected a cope.Gate, got {gate!r}")
        object.__setattr__(self, "draws", draws)
        object.__setattr__(self, "gate", gate or Gate())
        object.__setattr__(self, "name", name)


@dataclass(frozen=True)
class _Placed:
    """A draw with its place: global index and stage."""

    index: int
    stage: int
    draw: Draw


@dataclass(frozen=True, init=False, repr=False)
class Cascade:
    """A method: stages, from the first to the last.

    Args:
        stages: In order.
        name: How tables call it.
        early_stop: Lossless early stopping: draw no further sample once gate, answer and carried plan can no longer change.

    Raises:
        ConfigError: A cascade that cannot run; the error names the stage and the draw.
    """

    stages: tuple[Stage, ...]
    name: str = "cascade"
    early_stop: bool = True

    def __init__(self, *stages: Stage, name: str = "cascade", early_stop: bool = True) -> None:
        if not stages or not all(isinstance(each, Stage) for each in stages):
            raise ConfigError(f"Cascade {name!r}: expected one stage or more, got {stages!r}")
        _text(name, "Cascade, name")
        if not isinstance(early_stop, bool):
            raise ConfigError(f"Cascade {name!r}, early_stop: expected True or False, got {early_stop!r}")
        named = tuple(
            each if each.name else Stage(*each.draws, gate=each.gate, name=f"stage {i}")
            for i, each in enumerate(stages, 1)
        )
        titles = [each.name for each in named]
        if doubled := {each for each in titles if titles.count(each) > 1}:
            raise ConfigError(f"Cascade {name!r}: two stages are called {doubled.pop()!r}; give each its own name")
        object.__setattr__(self, "stages", named)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "early_stop", early_stop)
        self._check()

    @property
    def draws(self) -> tuple[Draw, ...]:
        """All draws in order."""
        return tuple(draw for stage in self.stages for draw in stage.draws)

    @property
    def models(self) -> tuple[Model, ...]:
        """The models, each once, in order of their first draw."""
        found: list[Model] = []
        for draw in self.draws:
            if draw.model not in found:
                found.append(draw.model)
        return tuple(found)

    def with_early_stop(self, early_stop: bool) -> Cascade:
        """Returns the same method with early stopping on or off; its answers are the same."""
        return Cascade(*self.stages, name=self.name, early_stop=early_stop)

    def renamed(self, name: str) -> Cascade:
        """Returns the same method under another name."""
        return Cascade(*self.stages, name=name, early_stop=self.early_stop)

    def placed(self) -> Iterator[_Placed]:
        """Yields the draws with their places."""
        index = 0
        for stage_index, stage in enumerate(self.stages):
            for draw in stage.draws:
                yield _Placed(index, stage_index, draw)
                index += 1

    def _find(self, reference: str, before: int, where: str) -> _Placed:
        """The nearest draw of that name before a global index."""
        stage_name, _, name = reference.rpartition("/")
        earlier = [
            each
            for each in self.placed()
            if each.index < before and each.draw.name == name and stage_name in ("", self.stages[each.stage].name)
        ]
        if not earlier:
            names = [
                f"{self.stages[each.stage].name}/{each.draw.name}" for each in self.placed() if each.index < before
            ]
            raise ConfigError(f"{where}: no draw {reference!r} before it; there are {', '.join(names) or 'none'}")
        return earlier[-1]

    def given(self, place: _Placed) -> list[dict[str, Any]]:
        """Returns what a draw is given, as the spec says it: field, index of the earlier draw, pick."""
        where = f"{self.name}, {self.stages[place.stage].name}, draw {place.draw.name!r}"
        entries: list[dict[str, Any]] = []
        for given in place.draw.givens:
            source = self._find(given.draw, place.index, f"{where}, given")
            pick = given.pick
            if pick == "auto":
                pick = "each" if source.stage == place.stage else "carried"
            if pick == "carried" and source.stage == place.stage:
                raise ConfigError(
                    f"{where}, given {given.draw!r}: a stage carries to later stages only; use pick='each'"
                )
            if pick == "each" and source.draw.n not in (1, place.draw.n):
                raise ConfigError(
                    f"{where}, given {given.draw!r}: {source.draw.n} samples cannot go into {place.draw.n} prompts one by one; make n equal, or 1"
                )
            if pick == "carried" and source.draw.n != 1 and source.draw.n != self._gate_draw(source.stage).draw.n:
                raise ConfigError(
                    f"{where}, given {given.draw!r}: its stage carries one of {source.draw.n} only if the gate's draw has as many"
                )
            name = given.field or source.draw.plan
            if name is None:
                raise ConfigError(
                    f"{where}, given {given.draw!r}: it is no plan, so say which placeholder it fills: Given({given.draw!r}, 'field')"
                )
            if any(entry["field"] == name for entry in entries):
                raise ConfigError(f"{where}: two given plans fill {{{name}}}; give each its own field")
            entries.append({"field": name, "draw": source.index, "pick": pick})
        return entries

    def _gate_draw(self, stage_index: int) -> _Placed:
        stage = self.stages[stage_index]
        inside = [each for each in self.placed() if each.stage == stage_index]
        if stage.gate.draw is not None:
            return self._in_stage(stage.gate.draw, stage_index)
        solutions = [each for each in inside if each.draw.plan is None]
        if not solutions:
            raise ConfigError(
                f"{self.name}, {stage.name}: has no draw of solutions for its gate; add a draw without plan="
            )
        return solutions[-1]

    def _in_stage(self, name: str, stage_index: int) -> _Placed:
        stage = self.stages[stage_index]
        for each in self.placed():
            if each.stage == stage_index and each.draw.name == name:
                if each.draw.plan is not None:
                    raise ConfigError(
                        f"{self.name}, {stage.name}, gate: draw {name!r} is a plan, which is never voted on"
                    )
                return each
        names = ", ".join(repr(each.name) for each in stage.draws)
        raise ConfigError(f"{self.name}, {stage.name}, gate: no draw {name!r} in this stage; there are {names}")

    def _gate_entry(self, stage_index: int) -> dict[str, Any]:
        gate = self.stages[stage_index].gate
        entry: dict[str, Any] = {
            "measure": gate.measure,
            "draw": self._gate_draw(stage_index).index,
            "comparison": gate.comparison,
            "threshold": [gate.fraction.numerator, gate.fraction.denominator],
            "denominator": gate.denominator,
        }
        if gate.other_draw is not None:
            entry["other_draw"] = self._in_stage(gate.other_draw, stage_index).index
        return entry

    def _check(self) -> None:
        for place in self.placed():
            self.given(place)
        for index, stage in enumerate(self.stages):
            draw = self._gate_draw(index).draw
            if stage.gate.measure == "perplexity" and not draw.model.understands["logprobs"]:
                raise ConfigError(
                    f"{self.name}, {stage.name}, gate: perplexity needs log-probabilities, which {draw.model.name} "
                    f"({draw.model.resolved_kind}) does not return; gate on consensus, or use another model"
                )
        seen: dict[tuple[str, str], Model] = {}
        for model in self.models:
            twin = seen.setdefault((model.resolved_stable_name, model.name), model)
            if twin.resolved_base_url != model.resolved_base_url:
                raise ConfigError(
                    f"{self.name}: {model.name} at {twin.resolved_base_url} and at {model.resolved_base_url} would share their recorded samples; "
                    "give each Model its own stable_name="
                )

    def to_spec(self) -> dict[str, Any]:
        """Returns the spec's "cascade", but for the prompts: names, gates, draws, which model each draw asks.

        Example:
            >>> Cascade(Stage(Draw("solution", Model("gpt-4o-mini")))).to_spec()["draws"][0]["n"]
            1
        """
        models = self.models
        gated = {
            self._gate_draw(index).index
            for index, stage in enumerate(self.stages)
            if stage.gate.measure == "perplexity"
        }
        return {
            "name": self.name,
            "early_stop": self.early_stop,
            "stages": [
                {"name": stage.name, "gate": self._gate_entry(index)} for index, stage in enumerate(self.stages)
            ],
            "draws": [
                {
                    "name": place.draw.name,
                    "stage": place.stage,
                    "n": place.draw.n,
                    "plan": place.draw.plan is not None,
                    "given": self.given(place),
                    "model": models.index(place.draw.model),
                    "sampling": place.draw.sampling(place.index in gated),
                    **({"program": place.draw.thought.to_entry()} if place.draw.thought is not None else {}),
                }
                for place in self.placed()
            ],
        }

    def __repr__(self) -> str:
        lines = [f"Cascade {self.name!r}{'' if self.early_stop else ' (no early stopping)'}"]
        for stage in self.stages:
            lines.append(f"  {stage.name}: {', then '.join(map(str, stage.draws))}; {stage.gate}")
        return "\n".join(lines)

    def max_samples(self) -> int:
        """Returns the most samples that one problem may take."""
        return sum(draw.n for draw in self.draws)
