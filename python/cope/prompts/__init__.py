"""Prompts: text files in named sets, one folder a set.

A set holds `<role>.txt` for each role (`solve`, the executor; `goal` and `guideline`, the planners) and, for prompts that show plans,
`<role>_<plan>.txt`: `solve_goal.txt`, `solve_guideline.txt`, `solve_goal_guideline.txt`. A file is the user's message; `{question}`, `{goal}` and
`{guideline}` stand for the texts. An optional `system.txt` is the system message of every prompt of the set.

Example:
    >>> load("paper")["solve_goal"].placeholders
    ('question', 'goal')
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ..errors import ConfigError

__all__ = ["Prompt", "PromptSet", "load", "names"]

# {word}, unless it is an argument of a LaTeX command: \boxed{answer} and \frac{a}{b} hold no placeholders.
_PLACEHOLDER = re.compile(r"\\[A-Za-z]+(?:\{[^{}]*\})+|\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PLAN_ORDER = ("goal", "guideline")


@dataclass(frozen=True)
class Prompt:
    """One prompt: a template for the user's message, with or without a system message.

    Args:
        text: The template; {question} and the names of plans are filled in.
        name: How it is called in errors and manifests.
        source: The file that it was read from; empty for a text given in code.
        system: A template for the system message; empty: none.

    Example:
        >>> Prompt("Solve: {question}").placeholders
        ('question',)
    """

    text: str
    name: str = "prompt"
    source: str = ""
    system: str = ""

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The placeholders, in order of their first occurrence."""
        found = dict.fromkeys(name for text in (self.system, self.text) for name, _ in _find(text))
        return tuple(found)

    @property
    def sha256(self) -> str:
        """The hash that manifests hold."""
        return hashlib.sha256(f"{self.system}\0{self.text}".encode()).hexdigest()

    def messages(self) -> list[dict[str, str]]:
        """Returns the message templates in the order they are sent."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, {"role": "user", "content": self.text}]

    def check(self, fields: Iterable[str]) -> None:
        """Checks that the prompt shows the question and each of the fields, and nothing else.

        Raises:
            ConfigError: An unknown placeholder (names file and line), or a field that the prompt never shows.
        """
        known = ("question", *fields)
        where = self.source or self.name
        for text, part in ((self.system, "system message, "), (self.text, "")):
            for name, line in _find(text):
                if name not in known:
                    choices = ", ".join(f"{{{field}}}" for field in known)
                    raise ConfigError(
                        f"{where}, {part}line {line}: unknown placeholder {{{name}}}; here there are {choices}"
                    )
        if missing := [name for name in known if name not in self.placeholders]:
            raise ConfigError(
                f"{where}: the prompt never shows {{{missing[0]}}}; add it to the text, or give the draw another prompt"
            )


def _find(text: str) -> list[tuple[str, int]]:
    """The placeholders of a template with their lines."""
    return [(match[1], text.count("\n", 0, match.start()) + 1) for match in _PLACEHOLDER.finditer(text) if match[1]]


@dataclass(frozen=True)
class PromptSet:
    """The prompts of one folder.

    Args:
        name: The set's name.
        folder: Where it was read from.
        prompts: The prompts by file name without `.txt`.
    """

    name: str
    folder: str
    prompts: Mapping[str, Prompt]

    def __getitem__(self, name: str) -> Prompt:
        try:
            return self.prompts[name]
        except KeyError:
            have = ", ".join(f"{each}.txt" for each in self.prompts)
            raise ConfigError(
                f"prompt set {self.name!r} has no {name}.txt in {self.folder}; add that file. It holds {have}"
            ) from None

    def for_role(self, role: str, plans: Iterable[str] = ()) -> Prompt:
        """Returns the prompt of a role that shows these plans: `<role>_<plan>_<plan>.txt`, goal before guideline before others.

        Raises:
            ConfigError: No such file.

        Example:
            >>> load("paper").for_role("solve", ["guideline", "goal"]).name
            'paper/solve_goal_guideline'
        """
        order = {plan: index for index, plan in enumerate(_PLAN_ORDER)}
        ordered = sorted(plans, key=lambda plan: (order.get(plan, len(order)), plan))
        return self["_".join([role, *ordered])]

    def __repr__(self) -> str:
        return f"PromptSet({self.name!r}: {', '.join(self.prompts)})"


def names() -> list[str]:
    """Returns the names of the prompt sets that ship with the library.

    Example:
        >>> "paper" in names()
        True
    """
    return sorted(folder.name for folder in Path(__file__).parent.iterdir() if (folder / "solve.txt").is_file())


def read_prompt(path: Path, name: str, system: str = "") -> Prompt:
    """Reads one prompt file.

    Raises:
        ConfigError: No such file, not UTF-8, or nothing in it.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").rstrip("\n")
    except FileNotFoundError:
        raise ConfigError(f"prompt file {path}: no such file") from None
    except OSError as error:
        raise ConfigError(f"prompt file {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"prompt file {path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    if not text.strip():
        raise ConfigError(f"prompt file {path}: the prompt is empty; write it or remove the file")
    return Prompt(text, name, str(path), system)


def load(name_or_folder: str | Path | PromptSet) -> PromptSet:
    """Loads a prompt set.

    Args:
        name_or_folder: The name of a set that ships with the library (see `names`), or a folder of .txt files.

    Returns:
        The set.

    Raises:
        ConfigError: No such set or folder, an empty or unreadable prompt file.

    Example:
        >>> load("paper").name
        'paper'
    """
    if isinstance(name_or_folder, PromptSet):
        return name_or_folder
    if not isinstance(name_or_folder, (str, Path)) or not str(name_or_folder).strip():
        raise ConfigError(f"prompts: expected a set's name or a folder, got {name_or_folder!r}")
    shipped = names()
    is_shipped = isinstance(name_or_folder, str) and name_or_folder in shipped
    folder = Path(__file__).parent / name_or_folder if is_shipped else Path(name_or_folder).expanduser()
    if not folder.is_dir():
        raise ConfigError(
            f"prompts: expected one of {', '.join(map(repr, shipped))} or a folder of .txt files, got {str(name_or_folder)!r}"
        )
    files = sorted(folder.glob("*.txt"))
    if not files:
        raise ConfigError(f"prompts: the folder {folder} holds no .txt file; it needs at least solve.txt")
    system_file = folder / "system.txt"
    system = read_prompt(system_file, "system").text if system_file in files else ""
    prompts = {
        file.stem: read_prompt(file, f"{folder.name}/{file.stem}", system) for file in files if file != system_file
    }
    return PromptSet(folder.name, str(folder), MappingProxyType(prompts))
