"""The shipped weights and their card. The figures themselves are `python -m training.evaluate`'s; here only what must never break."""

import hashlib
import re
from pathlib import Path

import pytest

WEIGHTS = Path(__file__).resolve().parents[2] / "python" / "cope" / "weights"
FILES = [WEIGHTS / "cope-small.gguf", WEIGHTS / "cope-large.gguf"]


def test_the_pair_is_small():
    assert sum(path.stat().st_size for path in FILES) < 25e6


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_card_is_about_these_files(path):
    card = (WEIGHTS / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert hashlib.sha256(path.read_bytes()).hexdigest() in card
    assert f"{path.stat().st_size:,} bytes" in card


def test_the_card_says_what_the_pair_is_not():
    card = (WEIGHTS / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert re.search(r"no evidence for any claim", card.replace("\n", " "))


@pytest.mark.live
@pytest.mark.timeout(300)
def test_the_pair_still_does_what_it_is_for():
    pytest.importorskip("xllamacpp", reason="llama.cpp is not installed: pip install '.[local]'")
    from cope.datasets import word_problems
    from cope.local._server import Server
    from training.client import Client, Request
    from training.evaluate import boxed, prompt

    problems = word_problems(60, seed=11)

    def right(client, role, temperature, plans=None):
        plans = plans or [""] * len(problems)
        requests = [
            Request(prompt(role, question=problem.question, guideline=plan), temperature, seed)
            for seed, (problem, plan) in enumerate(zip(problems, plans, strict=True))
        ]
        replies = [reply.text for reply in client.map(requests)]
        return replies, sum(boxed(text) == problem.answer for text, problem in zip(replies, problems, strict=True))

    with (
        Server(FILES[0], parallel=8, context_tokens=512) as small_server,
        Server(FILES[1], parallel=8, context_tokens=512) as large_server,
        Client(small_server, 8) as small,
        Client(large_server, 8) as large,
    ):
        _, alone = right(small, "solve", 0.8)
        _, expert = right(large, "solve", 0.0)
        plans, _ = right(large, "guideline", 0.8)
        _, told = right(small, "solve_guideline", 0.8, plans)
    # Wide margins around the card's figures: sixty problems.
    assert 20 <= alone <= 46
    assert expert >= 51
    assert told >= alone + 8
