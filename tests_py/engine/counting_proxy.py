"""A proxy on loopback that counts what passes to a real server, so that tests know which samples were asked for, and how often."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class CountingProxy:
    """Forwards to `upstream` and counts chat completions.

    Attributes:
        url: its base URL.
        asked: how often each question (its body, as canonical JSON) was asked.
    """

    def __init__(self, upstream: str) -> None:
        target = urlsplit(upstream)
        self.asked: Counter[str] = Counter()
        self._changed = threading.Condition()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            upstream: http.client.HTTPConnection

            def setup(self) -> None:
                super().setup()
                self.upstream = http.client.HTTPConnection(target.hostname or "", target.port)

            def finish(self) -> None:
                self.upstream.close()
                super().finish()

            def _forward(self, body: bytes | None) -> None:
                headers = {"Authorization": self.headers.get("Authorization", ""), "Content-Type": "application/json"}
                self.upstream.request(self.command, self.path, body, headers)
                reply = self.upstream.getresponse()
                content = reply.read()
                self.send_response(reply.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                self._forward(None)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with owner._changed:
                    owner.asked[json.dumps(json.loads(body), sort_keys=True)] += 1
                    owner._changed.notify_all()
                self._forward(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a client that was killed in the middle

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}{target.path}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def total(self) -> int:
        """Requests so far."""
        with self._changed:
            return self.asked.total()

    def wait_for(self, requests: int, timeout_s: float) -> bool:
        """Waits until so many requests have come in all; False when that takes longer than the bound of a broken test."""
        with self._changed:
            return self._changed.wait_for(lambda: self.asked.total() >= requests, timeout_s)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
