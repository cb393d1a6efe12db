"""The methods, each a few lines that build a cascade. `from cope import methods`, then `methods.COPE(small, large)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ._money import Number
from .cascade import MAX_SAMPLES, Cascade, Comparison, Draw, Gate, Given, Stage
from .errors import ConfigError
from .models import Model

__all__ = ["COPE", "Large", "Planned", "SmallMajority", "SmallSingle"]

PlanType = Literal["none", "goal", "guideline"]
_THRESHOLDS: Sequence[Number] = (0.75, 0.5)


def _plan_type(value: object, what: str) -> str | None:
    if value is None or value == "none":
        return None
    if not isinstance(value, str) or not value.isidentifier():
        raise ConfigError(f"{what}: expected 'none', 'goal', 'guideline' or a word of your own, got {value!r}")
    return value


def _check_k(k: object) -> int:
    """Checks a number of samples: the presets' k."""
    if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= MAX_SAMPLES:
        raise ConfigError(
            f"k: expected a whole number of samples from 1 to {MAX_SAMPLES}, got {k!r}; the paper uses k=8"
        )
    return k


def _check_gate(gate: object) -> None:
    if gate not in ("consensus", "passed"):
        raise ConfigError(f"gate: expected 'consensus', or 'passed' for code, got {gate!r}")


def _planner(kind: str | None, model: Model, n: int, temperature: float, max_tokens: int | None) -> list[Draw]:
    """The draw of plans, or none; it is called after its type."""
    if kind is None:
        return []
    name = kind if n == 1 else f"{kind}s"
    return [Draw(name, model, n=n, plan=kind, temperature=temperature, max_tokens=max_tokens)]


def COPE(
    small: Model,
    large: Model,
    *,
    k: int = 8,
    thresholds: Sequence[Number] = _THRESHOLDS,
    gate: Literal["consensus", "passed"] = "consensus",
    stages: Literal[2, 3] = 3,
    comparison: Comparison = ">",
    stage1_plan: str = "goal",
    stage2_plan: str = "guideline",
    planner_temperatures: tuple[float, float] = (0.8, 0.8),
    executor_temperatures: tuple[float, float, float] = (0.4, 0.8, 0.0),
    max_tokens: int | None = None,
    plan_max_tokens: int | None = None,
    early_stop: bool = True,
    name: str | None = None,
) -> Cascade:
    """COPE: planning and execution by small and large model in turns.

    Stage 1: the small model draws k goals and one solution for each. Stage 2: the large model draws one guideline, seeing the problem only; the small model
    draws k solutions given the carried goal (that of the first solution in the majority) and the guideline. Stage 3: the large model solves given the
    guideline. Stages 1 and 2 accept when the majority's share of k exceeds their threshold.

    Source: section 4 and equation (1); temperatures: appendix C; k and thresholds: tables 10 and 11; two stages: table 8.

    Args:
        small: The free model.
        large: The costly model.
        k: Samples of stages 1 and 2.
        thresholds: Of stages 1 and 2, from 0 to 1, compared exactly: 6 of 8 does not exceed 0.75. Default: 0.75 and 0.5.
        gate: "consensus", or "passed" for code (section 5.2): a stage accepts its first program that passes the visible tests; there are no thresholds.
        stages: 3, or 2 for the truncated variant, which returns stage 2's majority.
        comparison: ">" as in the paper ("exceeds"), or ">=".
        stage1_plan: Plans of stage 1: "goal", "guideline", or "none" (then stage 2 is given the guideline alone).
        stage2_plan: Plans of stages 2 and 3, likewise.
        planner_temperatures: Of the planners of stages 1 and 2.
        executor_temperatures: Of the executors of stages 1, 2 and 3.
        max_tokens: Most tokens of a solution. Default: 2048, or the model's own limit.
        plan_max_tokens: Most tokens of a plan. Default: 256, or the model's own limit.
        early_stop: Draw no sample that can no longer change gate, answer or carried plan.
        name: Default: "COPE", or "COPE (2 stages)".

    Returns:
        The cascade.

    Raises:
        ConfigError: An argument that cannot work.

    Example:
        >>> COPE(Model("qwen", base_url="http://localhost:8000/v1"), Model("gpt-4o-mini"))
        Cascade 'COPE'
          stage 1: goals = 8 x qwen (T = 0.8), then solutions = 8 x qwen given goals (T = 0.4); accept if consensus > 3/4
          stage 2: guideline = 1 x gpt-4o-mini (T = 0.8), then solutions = 8 x qwen given goals and guideline (T = 0.8); accept if consensus > 1/2
          stage 3: solution = 1 x gpt-4o-mini given guideline (T = 0); accept
    """
    _check_k(k)
    if stages not in (2, 3):
        raise ConfigError(f"stages: expected 3, or 2 for the truncated variant, got {stages!r}")
    if isinstance(thresholds, str) or not hasattr(thresholds, "__len__") or len(thresholds) != 2:
        raise ConfigError(f"thresholds: expected two, for stages 1 and 2, such as (0.75, 0.5), got {thresholds!r}")
    for what, given, wanted in (("planner", planner_temperatures, 2), ("executor", executor_temperatures, 3)):
        if not isinstance(given, (tuple, list)) or len(given) != wanted:
            raise ConfigError(f"{what}_temperatures: expected {wanted} numbers, one a stage, got {given!r}")
    first, second = _plan_type(stage1_plan, "stage1_plan"), _plan_type(stage2_plan, "stage2_plan")
    _check_gate(gate)
    if gate == "passed" and (thresholds is not _THRESHOLDS or comparison != ">"):
        raise ConfigError(
            "thresholds: a program passes its tests or does not; gate='passed' takes neither thresholds nor comparison"
        )
    gates = [Gate("consensus", t, comparison) if gate == "consensus" else Gate("passed") for t in thresholds]

    # A plan's field is its type; where both stages draw the same type, the carried one keeps its own name.
    carried_field = first if first != second else f"carried_{first}"
    own = _planner(first, small, k, planner_temperatures[0], plan_max_tokens)
    new = _planner(second, large, 1, planner_temperatures[1], plan_max_tokens)
    same_name = [draw.name for draw in own] == [draw.name for draw in new]
    carried = [Given(f"stage 1/{draw.name}" if same_name else draw.name, carried_field) for draw in own]
    shown = [Given(draw.name) for draw in new]
    t1, t2, t3 = executor_temperatures
    built = [
        Stage(
            *own,
            Draw("solutions", small, n=k, given=[each.name for each in own], temperature=t1, max_tokens=max_tokens),
            gate=gates[0],
        ),
        Stage(
            *new,
            Draw("solutions", small, n=k, given=[*carried, *shown], temperature=t2, max_tokens=max_tokens),
            gate=gates[1],
        ),
        Stage(Draw("solution", large, given=shown, temperature=t3, max_tokens=max_tokens)),
    ]
    default_name = "COPE" if stages == 3 else "COPE (2 stages)"
    return Cascade(*built[:stages], name=name or default_name, early_stop=early_stop)


def SmallSingle(
    small: Model, *, temperature: float = 0.8, max_tokens: int | None = None, name: str = "Small (single)"
) -> Cascade:
    """The small model, once, zero-shot, without a plan.

    Source: section 5, Baselines.

    Args:
        small: The model.
        temperature: 0 for greedy decoding.
        max_tokens: Most tokens of the solution. Default: 2048, or the model's own limit.
        name: How tables call it.

    Returns:
        The cascade.

    Example:
        >>> SmallSingle(Model("qwen", base_url="http://localhost:8000/v1"))
        Cascade 'Small (single)'
          stage 1: solution = 1 x qwen (T = 0.8); accept
    """
    return Cascade(Stage(Draw("solution", small, temperature=temperature, max_tokens=max_tokens)), name=name)


def SmallMajority(
    small: Model,
    k: int = 8,
    *,
    gate: Literal["consensus", "passed"] = "consensus",
    temperature: float = 0.8,
    max_tokens: int | None = None,
    early_stop: bool = True,
    name: str | None = None,
) -> Cascade:
    """The small model, k times; the majority's answer (self-consistency), or for code the first program that passes the visible tests.

    Source: section 5, Baselines; Wang et al. 2022.

    Args:
        small: The model.
        k: Number of samples.
        gate: "consensus": the majority answers; "passed", for code: the first program that passes the visible tests, else the one that passes most.
        temperature: Above 0, or all samples are the same.
        max_tokens: Most tokens of a solution. Default: 2048, or the model's own limit.
        early_stop: Draw no sample that can no longer change the answer.
        name: How tables call it. Default: "Small (majority)", or "Small (multi)" for code.

    Returns:
        The cascade.

    Example:
        >>> SmallMajority(Model("qwen", base_url="http://localhost:8000/v1"), k=8).max_samples()
        8
    """
    draw = Draw("solutions", small, n=_check_k(k), temperature=temperature, max_tokens=max_tokens)
    _check_gate(gate)
    if gate == "passed":
        return Cascade(Stage(draw, gate=Gate("passed")), name=name or "Small (multi)", early_stop=early_stop)
    return Cascade(Stage(draw), name=name or "Small (majority)", early_stop=early_stop)


def Large(large: Model, *, temperature: float = 0.0, max_tokens: int | None = None, name: str = "Large") -> Cascade:
    """The large model, once, zero-shot, without a plan.

    Source: section 5, Baselines.

    Args:
        large: The model.
        temperature: 0 for greedy decoding, as in the paper's stage 3.
        max_tokens: Most tokens of the solution. Default: 2048, or the model's own limit.
        name: How tables call it.

    Returns:
        The cascade.

    Example:
        >>> Large(Model("gpt-4o-mini")).max_samples()
        1
    """
    return Cascade(Stage(Draw("solution", large, temperature=temperature, max_tokens=max_tokens)), name=name)


def Planned(
    planner: Model,
    executor: Model,
    plan: str = "guideline",
    n: int = 1,
    *,
    planner_temperature: float = 0.8,
    executor_temperature: float = 0.8,
    max_tokens: int | None = None,
    plan_max_tokens: int | None = None,
    early_stop: bool = True,
    name: str | None = None,
) -> Cascade:
    """One model plans, another (or the same) executes: a cell of the paper's planner x executor grid.

    Source: section 3 and table 2 (the temperatures there are not stated; these are those of stage 2).

    Args:
        planner: Draws the plan; not asked when `plan` is "none".
        executor: Solves given the plan.
        plan: "none", "goal" or "guideline".
        n: Number of plans, with one solution each; the majority answers.
        planner_temperature: Of the plans.
        executor_temperature: Of the solutions.
        max_tokens: Most tokens of a solution. Default: 2048, or the model's own limit.
        plan_max_tokens: Most tokens of a plan. Default: 256, or the model's own limit.
        early_stop: Draw no sample that can no longer change the majority.
        name: Default: "<planner> plans a <plan>, <executor> executes".

    Returns:
        The cascade.

    Example:
        >>> small, large = Model("qwen", base_url="http://localhost:8000/v1"), Model("gpt-4o-mini")
        >>> Planned(planner=large, executor=small, plan="guideline")
        Cascade 'gpt-4o-mini plans a guideline, qwen executes'
          stage 1: guideline = 1 x gpt-4o-mini (T = 0.8), then solutions = 1 x qwen given guideline (T = 0.8); accept
    """
    _check_k(n)
    kind = _plan_type(plan, "plan")
    plans = _planner(kind, planner, n, planner_temperature, plan_max_tokens)
    solutions = Draw(
        "solutions",
        executor,
        n=n,
        given=[each.name for each in plans],
        temperature=executor_temperature,
        max_tokens=max_tokens,
    )
    default_name = f"{planner.name} plans a {kind}, {executor.name} executes" if kind else f"{executor.name}, no plan"
    return Cascade(Stage(*plans, solutions), name=name or default_name, early_stop=early_stop)
