from __future__ import annotations

from typing import Any

import pytest

from cope.trace import fraction_text, gate_decision


@pytest.mark.parametrize(
    ("threshold", "text"),
    [([3, 4], "0.75"), ([2, 3], "2/3"), ([1, 1], "1"), ([0, 1], "0"), ([1, 7], "1/7"), ([7, 2], "3.5")],
)
def test_a_threshold_is_shown_as_people_write_it(threshold: list[int], text: str) -> None:
    assert fraction_text(threshold) == text


CONSENSUS = {"measure": "consensus", "comparison": ">", "threshold": [3, 4]}


def result(votes: int, accepted: bool, scored: bool = True) -> dict[str, Any]:
    return {"accepted": accepted, "votes": votes, "of": 8, "value": votes / 8, "scored": scored}


@pytest.mark.parametrize(
    ("gate", "stage", "drawn", "last", "text"),
    [
        (CONSENSUS, result(6, False), 8, False, "6 of 8 = 0.75, not > 0.75: escalated"),
        (CONSENSUS, result(7, True), 8, False, "7 of 8 = 0.875, > 0.75: accepted"),
        (CONSENSUS, result(7, True), 7, False, "7 of 8 = 0.875, > 0.75 after 7 of 8 samples: accepted"),
        (CONSENSUS, result(1, False), 3, False, "1 of 8 after 3 of 8 samples, can no longer be > 0.75: escalated"),
        (CONSENSUS, result(5, False), 8, True, "5 of 8 = 0.625, not > 0.75: no later stage, so its answer stands"),
        (CONSENSUS, result(0, False, scored=False), 8, False, "no sample could be scored: escalated"),
        (CONSENSUS, result(0, False, scored=False), 8, True, "no sample could be scored: unscored"),
        (
            {"measure": "always", "comparison": ">", "threshold": [0, 1]},
            result(5, True),
            8,
            True,
            "5 of 8 votes: accepted",
        ),
        (
            {"measure": "perplexity", "comparison": "<=", "threshold": [7, 2]},
            {**result(0, False), "value": 4.25},
            8,
            False,
            "perplexity 4.25, not <= 3.5: escalated",
        ),
    ],
)
def test_a_gates_arithmetic_in_words(gate: Any, stage: Any, drawn: int, last: bool, text: str) -> None:
    assert gate_decision(gate, stage, drawn, 8, last) == text
