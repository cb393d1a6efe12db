"""A simple concurrent HTTP loop against llama.cpp's server, for evaluation only (the product has its own native client)."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cope.local._server import Server

NEUTRAL = {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.0}
"""The server's defaults are not neutral, so every sampling parameter is sent."""


@dataclass(frozen=True, slots=True)
class Request:
    """One user message and how to sample the answer."""

    user: str
    temperature: float
    seed: int
    max_tokens: int = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer and its usage in tokens."""

    text: str
    prompt_tokens: int
    completion_tokens: int


class Client:
    """Sends requests to one server, `in_flight` at a time, over connections that are kept alive."""

    def __init__(self, server: Server, in_flight: int = 16) -> None:
        self._address = urlsplit(server.base_url)
        self._headers = {"Authorization": f"Bearer {server.api_key}", "Content-Type": "application/json"}
        self._local = threading.local()
        self._connections: list[http.client.HTTPConnection] = []
        self._pool = ThreadPoolExecutor(in_flight)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        for connection in self._connections:
            connection.close()

    def map(self, requests: Iterable[Request]) -> list[Reply]:
        """Answers all requests, in their order."""
        return list(self._pool.map(self._ask, requests))

    def _ask(self, request: Request) -> Reply:
        body: dict[str, Any] = {
            "messages": [{"role": "user", "content": request.user}],
            "temperature": request.temperature,
            "seed": request.seed,
            "max_tokens": request.max_tokens,
            **NEUTRAL,
        }
        status, content = self._post(json.dumps(body))
        if status != 200:
            raise RuntimeError(f"status {status}: {content[:500]!r}")
        reply = json.loads(content)
        usage = reply["usage"]
        return Reply(reply["choices"][0]["message"]["content"], usage["prompt_tokens"], usage["completion_tokens"])

    def _post(self, body: str) -> tuple[int, bytes]:
        for attempt in (1, 2):
            if not hasattr(self._local, "connection"):
                self._local.connection = http.client.HTTPConnection(
                    self._address.hostname or "", self._address.port, timeout=120
                )
                self._connections.append(self._local.connection)
            try:
                self._local.connection.request("POST", f"{self._address.path}/chat/completions", body, self._headers)
                response = self._local.connection.getresponse()
                return response.status, response.read()
            except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
                self._local.connection.close()
                del self._local.connection  # the server ends connections that were idle for some seconds
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")
