"""What a run keeps when its process is killed, and what it asks again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cope
from cope import _core
from tests_py.engine.counting_proxy import CountingProxy

CONCURRENCY = 8
BROKEN_TEST_S = 240.0

RUN = f"""
import sys, cope
url, store = sys.argv[1:3]
import os
small = cope.Model("cope-small", base_url=url, kind="llama.cpp", api_key=os.environ["PAIR_KEY"], prompts="embedded",
                   max_concurrency={CONCURRENCY}, stable_name="the small model of this test")
problems = cope.datasets.word_problems(24, seed=1)
run = cope.run(cope.methods.SmallMajority(small, k=4), problems, store=store, progress=False)
print("done", len(run))
"""


@pytest.fixture
def proxy(pair: tuple[cope.Model, cope.Model]) -> Iterator[CountingProxy]:
    counting = CountingProxy(pair[0].resolved_base_url)
    yield counting
    counting.close()


def _start(proxy: CountingProxy, store: Path, key: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PAIR_KEY": key}
    command = [sys.executable, "-c", RUN, proxy.url, str(store)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _durable(store: Path) -> int:
    """Samples in the store, read from the database itself."""
    import sqlite3

    with sqlite3.connect(store / "cope.sqlite3") as database:
        return int(database.execute("SELECT count(*) FROM samples").fetchone()[0])


def test_kill_9_at_random_moments_pays_for_no_received_sample_twice(
    pair: tuple[cope.Model, cope.Model], proxy: CountingProxy, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    key = pair[0].resolved_key().reveal()
    random_moments = random.Random(20261123)
    lost = 0
    kills = 0
    for _ in range(4):
        before = proxy.total()
        process = _start(proxy, store, key)
        # At the moment of a request that the seed picks: while others are on their way, being answered or being committed.
        enough = proxy.wait_for(before + random_moments.randint(3, 20), BROKEN_TEST_S)
        process.send_signal(signal.SIGKILL)
        out, err = process.communicate()
        assert enough, (out, err)
        assert process.returncode == -signal.SIGKILL
        kills += 1
        asked_again_at_most = proxy.total() - lost - _durable(store)
        assert 0 <= asked_again_at_most <= 2 * CONCURRENCY  # in flight, and received but not yet committed
        lost += asked_again_at_most
    process = _start(proxy, store, key)
    out, err = process.communicate(timeout=BROKEN_TEST_S)
    assert process.returncode == 0, err
    assert out.strip() == "done 24"
    # Every request beyond one a durable sample belongs to a sample that was lost in flight with a killed process.
    assert proxy.total() == _durable(store) + lost
    assert len(proxy.asked) == _durable(store)
    assert max(proxy.asked.values()) <= kills + 1


def test_a_finished_run_asks_for_nothing_again(
    pair: tuple[cope.Model, cope.Model], proxy: CountingProxy, tmp_path: Path
) -> None:
    key = pair[0].resolved_key().reveal()
    for _ in range(2):
        out, err = _start(proxy, tmp_path / "store", key).communicate(timeout=BROKEN_TEST_S)
        assert out.strip() == "done 24", err
    assert max(proxy.asked.values()) == 1
    store = _core.Store.open(str(tmp_path / "store"), mode="read")
    assert [row["status"] for row in store.runs()] == ["finished"]


def test_a_killed_run_can_be_opened_and_says_that_it_is_not_finished(
    pair: tuple[cope.Model, cope.Model], proxy: CountingProxy, tmp_path: Path
) -> None:
    process = _start(proxy, tmp_path / "store", pair[0].resolved_key().reveal())
    assert proxy.wait_for(40, BROKEN_TEST_S)
    process.kill()
    process.communicate()
    run = cope.open(tmp_path / "store")
    assert len(run) < 24
    assert run.status != "finished"
    assert "not finished" in repr(run) or "interrupted" in repr(run) or "running" in repr(run)
