"""Serves a GGUF file with llama.cpp on loopback, in a child process that ends with its parent.

Thread-safety: several servers may be constructed and closed from several threads; one `Server` may be closed from any thread.

Example:
    >>> with Server("model.gguf", parallel=8) as server:  # doctest: +SKIP
    ...     print(server.base_url)
    http://127.0.0.1:40551/v1
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import secrets
import select
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import weakref
from pathlib import Path
from types import TracebackType
from typing import IO, Any

_MAGIC = b"GGUF"
_CHILD = Path(__file__).with_name("_child.py")
_END_S = 3.0
"""A child that has not ended so long after its stdin was closed is killed."""
_OUTPUT_BYTES = 2000
"""How much of the child's last output an error shows."""


class ServerError(RuntimeError):
    """llama.cpp's server did not become ready; the message holds its last output."""


class Server:
    """llama.cpp's OpenAI-compatible server for one GGUF file.

    The defaults serve many short requests of tiny models on few cores, which is what the embedded pair is for: one thread for each model
    (a step of such a model takes microseconds, so threads would only wait for each other, and two models are two processes, which
    already fill two cores), as many slots as requests usually in flight (each step of the continuous batch then serves all of them), the
    prompt cache of each slot on (samples of one problem share their prompt), and the cache of past prompts in RAM off (copying a state
    takes longer than reading a short prompt anew). The figures behind this are in training/README.md.

    Args:
        path: the GGUF file.
        parallel: slots, that is requests served at the same time; others wait in the server's queue.
        context_tokens: prompt and answer together, per slot.
        threads: compute threads; None means 1 for files up to 64 MB, else half the CPUs, at least 1.
        name: the model's name in replies; None means the file's name without `.gguf`.
        ready_timeout_s: seconds to wait for the model to be loaded.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not a GGUF file, or a number is not positive.
        ImportError: xllamacpp is not installed.
        ServerError: the server did not become ready.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        parallel: int = 8,
        context_tokens: int = 1024,
        threads: int | None = None,
        name: str | None = None,
        ready_timeout_s: float = 120.0,
    ) -> None:
        file = Path(path)
        _check(file, parallel=parallel, context_tokens=context_tokens, threads=threads)
        self._path = file
        self._parallel = parallel
        self._name = name or file.name.removesuffix(".gguf")
        self._sha256 = _sha256(file)
        self._api_key = secrets.token_urlsafe(32)
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the finalizer
        process = subprocess.Popen(
            [sys.executable, str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
            start_new_session=True,  # Ctrl-C is for the parent, which then ends the child
        )
        self._process = process
        self._finalizer = weakref.finalize(self, _end, process, self._output, os.getpid())
        settings = {
            "path": str(file.resolve()),
            "api_key": self._api_key,
            "parallel": parallel,
            "context_tokens": context_tokens,
            "threads": threads or (1 if file.stat().st_size <= 64 << 20 else max(1, (os.cpu_count() or 2) // 2)),
            "name": self._name,
            "parent": os.getpid(),
            # The kernel's signal comes at the end of the starting THREAD; another than the main one may end before the process does.
            "die_with_parent": threading.current_thread() is threading.main_thread(),
        }
        try:
            self._base_url = self._wait_until_ready(settings, time.monotonic() + ready_timeout_s)
        except BaseException:
            self.close()
            raise

    @property
    def base_url(self) -> str:
        """Where the OpenAI-compatible API is, such as `http://127.0.0.1:40551/v1`."""
        return self._base_url

    @property
    def api_key(self) -> str:
        """The key that every request must carry; drawn at random, known to this process and the child only."""
        return self._api_key

    @property
    def model_sha256(self) -> str:
        """SHA-256 of the GGUF file in hexadecimal: the model's stable name, whatever the port."""
        return self._sha256

    @property
    def parallel(self) -> int:
        """Requests served at the same time."""
        return self._parallel

    @property
    def name(self) -> str:
        """The model's name in replies."""
        return self._name

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def closed(self) -> bool:
        """Whether the child has been ended."""
        return not self._finalizer.alive

    def close(self) -> None:
        """Ends the child and waits for its end. Calls after the first do nothing."""
        self._finalizer()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"at {self._base_url}"
        return f"<Server of {self._path.name} {state}, parallel={self._parallel}>"

    def _wait_until_ready(self, settings: dict[str, Any], deadline: float) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(settings).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._error("its process ended at once") from None
        readable, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        if not readable:
            raise self._error("it did not become ready in time")
        line = self._process.stdout.readline()
        reply: dict[str, str] = json.loads(line) if line else {}
        if "missing" in reply:
            raise ImportError(f'serving {self._path.name} needs {reply["missing"]}: pip install ".[local]"')
        if "url" not in reply:
            raise self._error(reply.get("error", "its process ended"))
        url = reply["url"].rstrip("/")
        while not _healthy(url):
            if self._process.poll() is not None:
                raise self._error("its process ended")
            if time.monotonic() > deadline:
                raise self._error("it did not become ready in time")
            time.sleep(0.01)
        return f"{url}/v1"

    def _error(self, reason: str) -> ServerError:
        if reason.endswith("ended"):
            self._process.wait(timeout=_END_S)
        self._output.seek(max(0, self._output.seek(0, os.SEEK_END) - _OUTPUT_BYTES))
        last = self._output.read().decode(errors="replace").replace(self._api_key, "***").strip()
        return ServerError(
            f"llama.cpp's server for {self._path} is not ready: {reason}. Its last output:\n{last or '(none)'}"
        )


def _check(file: Path, *, parallel: int, context_tokens: int, threads: int | None) -> None:
    for name, value in (("parallel", parallel), ("context_tokens", context_tokens), ("threads", threads)):
        if value is not None and value < 1:
            raise ValueError(f"{name}: expected a positive number, got {value}")
    if not file.is_file():
        raise FileNotFoundError(f"no model file at {file}")
    with file.open("rb") as opened:
        magic = opened.read(len(_MAGIC))
    if magic != _MAGIC:
        raise ValueError(f"{file} is not a GGUF file: it starts with {magic!r}, expected {_MAGIC!r}")


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _healthy(url: str) -> bool:
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=5)
    try:
        connection.request("GET", "/health")  # open without the key
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes], output: IO[bytes], owner: int) -> None:
    """Ends the child: closing its stdin tells it to go. A forked copy of the owner leaves it alone."""
    if os.getpid() != owner:
        return
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    try:
        process.wait(timeout=_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
    output.close()
