"""A whole experiment in one TOML or YAML file: models, method, problems, seed, store and budget.

Unknown keys are errors, so that a mistyped setting never goes unnoticed. Keys of services are never in the file: only the name of the environment
variable that holds one. Paths are relative to the file's folder.

Example:
    >>> experiment = load_experiment("experiment.toml")  # doctest: +SKIP
    >>> experiment.method.name, experiment.problems.limit  # doctest: +SKIP
    ('COPE', 100)
"""

from __future__ import annotations

import inspect
import math
import re
import sys
import typing
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from . import _money, methods
from ._validate import mistakes, near_miss, shown, validated
from ._yaml import read_yaml
from .errors import ConfigError
from .models import KINDS, VARIABLE, Model
from .prices import Price

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = [
    "EXAMPLE",
    "Experiment",
    "MethodConfig",
    "ModelConfig",
    "ProblemsConfig",
    "load_experiment",
    "parse_experiment",
]

EXAMPLE = Path(__file__).parent / "cli" / "example.toml"
"""The annotated example that `cope init` writes."""

_TITLE = "title"


def _number(value: object) -> object:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float, str))
        or (isinstance(value, float) and not math.isfinite(value))
    ):
        raise ValueError("expected a number such as 0.75, or the text '3/4'")
    return value


def _variable(value: str) -> str:
    if not VARIABLE.match(value):  # never shown: it may be the key itself
        raise ValueError("expected the NAME of an environment variable that holds the key, such as 'OPENAI_API_KEY'")
    return value


def _kind(value: str) -> str:
    if value != "auto" and value not in KINDS:
        raise ValueError(f"expected 'auto' or one of {', '.join(KINDS)}{near_miss(value, KINDS)}")
    return value


Number = Annotated[Any, AfterValidator(_number)]
"""A number that keeps the digits it was written with: 0.75, or the text "3/4"."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())


def _price(value: object) -> object:
    if value == "free":
        return {"input": 0, "output": 0}
    if value is not None and not isinstance(value, dict):
        raise ValueError(
            'expected \'free\' or a table such as { input = "0.15", output = "0.60" }, in USD per million tokens'
        )
    return value


class PriceConfig(_Strict):
    """What tokens cost, in USD per million tokens; see `cope.Price`."""

    input: Number
    output: Number
    cached_input: Number | None = None
    reasoning: Number | None = None
    as_of: str = ""
    note: str = ""


class ModelConfig(_Strict):
    """A model: one of `name` (an endpoint; the other keys are those of `cope.Model`), `gguf` (a file to serve) or `embedded`.

    A plain text stands for a table: "gpt-4o-mini", "qwen@http://localhost:8000/v1", "model.gguf" or "embedded".
    """

    name: str | None = None
    gguf: str | None = None
    embedded: bool = False
    base_url: str | None = None
    api_key_env: Annotated[str, AfterValidator(_variable)] | None = None
    prompts: str | None = None
    price: Annotated[PriceConfig | None, BeforeValidator(_price)] = None
    parameters: Number | None = None
    stable_name: str | None = None
    kind: Annotated[str, AfterValidator(_kind)] = "auto"
    max_concurrency: int | None = None
    timeout_s: float | None = None
    max_retries: int | None = None
    extra_body: dict[str, Any] | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    capabilities: dict[str, Any] | None = None

    def options(self) -> dict[str, Any]:
        """The arguments of `cope.Model`, but for the name and the prompts."""
        given = {name: getattr(self, name) for name in self.model_fields_set - {"name", "gguf", "embedded", "prompts"}}
        if isinstance(self.price, PriceConfig):
            price = self.price
            given["price"] = Price(
                price.input,
                price.output,
                cached_input=price.cached_input,
                reasoning=price.reasoning,
                as_of=price.as_of,
                note=price.note,
            )
        return {name: value for name, value in given.items() if value is not None}


class ProblemsConfig(_Strict):
    """Where the problems come from: a file (`path`: JSONL, CSV or Parquet) or a problem set that ships (`dataset`).

    `columns` says which column holds `id`, `question` and `answer`; an empty text says that there is none. `visible` and `hidden` share out the tests
    of the task "code"; see `cope.load`.
    """

    path: str | None = None
    dataset: Literal["word_problems", "tiny_functions"] | None = None
    columns: dict[str, str] | None = None
    visible: int | Literal["all", "paper"] | None = None
    hidden: str | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    seed: int | None = None
    level: Annotated[int, Field(ge=1, le=5)] | None = None


class TaskConfig(_Strict):
    """A task with functions of one's own, each named as "file.py:function"; see `cope.Task`."""

    name: str
    answer: str | None = None
    key: str | None = None
    grade: str | None = None
    score: str | None = None


def _task(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class MethodConfig(_Strict):
    """A preset of `cope.methods` and its arguments, under the names that the function gives them; its `name` is `title` in the file."""

    name: str
    arguments: dict[str, Any]


class Experiment(_Strict):
    """A whole experiment, as its file says it.

    Attributes:
        problems: what is solved.
        models: by name; a method's parameters (small, large, planner, executor) go by these names.
        method: what solves it.
        task: how answers are read and compared; default "math".
        seed: of everything random; default 0.
        store: folder of the samples and runs; default: `runs/` and the name of the file or of the method.
        budget_usd: a hard cap on what the store may ever spend, in USD; default none.
        prompts: prompt set of the models that name none of their own.
        folder: what paths are relative to.
        source: the file, for messages.
    """

    problems: ProblemsConfig
    models: dict[str, ModelConfig]
    method: MethodConfig
    task: TaskConfig
    seed: int = 0
    store: str | None = None
    budget_usd: Number | None = None
    prompts: str | None = None
    folder: Path = Path()
    source: str = ""

    def path(self, name: str) -> Path:
        """A path of the file, relative to the file's own folder."""
        return self.folder / Path(name).expanduser()


class _File(_Strict):
    """The file's keys."""

    problems: ProblemsConfig
    models: dict[str, ModelConfig]
    method: dict[str, Any]
    task: Annotated[TaskConfig, BeforeValidator(_task)] = TaskConfig(name="math")
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    store: str | None = None
    budget_usd: Number | None = None
    prompts: str | None = None


def model_from_text(text: str) -> dict[str, Any]:
    """A model written as one text.

    Args:
        text: "embedded", "FILE.gguf", "NAME" or "NAME@URL".

    Example:
        >>> model_from_text("qwen@http://localhost:8000/v1")
        {'name': 'qwen', 'base_url': 'http://localhost:8000/v1'}
    """
    name, at, url = text.partition("@http")
    if at:
        return {"name": name, "base_url": "http" + url}
    if text == "embedded":
        return {"embedded": True}
    return {"gguf": text} if text.lower().endswith(".gguf") else {"name": text}


def _is_model(annotation: object) -> bool:
    return annotation is Model


def _accepts(annotation: Any) -> Any:
    """What a file may hold for an argument: models by name, numbers as written, the rest as it is annotated."""
    if _is_model(annotation):
        return str
    if annotation == _money.Number:
        return Number
    if typing.get_args(annotation) == (_money.Number,):
        return list[Number]
    return annotation


@cache
def _method_names() -> Mapping[str, str]:
    """The presets by their simplified names: `cope`, `smallmajority`."""
    return {_simple(name): name for name in methods.__all__}


def _simple(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@cache
def _arguments(name: str) -> tuple[type[BaseModel], tuple[str, ...]]:
    """The arguments of a preset as a model of pydantic, read off its signature, and which of them are models."""
    function: Callable[..., Any] = getattr(methods, name)
    hints = typing.get_type_hints(function)
    fields: dict[str, Any] = {}
    models = []
    for parameter in inspect.signature(function).parameters.values():
        annotation = hints[parameter.name]
        if parameter.name == "name":  # taken by the preset's own name
            fields[_TITLE] = (str | None, None)
            continue
        default = parameter.name if _is_model(annotation) else parameter.default
        fields[parameter.name] = (
            _accepts(annotation),
            ... if default is parameter.empty else Field(default, validate_default=False),
        )
        if _is_model(annotation):
            models.append(parameter.name)
    return create_model(name, __base__=_Strict, **fields), tuple(models)


def _method(data: Mapping[str, Any], models: Mapping[str, ModelConfig], source: str) -> MethodConfig:
    arguments = dict(data)
    given = arguments.pop("name", "COPE")
    name = _method_names().get(_simple(given)) if isinstance(given, str) else None
    if name is None:
        near = near_miss(str(given), methods.__all__)
        raise mistakes(source, [f"method.name: expected one of {', '.join(methods.__all__)}, got {shown(given)}{near}"])
    signature, roles = _arguments(name)
    checked = validated(signature, arguments, source, ("method",))
    chosen: dict[str, Any] = {key: getattr(checked, key) for key in checked.model_fields_set}
    for role in roles:
        wanted = chosen.setdefault(role, role)
        if wanted not in models:
            there = ", ".join(models) or "none"
            near = near_miss(wanted, models)
            problem = (
                f"models.{wanted}: is missing: the method {name} needs it as its {role!r} (there are: {there}{near})"
            )
            raise mistakes(source, [problem])
    if _TITLE in chosen:
        chosen["name"] = chosen.pop(_TITLE)
    return MethodConfig(name=name, arguments=chosen)


def _check_model(key: str, model: ModelConfig) -> str | None:
    given = [name for name in ("name", "gguf") if getattr(model, name) is not None] + (
        ["embedded"] if model.embedded else []
    )
    if len(given) != 1:
        return f"models.{key}: expected one of name (an endpoint), gguf (a file) or embedded = true, got {' and '.join(given) or 'none'}"
    allowed = {"name": set(ModelConfig.model_fields), "gguf": {"gguf", "prompts", "price"}, "embedded": {"embedded"}}[
        given[0]
    ]
    if extra := sorted(model.model_fields_set - allowed - {"embedded"}):
        return f"models.{key}.{extra[0]}: does not go with {given[0]}"
    if model.embedded and key not in ("small", "large"):
        return f"models.{key}: the embedded pair has a model 'small' and a model 'large'"
    return None


def parse_experiment(data: object, source: str, folder: Path) -> Experiment:
    """Checks an experiment that was read already.

    Args:
        data: the file's content, as the parser of TOML or YAML gives it.
        source: names it in messages.
        folder: what its paths are relative to.

    Returns:
        The experiment.

    Raises:
        ConfigError: with the key, what was expected, and a near miss for an unknown key.
    """
    if not isinstance(data, dict):
        raise ConfigError(f"{source}: expected a table with the keys problems, models and method, got {shown(data)}")
    models = data.get("models")
    if isinstance(models, dict):
        short = {key: model_from_text(value) if isinstance(value, str) else value for key, value in models.items()}
        data = data | {"models": short}
    file: _File = validated(_File, {"method": {}} | data, source)
    problems = [message for key, model in file.models.items() if (message := _check_model(key, model))]
    if (file.problems.path is None) == (file.problems.dataset is None):
        problems.append("problems: expected one of path (a file) and dataset (word_problems, tiny_functions)")
    elif file.problems.path is None and (file.problems.columns or file.problems.visible or file.problems.hidden):
        key = "columns" if file.problems.columns else "visible" if file.problems.visible else "hidden"
        problems.append(f"problems.{key}: goes with path only")
    elif file.problems.dataset == "tiny_functions" and file.problems.level is not None:
        problems.append("problems.level: goes with the dataset word_problems only")
    elif file.problems.path is not None:
        problems += [
            f"problems.{key}: goes with dataset only"
            for key in ("seed", "level")
            if getattr(file.problems, key) is not None
        ]
    if problems:
        raise mistakes(source, problems)
    values = {name: getattr(file, name) for name in _File.model_fields if name != "method"}
    return Experiment.model_construct(
        **values, method=_method(file.method, file.models, source), folder=folder, source=source
    )


def read_file(path: Path) -> object:
    """Reads a TOML or YAML file without checking what it says.

    Raises:
        ConfigError: the file cannot be read, or is no TOML or YAML (with line and column).
    """
    suffix = path.suffix.lower()
    if suffix not in (".toml", ".yaml", ".yml"):
        raise ConfigError(f"{path}: expected a file that ends in .toml, .yaml or .yml; `cope init` writes an example")
    try:
        text = path.read_text(encoding="utf-8")
        data: object = tomllib.loads(text) if suffix == ".toml" else read_yaml(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}; `cope init` writes an example") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start}: not UTF-8") from None
    except ValueError as error:
        raise ConfigError(f"{path}: not {'TOML' if suffix == '.toml' else 'YAML'}: {error}") from None
    return data


def load_experiment(path: str | Path) -> Experiment:
    """Reads an experiment from a file.

    Args:
        path: a `.toml`, `.yaml` or `.yml` file; see EXAMPLE.

    Returns:
        The experiment, checked but for what only the models and problems themselves can say.

    Raises:
        ConfigError: the file cannot be read, is no TOML or YAML (with line and column), or says something that cannot work.
    """
    path = Path(path)
    return parse_experiment(read_file(path), str(path), path.parent)
