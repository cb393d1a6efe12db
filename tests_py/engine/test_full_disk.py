"""A disk that fills up in the middle of a run: a clear error, and everything stored before it is kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cope
from tests_py.conftest import Endpoint, completion

RUN = """
import resource, signal, sys, cope
url, store, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
model = cope.Model("m", base_url=url, kind="generic", max_retries=0, max_concurrency=4, prompts="embedded")
problems = [{"id": str(i), "question": f"How much is {i} + 1?", "answer": "5"} for i in range(60)]
if limit:  # to the process, a file that may not grow is what a full disk is
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    run = cope.run(cope.methods.Large(model), problems, store=store, progress=False)
except cope.StoreError as error:
    print("StoreError:", error)
    sys.exit(7)
print(run.status, run.counts.right)
"""


def test_a_full_disk_stops_the_run_and_loses_nothing(endpoint: Endpoint, tmp_path: Path) -> None:
    text = "Long thoughts. " * 4000 + "\\boxed{5}"
    endpoint.reply = lambda request: (200, json.dumps(completion(text)).encode())
    command = [sys.executable, "-c", RUN, endpoint.url, str(tmp_path / "store")]
    full = subprocess.run([*command, "1000000"], capture_output=True, text=True, check=False)
    assert full.returncode == 7, (full.stdout, full.stderr)
    assert str(tmp_path / "store") in full.stdout
    kept = cope.open(tmp_path / "store")
    assert kept.status != "finished"
    durable = sum(1 for trace in kept)
    assert durable > 0
    asked = len(endpoint.requests)
    again = subprocess.run([*command, "0"], capture_output=True, text=True, check=False)
    assert again.stdout.split() == ["finished", "60"], again.stderr
    # Only what the full disk refused was asked again.
    assert len(endpoint.requests) - asked <= 60 - durable
