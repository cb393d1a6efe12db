"""What several test files share: the embedded pair, models that are never asked, and a server that answers as it is told."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import cope

_KEY_VARIABLES = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "GEMINI_API_KEY", "GEMINI_BASE_URL")


def pytest_configure() -> None:
    """Lets the tests be interrupted by themselves: what a shell runs in the background starts with SIGINT ignored, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_keys_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[cope.Model, cope.Model]]:
    """The embedded pair, served by llama.cpp for one file of tests."""
    with cope.local.pair(parallel=8) as models:
        yield models


@pytest.fixture
def small() -> cope.Model:
    """A local model; nobody is there, so it must not be asked."""
    return cope.Model("small", base_url="http://127.0.0.1:9/v1", kind="vllm")


@pytest.fixture
def large() -> cope.Model:
    """A hosted model; it must not be asked."""
    return cope.Model("gpt-4o-mini", api_key="sk-never-used")


def choice(text: str) -> dict[str, Any]:
    """A choice of a chat completion."""
    return {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}


def completion(*texts: str) -> dict[str, Any]:
    """A chat completion with one choice a text."""
    choices = [{**choice(text), "index": index} for index, text in enumerate(texts)]
    tokens = {"prompt_tokens": 10, "completion_tokens": 5 * len(texts), "total_tokens": 10 + 5 * len(texts)}
    return {"id": "c", "object": "chat.completion", "model": "m", "choices": choices, "usage": tokens}


class Endpoint:
    """A server on loopback; `reply` maps a request's JSON to (status, body), and may be replaced at any time.

    Attributes:
        url: its base URL.
        requests: what was posted, in order.
        keys: the Authorization headers.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.models: tuple[int, bytes] = (200, json.dumps({"data": [{"id": "m"}]}).encode())
        self.reply: Callable[[dict[str, Any]], tuple[int, bytes]] = lambda request: (
            200,
            json.dumps(completion(*["The answer is \\boxed{5}."] * request.get("n", 1))).encode(),
        )
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                self._send(*owner.models)

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                owner.keys.append(self.headers.get("Authorization", ""))
                owner.requests.append(request)
                self._send(*owner.reply(request))

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a client that went away in the middle

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def model(self, **options: Any) -> cope.Model:
        """A model behind it."""
        return cope.Model("m", **{"base_url": self.url, "kind": "generic", "max_retries": 0, **options})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    yield server
    server.close()
