"""One sandbox for the tests that need no other."""

from collections.abc import Iterator

import pytest

import cope


@pytest.fixture(scope="session")
def sandbox() -> Iterator[cope.sandbox.Sandbox]:
    with cope.sandbox.Sandbox(workers=2) as shared:
        yield shared
