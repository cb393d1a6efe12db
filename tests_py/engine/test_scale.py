"""Problem sets of any length run in bounded memory."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

PROBLEMS = 100_000
K = 8
MOST_BYTES = 500_000_000

RUN = f"""
import resource, sys, cope
url, path, store = sys.argv[1:4]
model = cope.Model("m", base_url=url, kind="vllm", max_concurrency=64, prompts="embedded")
method = cope.methods.SmallMajority(model, k={K}, early_stop=False)
run = cope.run(method, cope.stream(path), store=store, progress=False)
print(len(run), run.accuracy, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection: every request gets the same K choices, of 400 characters each."""
    choices = [
        {
            "index": i,
            "message": {"role": "assistant", "content": "Count. " * 55 + "\\boxed{5}"},
            "finish_reason": "stop",
        }
        for i in range(K)
    ]
    usage = {"prompt_tokens": 20, "completion_tokens": 100 * K, "total_tokens": 20 + 100 * K}
    completion = json.dumps({"object": "chat.completion", "choices": choices, "usage": usage}).encode()
    models = json.dumps({"object": "list", "data": [{"id": "m"}]}).encode()
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            fields = head.lower().split(b"\r\n")
            length = next((int(field.split(b":")[1]) for field in fields if field.startswith(b"content-length")), 0)
            await reader.readexactly(length)
            body = models if head.startswith(b"GET") else completion
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def _serve(port: Connection) -> None:
    async def main() -> None:
        server = await asyncio.start_server(_answer, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@pytest.fixture
def fast_server() -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(send,), daemon=True)
    process.start()
    yield f"http://127.0.0.1:{receive.recv()}/v1"
    process.kill()
    process.join()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_hundred_thousand_problems_stream_in_under_500_megabytes(fast_server: str, tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    with path.open("w") as file:
        for i in range(PROBLEMS):
            file.write(
                json.dumps({"id": f"p{i}", "question": f"How much is {i} - {i} + 5? " + "Think. " * 20, "answer": "5"})
                + "\n"
            )
    command = [sys.executable, "-c", RUN, fast_server, str(path), str(tmp_path / "store")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    problems, accuracy, most_bytes = done.stdout.split()
    assert int(problems) == PROBLEMS
    assert float(accuracy) == 1.0
    assert int(most_bytes) < MOST_BYTES
