"""Turns a checked experiment into what `cope.run` takes: models, a method, problems."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from .. import local, methods, prompts
from ..cascade import Cascade
from ..config import Experiment, ModelConfig
from ..errors import ConfigError
from ..models import Model
from ..problems import Problem, load
from ..tasks import Task, resolve

DATASET_SIZE = 100
"""Problems of a built-in set where no limit is given."""


def build_task(experiment: Experiment) -> Task:
    """The task, with the user's own functions loaded."""
    told = experiment.task
    parts = {part: getattr(told, part) for part in ("answer", "key", "grade", "score")}
    own: dict[str, Any] = {
        part: _function_path(experiment, value) for part, value in parts.items() if value is not None
    }
    return Task(told.name, **own) if own else resolve(told.name)  # a bare name must be one that there is


def _function_path(experiment: Experiment, text: str) -> str:
    file, colon, name = text.rpartition(":")
    return f"{experiment.path(file)}{colon}{name}" if colon else text


def build_problems(experiment: Experiment) -> list[Problem]:
    """The problems, all of them checked, cut to the limit."""
    told = experiment.problems
    if told.path is not None:
        columns = None if told.columns is None else {name: column or None for name, column in told.columns.items()}
        hidden = None if told.hidden is None else experiment.path(told.hidden)
        loaded = load(
            experiment.path(told.path), task=experiment.task.name, columns=columns, visible=told.visible, hidden=hidden
        )
        return loaded[: told.limit]
    from ..datasets import tiny_functions, word_problems

    seed = experiment.seed if told.seed is None else told.seed
    if told.dataset == "tiny_functions":
        return tiny_functions(told.limit or DATASET_SIZE, seed=seed)
    return word_problems(told.limit or DATASET_SIZE, seed=seed, level=told.level)


@contextmanager
def built_method(experiment: Experiment) -> Iterator[Cascade]:
    """Yields the method, with the local models that it needs served for as long as the block lasts."""
    preset = getattr(methods, experiment.method.name)
    arguments = dict(experiment.method.arguments)
    roles = {role: arguments.pop(role) for role in ("small", "large", "planner", "executor") if role in arguments}
    needed = {name: experiment.models[name] for name in roles.values()}
    with ExitStack() as stack:
        models: dict[str, Model] = {}
        if any(told.embedded for told in needed.values()):
            small, large = stack.enter_context(local.pair())
            models |= {name: small if name == "small" else large for name, told in needed.items() if told.embedded}
        for name, told in needed.items():
            if told.gguf is not None:
                price = told.options().get("price")
                served = local.serve(experiment.path(told.gguf), prompts=_prompts(experiment, told), price=price)
                models[name] = stack.enter_context(served)
            elif told.name is not None:
                models[name] = Model(told.name, prompts=_prompts(experiment, told), **told.options())
        try:
            method = preset(**{role: models[name] for role, name in roles.items()}, **arguments)
        except ConfigError as error:
            raise ConfigError(f"{experiment.source}: method: {error}") from None
        yield method


def _prompts(experiment: Experiment, told: ModelConfig) -> str | Path:
    """The prompt set of a model: a name, or a folder relative to the experiment's file."""
    chosen = told.prompts or experiment.prompts or "paper"
    return chosen if chosen in prompts.names() else experiment.path(chosen)
