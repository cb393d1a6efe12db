"""The memory of sweeps: 100,000 problems x 64 samples x 32 x 32 thresholds."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

# In a process of its own, since the peak is of a process. Prints for each step the peak so far in bytes.
CHILD = """
import json, resource, sys
import numpy as np
from cope import _core

problems, samples = 100_000, 64
random = np.random.default_rng(0)
taus = np.array([[i, 32] for i in range(32)], np.int64)
stages = []
for number in range(2):
    agree = random.random((problems, 1, samples), np.float32) < random.random((problems, 1, 1), np.float32)
    classes = random.integers(-1, 6, size=agree.shape, dtype=np.int32)
    classes[agree] = 0
    stages.append({"gate": {"measure": "consensus", "thresholds": taus}, "classes": classes, "correct": (classes == 0).view(np.uint8),
                   "cost_pusd": random.integers(0, 1000, size=classes.shape)})
last = np.zeros((problems, 1, 1), np.int32)
stages.append({"gate": {"measure": "always"}, "classes": last, "correct": (last == 0).view(np.uint8), "uses_k": False})
k = np.array([1, 2, 4, 8, 16, 32, 64], np.int32)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

found = {"arrays": sum(value.nbytes for stage in stages for value in stage.values() if hasattr(value, "nbytes")), "before": peak()}
order = _core.sweep(stages, k)
found["order"] = peak()
subsets = _core.sweep(stages, k, estimator="subsets")
found["subsets"] = peak()
weights = random.multinomial(problems, np.full(problems, 1 / problems), size=20).astype(float)
drawn = _core.sweep_bootstrap(stages, k, weights)
found["bootstrap"] = peak()
assert order["correct"].shape == subsets["correct"].shape == (7, 32, 32) and drawn["correct"].shape == (20, 7, 32, 32)
assert (order["resolved"].sum(axis=3) == problems).all() and np.allclose(subsets["resolved"].sum(axis=3), problems)
json.dump(found, sys.stdout)
"""
LIMIT = 2_000_000_000


@pytest.mark.slow
def test_a_hundred_thousand_problems_on_a_fine_grid_stay_below_two_gigabytes() -> None:
    child = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    peaks: dict[str, Any] = json.loads(child.stdout)
    # The measure sees what it should: the recording itself is in the peak. What problems x grid would take is above the limit, so it could fail.
    assert peaks["before"] > peaks["arrays"] > 150_000_000
    assert LIMIT < 100_000 * 7 * 32 * 32 * 8
    assert peaks["before"] <= peaks["order"] <= peaks["subsets"] <= peaks["bootstrap"] < LIMIT, peaks
