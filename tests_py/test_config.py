"""cope.config: what an experiment file may say, and the errors for what it may not."""

from __future__ import annotations

import copy
import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cope
from cope import methods
from cope.config import EXAMPLE, load_experiment, parse_experiment

TOML = """
task = "math"
seed = 7
store = "runs/x"
budget_usd = "1.50"

[problems]
path = "problems.jsonl"
limit = 3
columns = { question = "problem", answer = "" }

[models]
small = "qwen@http://localhost:8000/v1"

[models.large]
name = "gpt-4o-mini"
api_key_env = "MY_KEY"
price = { input = "0.15", output = 0.6 }

[method]
name = "cope"
k = 4
thresholds = [0.75, "1/2"]
executor_temperatures = [0.4, 0.8, 0]
"""
YAML = """
task: math
seed: 7
store: runs/x
budget_usd: "1.50"
problems: {path: problems.jsonl, limit: 3, columns: {question: problem, answer: ""}}
models:
  small: qwen@http://localhost:8000/v1
  large: {name: gpt-4o-mini, api_key_env: MY_KEY, price: {input: "0.15", output: 0.6}}
method: {name: cope, k: 4, thresholds: [0.75, "1/2"], executor_temperatures: [0.4, 0.8, 0]}
"""
GOOD: dict[str, Any] = {
    "problems": {"path": "problems.jsonl"},
    "models": {"small": {"name": "qwen", "base_url": "http://localhost:8000/v1"}, "large": {"name": "gpt-4o-mini"}},
    "method": {"name": "COPE", "k": 8},
}


def written(folder: Path, text: str, name: str = "x.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_toml_and_yaml_say_the_same(tmp_path: Path) -> None:
    toml, yaml = load_experiment(written(tmp_path, TOML)), load_experiment(written(tmp_path, YAML, "x.yaml"))
    assert toml.model_dump(exclude={"source"}) == yaml.model_dump(exclude={"source"})
    assert toml.method.name == "COPE"
    assert toml.method.arguments == {
        "k": 4, "thresholds": [0.75, "1/2"], "executor_temperatures": (0.4, 0.8, 0), "small": "small", "large": "large"
    }  # fmt: skip
    assert toml.models["small"].options() == {"base_url": "http://localhost:8000/v1"}
    assert toml.models["large"].options()["price"] == cope.Price("0.15", 0.6)
    assert (toml.seed, toml.budget_usd, toml.problems.limit) == (7, "1.50", 3)
    assert toml.path(toml.store or "") == tmp_path / "runs/x"


def test_the_example_is_an_experiment() -> None:
    experiment = load_experiment(EXAMPLE)
    assert experiment.models["small"].embedded
    assert experiment.method.name == "COPE"


def test_what_the_example_shows_in_comments_is_right(tmp_path: Path) -> None:
    lines = [line.removeprefix("# ").removeprefix("#") for line in EXAMPLE.read_text(encoding="utf-8").splitlines()]
    path, columns, stages, task = (
        next(line for line in lines if line.startswith(start))
        for start in ("path =", "columns =", "stages =", "task = {")
    )
    models = lines[
        lines.index("[models.small]") : lines.index(next(line for line in lines if line.startswith("Any GGUF")))
    ]
    text = "\n".join([task, "[problems]", path, columns, "[method]", stages, *models])
    experiment = load_experiment(written(tmp_path, text))
    assert experiment.models["large"].api_key_env == "OPENAI_API_KEY"
    assert experiment.task.grade == "graders.py:grade"


def changed(*path: str, value: object = None, drop: bool = False) -> dict[str, Any]:
    data = copy.deepcopy(GOOD)
    table: Any = data
    for key in path[:-1]:
        table = table.setdefault(key, {})
    if drop:
        del table[path[-1]]
    else:
        table[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (changed("sed", value=1), "sed: unknown key; did you mean 'seed'? There are: problems, models"),
        (changed("method", "threshold", value=[1, 1]), "method.threshold: unknown key; did you mean 'thresholds'?"),
        (changed("models", "large", "prise", value="free"), "models.large.prise: unknown key; did you mean 'price'?"),
        (
            changed("models", "large", "price", value={"inptu": 1}),
            "models.large.price.inptu: unknown key; did you mean 'input'?",
        ),
        (changed("problems", "colums", value={}), "problems.colums: unknown key; did you mean 'columns'?"),
        (changed("problems", drop=True), "problems: is missing"),
        (changed("models", drop=True), "models: is missing"),
        (changed("method", "name", value="copee"), "method.name: expected one of COPE, Large, Planned"),
        (changed("method", "name", value="copee"), "did you mean 'COPE'?"),
        (changed("method", "name", value=8), "method.name: expected one of"),
        (changed("method", "k", value="8"), "method.k: expected a whole number, got '8'"),
        (changed("method", "k", value=True), "method.k: expected a whole number, got True"),
        (changed("method", "k", value=8.5), "method.k: expected a whole number, got 8.5"),
        (changed("method", "thresholds", value=[True, 1]), "method.thresholds[0]: expected a number such as 0.75"),
        (
            changed("method", "thresholds", value=[float("nan"), 1]),
            "method.thresholds[0]: expected a number such as 0.75",
        ),
        (changed("method", "stages", value=5), "method.stages: expected 2 or 3, got 5"),
        (changed("method", "planner_temperatures", value=[1]), "method.planner_temperatures"),
        (
            changed("method", "planner_temperatures", value=[1, 2, 3]),
            "method.planner_temperatures: expected 2 items, got 3",
        ),
        (changed("method", "small", value="tiny"), "models.tiny: is missing: the method COPE needs it as its 'small'"),
        (changed("models", "small", drop=True), "models.small: is missing: the method COPE needs it as its 'small'"),
        (changed("models", "small", value=3), "models.small: expected a table, got 3"),
        (
            changed("models", "small", value={}),
            "models.small: expected one of name (an endpoint), gguf (a file) or embedded",
        ),
        (changed("models", "small", "gguf", value="x.gguf"), "models.small: expected one of name"),
        (
            changed("models", "small", value={"gguf": "x.gguf", "base_url": "http://x/v1"}),
            "models.small.base_url: does not go with gguf",
        ),
        (
            changed("models", "other", value={"embedded": True}),
            "models.other: the embedded pair has a model 'small' and a model 'large'",
        ),
        (changed("models", "large", "price", value="fre"), "models.large.price: expected 'free' or a table"),
        (changed("models", "large", "price", value={"input": 1}), "models.large.price.output: is missing"),
        (changed("models", "large", "kind", value="vlm"), "did you mean 'vllm'?"),
        (changed("problems", "limit", value=0), "problems.limit: expected at least 1, got 0"),
        (changed("problems", "path", drop=True), "problems: expected one of path (a file) and dataset"),
        (changed("problems", "dataset", value="word_problems"), "problems: expected one of path (a file) and dataset"),
        (
            changed("problems", "dataset", value="word"),
            "problems.dataset: expected 'word_problems' or 'tiny_functions', got 'word'",
        ),
        (changed("problems", "seed", value=1), "problems.seed: goes with dataset only"),
        (changed("seed", value=-1), "seed: expected at least 0, got -1"),
        (changed("budget_usd", value=True), "budget_usd: expected a number such as 0.75"),
        (changed("task", value=3), "task: expected a table, got 3"),
        ([], "expected a table with the keys problems, models and method, got a list"),
        (None, "expected a table with the keys problems, models and method, got None"),
    ],
)
def test_a_mistake_is_named_with_its_key_and_what_was_expected(data: object, said: str) -> None:
    with pytest.raises(cope.ConfigError) as caught:
        parse_experiment(data, "x.toml", Path())
    assert str(caught.value).startswith("x.toml: ")
    assert said in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    data = changed("sed", value=1) | {"problems": {"path": "x", "limit": 0}, "seed": "zero"}
    with pytest.raises(cope.ConfigError) as caught:
        parse_experiment(data, "x.toml", Path())
    assert str(caught.value).splitlines()[0] == "x.toml: 3 mistakes"
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize("key", ["api_key", "key", "token", "OPENAI_API_KEY", "secret"])
def test_a_key_in_the_file_is_refused_and_never_shown(key: str) -> None:
    with pytest.raises(cope.ConfigError, match="keys are never in the file; write api_key_env") as caught:
        parse_experiment(changed("models", "large", key, value="sk-123456789"), "x.toml", Path())
    assert "sk-123456789" not in str(caught.value)


def test_a_key_where_its_variable_is_expected_is_never_shown() -> None:
    with pytest.raises(cope.ConfigError, match="expected the NAME of an environment variable") as caught:
        parse_experiment(changed("models", "large", "api_key_env", value="sk-123456789"), "x.toml", Path())
    assert "sk-123456789" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.toml", "a = \n", "x.toml: not TOML: "),
        ("x.toml", "a = 1\na = 2\n", "x.toml: not TOML: "),
        ("x.yaml", "a: [1\n", "x.yaml: not YAML: line 2, column 1"),
        ("x.yml", "task: math\ntask: math\n", "x.yml: not YAML: line 2, column 1: the key 'task' stands twice"),
        ("x.yaml", "1: 2\n", "expected a text as key, got 1"),
        ("x.yaml", "a: !!python/object/apply:os.system [true]\n", "x.yaml: not YAML: line 1"),
        ("x.yaml", "[" * 5000, "x.yaml: not YAML"),
        ("x.json", "{}", "x.json: expected a file that ends in .toml, .yaml or .yml"),
    ],
)
def test_a_file_that_cannot_be_parsed_is_told_with_its_place(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(cope.ConfigError) as caught:
        load_experiment(written(tmp_path, text, name))
    assert said in str(caught.value)


def test_a_missing_or_undecodable_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        cope.ConfigError, match="cannot be read: No such file or directory; `cope init` writes an example"
    ):
        load_experiment(tmp_path / "none.toml")
    (tmp_path / "x.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(cope.ConfigError, match="byte 5: not UTF-8"):
        load_experiment(tmp_path / "x.toml")


@pytest.mark.parametrize("name", methods.__all__)
def test_every_argument_of_every_preset_can_stand_in_a_file(name: str) -> None:
    parameters = inspect.signature(getattr(methods, name)).parameters
    given = {
        "title" if key == "name" else key: json.loads(json.dumps(parameter.default))
        for key, parameter in parameters.items()
        if parameter.default is not parameter.empty and parameter.default is not None
    }
    models = {
        role: {"name": "m", "base_url": "http://localhost:8000/v1"}
        for role in ("small", "large", "planner", "executor")
    }
    experiment = parse_experiment(GOOD | {"models": models, "method": {"name": name} | given}, "x", Path())
    assert set(experiment.method.arguments) == set(given) - {"title"} | set(parameters) & {
        *models,
        *(["name"] if "title" in given else []),
    }


@pytest.mark.parametrize("spelling", ["smallmajority", "small-majority", "Small Majority", "SMALL_MAJORITY"])
def test_a_preset_is_found_however_it_is_spelt(spelling: str) -> None:
    assert parse_experiment(changed("method", value={"name": spelling}), "x", Path()).method.name == "SmallMajority"


names = st.sampled_from(["name", "k", "small", "path", "price"]) | st.text(max_size=5)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
sections = st.sampled_from(["problems", "models", "method", "task", "seed", "store", "budget_usd"])


@given(st.dictionaries(sections, values) | values)
def test_whatever_the_file_says_there_is_an_experiment_or_a_clear_error(data: object) -> None:
    try:
        said = parse_experiment(data, "x.toml", Path()).source
    except cope.ConfigError as error:
        said = str(error)
    assert said.startswith("x.toml")
