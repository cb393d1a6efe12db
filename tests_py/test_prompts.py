from __future__ import annotations

from pathlib import Path

import pytest

import cope
from cope.prompts import Prompt, load, names

FILES = ("solve", "solve_goal", "solve_guideline", "solve_goal_guideline", "goal", "guideline")


@pytest.mark.parametrize("name", ["paper", "embedded"])
def test_a_shipped_set_has_every_prompt_of_the_methods(name: str) -> None:
    prompts = load(name)
    for file in FILES:
        role, *plans = file.split("_")
        prompts.for_role(role, plans).check(plans)


def test_shipped_sets_are_listed() -> None:
    assert {"paper", "embedded"} <= set(names())


def test_an_unknown_placeholder_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "solve.txt").write_text("Solve this:\n{question}\nUse {gaol}.\n")
    with pytest.raises(
        cope.ConfigError,
        match=r"solve\.txt, line 3: unknown placeholder \{gaol\}; here there are \{question\}, \{goal\}",
    ):
        load(tmp_path).for_role("solve").check(["goal"])


def test_a_given_plan_that_the_prompt_never_shows_is_an_error() -> None:
    with pytest.raises(cope.ConfigError, match=r"never shows \{goal\}"):
        Prompt("Solve {question}").check(["goal"])


@pytest.mark.parametrize(
    "text", [r"End with \boxed{answer}. {question}", r"\frac{x}{y} {question}", "{} {0} { question } {question}"]
)
def test_latex_and_other_braces_are_no_placeholders(text: str) -> None:
    Prompt(text).check([])


@pytest.mark.parametrize("content", [b"", b" \n\n"])
def test_an_empty_prompt_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "solve.txt").write_bytes(content)
    with pytest.raises(cope.ConfigError, match=r"solve\.txt: the prompt is empty"):
        load(tmp_path)


def test_a_prompt_that_is_not_utf8_is_refused_with_its_byte(tmp_path: Path) -> None:
    (tmp_path / "solve.txt").write_bytes(b"ab\xff {question}")
    with pytest.raises(cope.ConfigError, match="byte 2 is not UTF-8"):
        load(tmp_path)


def test_a_missing_set_or_file_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(cope.ConfigError, match="'embedded', 'paper'"):
        load("papre")
    with pytest.raises(cope.ConfigError, match=r"needs at least solve\.txt"):
        load(tmp_path)
    (tmp_path / "solve.txt").write_text("{question}")
    with pytest.raises(cope.ConfigError, match=r"has no solve_goal\.txt .* It holds solve\.txt"):
        load(tmp_path).for_role("solve", ["goal"])


def test_a_system_file_becomes_the_system_message_of_all_prompts(tmp_path: Path) -> None:
    (tmp_path / "system.txt").write_text("Be brief.\n")
    (tmp_path / "solve.txt").write_bytes("\ufeffSolve\r\n{question}\r\n".encode())
    prompt = load(tmp_path)["solve"]
    assert prompt.messages() == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Solve\n{question}"},
    ]


def test_the_hash_changes_with_either_text() -> None:
    hashes = {Prompt("a {question}").sha256, Prompt("b {question}").sha256, Prompt("a {question}", system="s").sha256}
    assert len(hashes) == 3
