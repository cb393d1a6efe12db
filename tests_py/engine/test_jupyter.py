"""The stop button of a notebook, in a real kernel."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

import cope
from tests_py.conftest import Endpoint, completion

jupyter_client = pytest.importorskip("jupyter_client", reason="no jupyter_client: pip install '.[test]'")

CELL = """
import cope
model = cope.Model("m", base_url={url!r}, kind="generic", max_retries=0, max_concurrency=4, prompts="embedded")
problems = [{{"id": str(i), "question": f"How much is {{i}} + 1?", "answer": "5"}} for i in range(40)]
run = {call}(cope.methods.Large(model), problems, store={store!r}, progress=False)
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the Jupyter libraries' own
@pytest.mark.parametrize("call", ["cope.run", "await cope.arun"])
def test_the_stop_button_ends_a_run_and_keeps_what_was_received(endpoint: Endpoint, tmp_path: Path, call: str) -> None:
    reached = threading.Event()
    release = threading.Event()

    def reply(request: dict[str, Any]) -> tuple[int, bytes]:
        # The first ten are answered; the run is then in the middle of requests that would never end by themselves.
        if len(endpoint.requests) > 10:
            reached.set()
            release.wait(120)
        return 200, json.dumps(completion("\\boxed{5}")).encode()

    endpoint.reply = reply
    store = tmp_path / "store"
    manager = jupyter_client.KernelManager()
    manager.start_kernel()
    try:
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=120)
        message = client.execute(CELL.format(url=endpoint.url, store=str(store), call=call))
        assert reached.wait(120)
        manager.interrupt_kernel()
        while True:
            answer = client.get_shell_msg(timeout=120)
            if answer["parent_header"]["msg_id"] == message:
                break
        assert answer["content"]["status"] == "error"
        assert answer["content"]["ename"] in {"KeyboardInterrupt", "CancelledError"}
        client.stop_channels()
    finally:
        release.set()
        manager.shutdown_kernel(now=True)
    run = cope.open(store)
    assert run.status == "interrupted"
    assert 1 <= run.counts.answered <= 10
    assert run.counts.unfinished >= 1
