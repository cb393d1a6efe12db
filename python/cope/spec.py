"""From a method to what the native core runs: prompts, models, prices and functions resolved; and the manifest that a run keeps."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from . import _core
from .cascade import Cascade, Draw
from .errors import ConfigError
from .prompts import Prompt, PromptSet, read_prompt
from .prompts import load as load_prompts
from .tasks import Task, function
from .tasks import fingerprint as function_hash
from .tasks import resolve as resolve_task

__all__ = ["Compiled", "checked_method", "compile_method", "manifest", "versions"]

MANIFEST_VERSION = 1
_WINDOW = 1024
_FUNCTION_IN_FILE = re.compile(r"[^\n]+\.py:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Compiled:
    """A method made ready for the native core.

    Attributes:
        spec: The spec, without keys.
        prompts: What the manifest says of the prompts: a list by draw.
        prompt_functions: The user's own prompt functions by draw.
        gate_functions: The user's own gates by stage.
    """

    spec: dict[str, Any]
    prompts: list[dict[str, str]]
    prompt_functions: Mapping[int, Callable[..., Any]]
    gate_functions: Mapping[int, Callable[..., Any]]


def compile_method(method: Cascade, *, task: Task | str = "math", seed: int = 0, window: int | None = None) -> Compiled:
    """Resolves a method's prompts, models and prices into a spec.

    Args:
        method: The cascade.
        task: The task.
        seed: Of all randomness.
        window: Problems in flight at once. Default: 1024.

    Returns:
        The spec and what belongs to it.

    Raises:
        ConfigError: What cannot work, before anything is spent.
    """
    method = checked_method(method)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**63:
        raise ConfigError(f"seed: expected a whole number from 0 to 2^63 - 1, got {seed!r}")
    if window is not None and (not isinstance(window, int) or isinstance(window, bool) or window < 1):
        raise ConfigError(f"window: expected a whole number of problems in flight, at least 1, got {window!r}")
    task = resolve_task(task)
    cascade = method.to_spec()
    prompts: list[dict[str, str]] = []
    prompt_functions: dict[int, Callable[..., Any]] = {}
    sets: dict[object, PromptSet] = {}
    for place, entry in zip(method.placed(), cascade["draws"], strict=True):
        where = f"{method.name}, {method.stages[place.stage].name}, draw {place.draw.name!r}"
        fields = [given["field"] for given in entry["given"]]
        own = _own_prompt(place.draw.prompt, where)
        if own is not None and callable(own) and not isinstance(own, Prompt):
            prompt_functions[place.index] = _prompt_function(own, where)
            digest = function_hash(own)
            entry["prompt"] = {"name": f"function {getattr(own, '__name__', 'prompt')} {digest[:16]}", "messages": []}
            prompts.append({"draw": where, "name": entry["prompt"]["name"], "sha256": digest})
            continue
        prompt = own if own is not None else _prompt_of_set(place.draw, fields, where, sets, code=task.name == "code")
        prompt.check(fields)
        entry["prompt"] = {"name": prompt.name, "messages": prompt.messages()}
        prompts.append(
            {"draw": where, "name": prompt.name, "sha256": prompt.sha256, "text": prompt.text, "system": prompt.system}
        )
    gate_functions: dict[int, Callable[..., Any]] = {}
    for index, stage in enumerate(method.stages):
        where = f"{method.name}, {stage.name}, gate"
        if stage.gate.function is not None:
            gate_functions[index] = function(stage.gate.function, f"{where}, function")
        judged = task.name == "code" and stage.gate.measure == "passed"
        if stage.gate.measure in ("score", "passed") and task.score is None and not judged:
            raise ConfigError(
                f"{where}: measure {stage.gate.measure!r} needs the task's score: cope.Task(..., score=function)"
                + ('; or task="code", whose problems have tests' if stage.gate.measure == "passed" else "")
            )
    identity = {
        **task.fingerprints(),
        **{f"gate {index}": function_hash(each) for index, each in gate_functions.items()},
    }
    spec = {
        "cascade": cascade,
        "models": [model.to_entry() for model in method.models],
        "task": {"name": task.name if task.native else "text", "title": task.name, "functions": identity},
        "seed": seed,
        "window": window or _WINDOW,
    }
    thoughts = [place.draw.name for place in method.placed() if place.draw.thought is not None]
    if task.name == "code" and thoughts:
        raise ConfigError(
            f"{method.name}, draw {thoughts[0]!r}, program: in the task 'code' a program is the answer itself"
        )
    if task.name == "code" or thoughts:
        spec["programs"] = task.programs.to_entry()
    return Compiled(spec, prompts, prompt_functions, gate_functions)


def checked_method(method: Any) -> Cascade:
    """Returns the method, if it is one; else raises ConfigError."""
    if isinstance(method, Cascade):
        return method
    hint = "; call it with models" if callable(method) else ""
    raise ConfigError(f"method: expected a cascade such as cope.methods.COPE(small, large), got {method!r}{hint}")


def _own_prompt(given: Any, where: str) -> Prompt | Callable[..., Any] | None:
    """The user's own prompt: given as such, as a text, as a file's path, or as "file.py:function"."""
    own: Prompt | Callable[..., Any] | Path | str | None = given
    if own is None or isinstance(own, Prompt) or callable(own):
        return own
    if isinstance(own, Path) or (isinstance(own, str) and own.endswith(".txt") and "\n" not in own):
        return read_prompt(Path(own), Path(own).stem)
    if not isinstance(own, str):
        raise ConfigError(f"{where}, prompt: expected a text, a Path, a cope.Prompt or a callable, got {own!r}")
    if _FUNCTION_IN_FILE.fullmatch(own):
        return function(own, f"{where}, prompt")
    return Prompt(own, "text", source=where)


def _prompt_of_set(
    draw: Draw, fields: Sequence[str], where: str, sets: dict[object, PromptSet], *, code: bool
) -> Prompt:
    wanted = draw.model.prompts
    key = id(wanted) if isinstance(wanted, PromptSet) else str(wanted)
    if key not in sets:
        sets[key] = load_prompts(wanted)
    try:
        if not code:
            return sets[key].for_role(draw.plan or draw.resolved_role, fields)
        if draw.plan is None:
            return sets[key].for_role("function" if draw.role == "solve" else draw.role, fields)
        planner = f"{draw.plan}_for_function"
        return sets[key].for_role(planner if planner in sets[key].prompts else draw.plan, fields)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _prompt_function(
    own: Callable[..., Any], where: str
) -> Callable[[str, str, Mapping[str, str]], list[dict[str, str]]]:
    def prompt(identity: str, question: str, given: Mapping[str, str]) -> list[dict[str, str]]:
        value = own(question, dict(given))
        messages = [{"role": "user", "content": value}] if isinstance(value, str) else list(value)
        for message in messages:
            if not isinstance(message, Mapping) or not all(
                isinstance(message.get(key), str) for key in ("role", "content")
            ):
                raise TypeError(
                    f'{where}, prompt: expected text or messages {{"role": ..., "content": ...}}, got {message!r}'
                )
        if not messages or not any(message["content"].strip() for message in messages):
            raise ValueError(f"{where}, prompt: the function returned an empty prompt for problem {identity!r}")
        return [dict(message) for message in messages]

    return prompt


def manifest(
    method: Cascade, compiled: Compiled, task: Task, problems: Mapping[str, Any], budget_usd: Any
) -> dict[str, Any]:
    """What a run was: enough to read its results and to repeat it. No keys."""
    models = []
    for model, entry in zip(method.models, compiled.spec["models"], strict=True):
        price = model.resolved_price()
        shown = {
            name: str(value)
            for name in ("input", "cached_input", "output", "reasoning")
            if (value := getattr(price, name)) is not None
        }
        models.append(
            {
                **entry,
                "kind": model.resolved_kind,
                "price_usd_per_million": {**shown, "as_of": price.as_of, "note": price.note},
            }
        )
    return {
        "manifest_version": MANIFEST_VERSION,
        "method": method.name,
        "description": repr(method),
        "versions": versions(),
        "cascade": compiled.spec["cascade"],
        "models": models,
        "prompts": compiled.prompts,
        "task": {"name": task.name, "functions": task.fingerprints()},
        "seed": compiled.spec["seed"],
        "problems": dict(problems),
        "budget_usd": None if budget_usd is None else str(budget_usd),
    }


def versions() -> dict[str, str]:
    """Returns the versions that a manifest holds: of the library, its core, Python and what it uses."""
    found = {"python": platform.python_version(), "platform": platform.platform(), "core": _core.version}
    for name in ("cope-llm", "numpy", "scipy", "xllamacpp"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
