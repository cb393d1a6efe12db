"""A recorded method on a scripted pair, made once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import cope

from ..conftest import Endpoint
from .scripted import PROBLEMS, K, pair


@dataclass
class Recorded:
    """A recording with what it was made of."""

    recording: cope.Recording
    method: cope.Cascade
    small: cope.Model
    large: cope.Model
    store: Path
    endpoint: Endpoint


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    endpoint = Endpoint()
    folder = tmp_path_factory.mktemp("recorded")
    small, large = pair(endpoint, folder)
    method = cope.methods.COPE(small, large, k=5, thresholds=("0.6", "0.4"))
    store = folder / "store"
    recording = cope.record(method, PROBLEMS, k=K, store=store, progress=False)
    yield Recorded(recording, method, small, large, store, endpoint)
    endpoint.close()
