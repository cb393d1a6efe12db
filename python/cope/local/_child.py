"""The child process of `cope.local.Server`: llama.cpp's server, and a watch over the parent.

Started by file name, not as part of the package, so that it imports nothing but xllamacpp and is up in a fraction of a second. It reads one
line of JSON from stdin (settings and the API key: so the key is neither in the process list nor in the environment), answers with one line
of JSON on stdout (`{"url": ...}` or `{"error": ...}`), and ends as soon as stdin is closed, which happens when the parent dies in any way.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
from typing import Any

_PR_SET_PDEATHSIG = 1
_LOG_WARNINGS = 2  # llama.cpp's level: at 3 it would log every request


def _die_with_parent(parent: int) -> None:
    """Asks the kernel to kill this process when the parent's starting thread ends (Linux; elsewhere stdin alone tells)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the call
            os._exit(0)


def _exit_at_end_of_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


def _serve(settings: dict[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["path"]
    params.api_keys = [settings["api_key"]]
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # any free one
    params.verbosity = _LOG_WARNINGS
    params.n_gpu_layers = 0
    params.fit_params = False  # no probing of devices: the sizes below are meant
    params.n_parallel = settings["parallel"]
    params.n_ctx = settings["parallel"] * settings["context_tokens"]
    params.cpuparams.n_threads = settings["threads"]
    params.cpuparams_batch.n_threads = settings["threads"]
    params.n_threads_http = settings["parallel"] + 4
    params.cont_batching = True
    params.cache_prompt = True
    params.cache_ram_mib = 0
    params.cache_idle_slots = False  # would need the cache in RAM
    params.ui = False
    params.endpoint_slots = False
    params.use_jinja = True
    params.enable_reasoning = 0
    if settings["name"]:
        params.model_alias = {settings["name"]}
    return xllamacpp.Server(params)


def main() -> None:
    """Reads the settings, serves, and waits for the end of stdin."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever llama.cpp prints is log
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return
        line += byte
    settings = json.loads(line)
    if settings["die_with_parent"]:
        _die_with_parent(settings["parent"])
    threading.Thread(target=_exit_at_end_of_stdin, daemon=True).start()
    try:
        server = _serve(settings)
        reply = {"url": server.listening_address}
    except ModuleNotFoundError as error:
        reply = {"missing": str(error.name)}
    except Exception as error:
        reply = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), file=answers, flush=True)
    if "url" not in reply:
        os._exit(1)
    threading.Event().wait()


if __name__ == "__main__":
    del sys.path[0]  # this folder: its modules must not shadow others
    main()
