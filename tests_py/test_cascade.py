from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given as given_values
from hypothesis import strategies as st

import cope
from cope import Cascade, Draw, Gate, Given, Model, Stage
from cope.spec import compile_method


@pytest.mark.parametrize(
    ("threshold", "fraction"),
    [
        (0.75, [3, 4]),
        ("2/3", [2, 3]),
        (0.1, [1, 10]),
        (1, [1, 1]),
        (0, [0, 1]),
        (Fraction(5, 7), [5, 7]),
        ("0.30", [3, 10]),
    ],
)
def test_a_threshold_is_kept_exactly(large: Model, threshold: Any, fraction: list[int]) -> None:
    spec = Cascade(Stage(Draw("s", large, n=8), gate=Gate("consensus", threshold)), Stage(Draw("s", large))).to_spec()
    assert spec["stages"][0]["gate"]["threshold"] == fraction


@given_values(st.integers(0, 1000), st.integers(1, 1000))
def test_a_share_written_as_a_fraction_is_that_fraction(numerator: int, more: int) -> None:
    denominator = numerator + more
    assert Gate("consensus", f"{numerator}/{denominator}").fraction == Fraction(numerator, denominator)


@pytest.mark.parametrize("threshold", [-0.1, 1.01, 75, float("nan"), float("inf"), "much", None, True, [0.5], "1/0"])
@pytest.mark.parametrize("measure", ["consensus", "agreement"])
def test_a_threshold_outside_0_to_1_is_refused_when_the_gate_is_built(measure: Any, threshold: Any) -> None:
    with pytest.raises(cope.ConfigError, match="threshold"):
        Gate(measure, threshold, other_draw="b" if measure == "agreement" else None)


def test_a_perplexity_threshold_may_be_above_1_and_the_lower_is_the_better() -> None:
    gate = Gate("perplexity", 3.5)
    assert (gate.comparison, gate.fraction) == ("<=", Fraction(7, 2))


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (lambda m: Gate("majority"), "measure"),
        (lambda m: Gate("consensus", 0.5, "=>"), "comparison"),
        (lambda m: Gate("consensus", 0.5, denominator="n"), "denominator"),
        (lambda m: Gate("custom", 0.5), "function"),
        (lambda m: Gate("consensus", 0.5, function=max), "function"),
        (lambda m: Gate("agreement", 0.5), "other_draw"),
        (lambda m: Gate("score", 1e-30), "digits"),
        (lambda m: Draw("s", m, n=0), r"n \(k\).*got 0"),
        (lambda m: Draw("s", m, n=True), r"n \(k\)"),
        (lambda m: Draw("s", m, n=8.0), r"n \(k\)"),
        (lambda m: Draw("", m), "name"),
        (lambda m: Draw("a/b", m), "'/'"),
        (lambda m: Draw("s", "gpt-4o"), r"cope\.Model\('gpt-4o'\)"),
        (lambda m: Draw("s", m, temperature=-1), "temperature"),
        (lambda m: Draw("s", m, temperature=float("nan")), "temperature"),
        (lambda m: Draw("s", m, max_tokens=0), "max_tokens"),
        (lambda m: Draw("s", m, prompt="  "), "prompt is empty"),
        (lambda m: Draw("s", m, plan="a plan"), "plan"),
        (lambda m: Given("goals", "question"), "field"),
        (lambda m: Given("goals", pick="any"), "pick"),
        (lambda m: Stage(), "one draw or more"),
        (lambda m: Stage(Draw("s", m), Draw("s", m)), "two draws are called 's'"),
        (lambda m: Cascade(), "one stage or more"),
        (lambda m: Cascade(Stage(Draw("goals", m, plan="goal"))), "no draw of solutions"),
        (lambda m: Cascade(Stage(Draw("s", m), name="a"), Stage(Draw("s", m), name="a")), "two stages are called 'a'"),
        (
            lambda m: Cascade(Stage(Draw("s", m), gate=Gate("consensus", 0.5, draw="t"))),
            "no draw 't' in this stage; there are 's'",
        ),
        (
            lambda m: Cascade(Stage(Draw("p", m, plan="goal"), Draw("s", m), gate=Gate("consensus", 0.5, draw="p"))),
            "plan, which is never voted on",
        ),
        (lambda m: Cascade(Stage(Draw("s", m, given="goals"))), "no draw 'goals' before it"),
        (lambda m: Cascade(Stage(Draw("s", m), Draw("t", m, given="s"))), "no plan"),
        (
            lambda m: Cascade(Stage(Draw("p", m, n=3, plan="goal"), Draw("s", m, n=4, given="p"))),
            "3 samples cannot go into 4",
        ),
        (
            lambda m: Cascade(Stage(Draw("p", m, plan="goal"), Draw("s", m, given=Given("p", pick="carried")))),
            "later stages only",
        ),
        (
            lambda m: Cascade(Stage(Draw("p", m, n=3, plan="goal"), Draw("s", m, n=4)), Stage(Draw("s", m, given="p"))),
            "only if the gate's draw has as many",
        ),
        (
            lambda m: Cascade(
                Stage(Draw("p", m, plan="goal"), Draw("q", m, plan="goal"), Draw("s", m, given=["p", "q"]))
            ),
            "two given plans",
        ),
    ],
)
def test_a_cascade_that_cannot_run_is_refused_when_it_is_built(
    large: Model, build: Callable[[Model], Any], why: str
) -> None:
    with pytest.raises(cope.ConfigError, match=why):
        build(large)


def test_perplexity_is_refused_where_the_endpoint_returns_no_logprobs() -> None:
    model = Model("gemini-2.0-flash")
    with pytest.raises(cope.ConfigError, match=r"log-probabilities, which gemini-2.0-flash \(gemini\) does not return"):
        Cascade(Stage(Draw("s", model, n=4), gate=Gate("perplexity", 3)), Stage(Draw("s", model)))


def test_perplexity_asks_for_logprobs_in_its_own_draw_only(large: Model) -> None:
    spec = Cascade(Stage(Draw("a", large), Draw("b", large), gate=Gate("perplexity", 3, draw="a"))).to_spec()
    assert [draw["sampling"]["logprobs"] for draw in spec["draws"]] == [True, False]


def test_two_servers_that_would_share_samples_need_stable_names() -> None:
    here = [Model("m", base_url=f"http://127.0.0.1:{port}/v1") for port in (8001, 8002)]
    with pytest.raises(cope.ConfigError, match="stable_name"):
        cope.methods.COPE(*here)
    named = [Model("m", base_url=f"http://127.0.0.1:{port}/v1", stable_name=str(port)) for port in (8001, 8002)]
    assert len(cope.methods.COPE(*named).models) == 2


def test_equal_models_are_one_model_with_one_limiter() -> None:
    one, two = (Model("m", base_url="http://127.0.0.1:8000/v1") for _ in range(2))
    assert len(cope.methods.COPE(one, two).models) == 1


def test_a_reference_means_the_nearest_draw_before_and_a_stage_may_be_named(large: Model) -> None:
    first = Stage(Draw("p", large, plan="goal"), Draw("s", large), gate=Gate("consensus", 1), name="one")
    second = Stage(Draw("p", large, plan="goal"), Draw("s", large, given="p"), gate=Gate("consensus", 1), name="two")
    third = Stage(Draw("s", large, given=[Given("one/p", "goal")]), name="three")
    draws = Cascade(first, second, third).to_spec()["draws"]
    assert draws[3]["given"] == [{"field": "goal", "draw": 2, "pick": "each"}]
    assert draws[4]["given"] == [{"field": "goal", "draw": 0, "pick": "carried"}]


def test_what_a_gate_compares_is_in_the_spec(large: Model) -> None:
    gate = Gate("consensus", "2/3", ">=", denominator="answered")
    entry = Cascade(Stage(Draw("s", large, n=3), gate=gate), Stage(Draw("s", large))).to_spec()["stages"][0]["gate"]
    assert entry == {
        "measure": "consensus",
        "draw": 0,
        "comparison": ">=",
        "threshold": [2, 3],
        "denominator": "answered",
    }


def test_a_model_limits_the_tokens_of_its_draws() -> None:
    tight = Model("m", base_url="http://localhost:8000/v1", max_tokens=100)
    draws = [Draw("s", tight), Draw("s", tight, max_tokens=40), Draw("p", tight, plan="goal")]
    assert [draw.resolved_max_tokens for draw in draws] == [100, 40, 100]


def test_every_sampling_parameter_is_sent(large: Model) -> None:
    sampling = Draw("s", large).sampling()
    assert sampling == {
        "temperature": 0.0,
        "top_p": 1.0,
        "top_k": 0,
        "min_p": 0.0,
        "repeat_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "max_tokens": 2048,
        "logprobs": False,
    }


# --- prompts of draws ---------------------------------------------------------------------------------------------


def test_a_draw_takes_the_prompt_of_its_role_and_plans_from_its_models_set(small: Model, large: Model) -> None:
    draws = compile_method(cope.methods.COPE(small, large)).spec["cascade"]["draws"]
    names = [draw["prompt"]["name"] for draw in draws]
    assert names == [
        f"paper/{name}" for name in ("goal", "solve_goal", "guideline", "solve_goal_guideline", "solve_guideline")
    ]


def test_a_prompt_may_be_a_text_a_file_or_a_function(large: Model, tmp_path: Any) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("From a file: {question}")

    def mine(question: str, given: Any) -> str:
        return question

    code = tmp_path / "mine.py"
    code.write_text("def mine(question, given):\n    return question.upper()\n")
    prompts = ("Text: {question}", file, str(file), mine, f"{code}:mine")
    stages = [Stage(Draw("s", large, prompt=prompt), gate=Gate("consensus", 1)) for prompt in prompts]
    compiled = compile_method(Cascade(*stages))
    texts = [draw["prompt"]["messages"] for draw in compiled.spec["cascade"]["draws"]]
    assert [messages[0]["content"] for messages in texts[:3]] == ["Text: {question}", *["From a file: {question}"] * 2]
    answers = {index: call("id", "Why?", {})[0]["content"] for index, call in compiled.prompt_functions.items()}
    assert answers == {3: "Why?", 4: "WHY?"}


@pytest.mark.parametrize("returned", ["", "  ", [], [{"role": "user", "content": ""}]])
def test_a_prompt_function_that_returns_nothing_is_an_error(large: Model, returned: Any) -> None:
    compiled = compile_method(Cascade(Stage(Draw("s", large, prompt=lambda question, given: returned))))
    with pytest.raises(ValueError, match="empty prompt for problem 'p7'"):
        compiled.prompt_functions[0]("p7", "Why?", {})


def test_a_text_prompt_with_an_unknown_placeholder_names_the_draw_and_the_line(large: Model) -> None:
    method = Cascade(Stage(Draw("s", large, prompt="{question}\n{hint}")), name="mine")
    with pytest.raises(cope.ConfigError, match=r"mine, stage 1, draw 's', line 2: unknown placeholder \{hint\}"):
        compile_method(method)


def test_the_core_takes_every_spec_that_the_presets_make(small: Model, large: Model) -> None:
    methods = cope.methods
    presets = [
        methods.COPE(small, large),
        methods.COPE(small, large, stages=2, k=1),
        methods.COPE(small, large, stage1_plan="none", stage2_plan="none"),
        methods.SmallSingle(small),
        methods.SmallMajority(small),
        methods.Large(large),
        *(
            methods.Planned(a, b, plan, n)
            for a in (small, large)
            for b in (small, large)
            for plan in ("none", "goal", "guideline")
            for n in (1, 3)
        ),
    ]
    for preset in presets:
        cope._core.validate(json.dumps(compile_method(preset).spec))
