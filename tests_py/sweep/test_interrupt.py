"""A long sweep runs without the GIL and ends at Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest

from cope import _core

from .arrays import TAUS, gate, stage


def test_ctrl_c_from_another_thread_ends_a_sweep_of_minutes() -> None:
    many = stage(np.random.default_rng(0), gate("consensus", taus=TAUS), problems=20_000, samples=400, classes=40)
    last = {**many, "gate": gate("always")}
    begun = threading.Event()

    def interrupt() -> None:
        begun.wait()
        time.sleep(0.5)  # by then the sweep is under way; to go on, this thread needs the GIL
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    begun.set()
    with pytest.raises(KeyboardInterrupt):
        _core.sweep([many, last], np.array([200, 400], np.int32), estimator="subsets")  # type: ignore[list-item]
    thread.join()
