"""The cap on spending belongs to the store: no number of requests and processes passes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cope
from cope import _core
from tests_py.conftest import Endpoint

PUSD_PER_USD = 10**12
# 10 tokens in and 5 out (what the endpoint of the tests reports) at 1 and 2 USD per million tokens.
COST_PUSD = 10 * 10**6 + 5 * 2 * 10**6

RUN = """
import sys, cope
url, store, first, seed = sys.argv[1:5]
model = cope.Model("m", base_url=url, kind="generic", api_key="k", price=cope.Price("1", "2"), max_retries=0, max_concurrency=500, prompts="embedded")
problems = [{"id": f"{first}-{i}", "question": f"How much is {i} + 1?", "answer": "5"} for i in range(700)]
run = cope.run(cope.methods.Large(model, max_tokens=8), problems, store=store, seed=int(seed), progress=False, check=False)
"""


def test_two_processes_with_a_thousand_requests_in_flight_never_pass_the_cap(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    store_folder = tmp_path / "store"
    cap = 400 * COST_PUSD + 1
    store = _core.Store.open(str(store_folder))
    store.set_cap(cap)
    command = [sys.executable, "-c", RUN, endpoint.url, str(store_folder)]
    processes = [
        subprocess.Popen([*command, name, str(seed)], env=dict(os.environ), stderr=subprocess.PIPE, text=True)
        for seed, name in enumerate(("a", "b"))
    ]
    errors = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    ledger = store.ledger()
    assert ledger["settled_pusd"] + ledger["reserved_pusd"] <= cap
    assert ledger["reserved_pusd"] == 0  # nobody crashed: all is settled
    # What the endpoint would bill is what the ledger says, and nothing more.
    assert len(endpoint.requests) * COST_PUSD == ledger["settled_pusd"]
    rows = [row for run in store.runs() for row in store.outcomes(run["id"])]
    assert len(rows) == 1400
    paid = [row for row in rows if row["status"] == "answered"]
    assert len(paid) == len(endpoint.requests)
    assert {row["status"] for row in rows} == {"answered", "unfinished"}
    # The cap is used, not just kept: a reservation is a bound that leaves at most its own room unused.
    assert len(paid) > 300


def test_a_raised_cap_goes_on_where_the_old_one_stopped(endpoint: Endpoint, tmp_path: Path) -> None:
    model = endpoint.model(price=cope.Price("1", "2"), prompts="embedded")
    problems = [{"id": str(i), "question": f"How much is {i} + 1?", "answer": "5"} for i in range(20)]
    method = cope.methods.Large(model, max_tokens=8)

    def go(budget_usd: float) -> cope.Run:
        return cope.run(method, problems, store=tmp_path / "store", budget_usd=budget_usd, progress=False)

    first = go(0.0003)
    asked = len(endpoint.requests)
    assert 0 < asked < 20
    assert first.counts.unfinished == 20 - asked
    assert first.status == "interrupted"
    second = go(1.0)
    assert second.counts.unfinished == 0
    assert len(endpoint.requests) == 20  # nothing was bought twice
