import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("xllamacpp", reason="llama.cpp is not installed: pip install '.[local]'")

from cope.local._server import Server, ServerError

WEIGHTS = Path(__file__).resolve().parents[2] / "python" / "cope" / "weights"
SMALL = WEIGHTS / "cope-small.gguf"
pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]


def ask(server, key, path="/chat/completions"):
    body = {
        "messages": [{"role": "user", "content": "Problem: What is 3+4?\nSolve it."}],
        "temperature": 0,
        "max_tokens": 60,
    }
    request = urllib.request.Request(
        server.base_url + path,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_end(pid, seconds=10.0):
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


@pytest.fixture(scope="module")
def server():
    with Server(SMALL, parallel=4, context_tokens=512) as running:
        yield running


def test_answers_a_chat_completion_with_the_key(server):
    reply = ask(server, server.api_key)
    assert "\\boxed{" in reply["choices"][0]["message"]["content"]
    assert reply["choices"][0]["finish_reason"] == "stop"
    assert reply["usage"]["completion_tokens"] > 5


@pytest.mark.parametrize("key", [None, "wrong"])
def test_refuses_without_the_key(server, key):
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(server, key)
    refused.value.close()
    assert refused.value.code == 401


def test_base_url_is_on_loopback_and_names_the_model(server):
    assert server.base_url.startswith("http://127.0.0.1:")
    assert server.base_url.endswith("/v1")
    request = urllib.request.Request(server.base_url + "/models", headers={"Authorization": f"Bearer {server.api_key}"})
    with urllib.request.urlopen(request, timeout=60) as response:
        assert json.load(response)["data"][0]["id"] == "cope-small" == server.name


def test_the_key_shows_nowhere(server):
    assert server.api_key not in repr(server)
    for part in ("cmdline", "environ"):
        assert server.api_key.encode() not in Path(f"/proc/{server.pid}/{part}").read_bytes()
    ask(server, server.api_key)
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(server, server.api_key[:-1])
    refused.value.close()
    log = Path(f"/proc/{server.pid}/fd/2").read_bytes()
    assert server.api_key.encode() not in log
    assert server.api_key[-4:].encode() not in log


def test_the_sha256_is_the_files(server):
    import hashlib

    assert server.model_sha256 == hashlib.sha256(SMALL.read_bytes()).hexdigest()


def test_same_seed_same_text_and_other_seeds_differ(server):
    def sample(seed):
        body = {
            "messages": [{"role": "user", "content": "Problem: Ana plays kiva: 4 hits and 3 runs. What does Ana score?\nSolve it."}],
            "temperature": 1.5, "seed": seed, "max_tokens": 60, "top_k": 0, "top_p": 1, "min_p": 0, "repeat_penalty": 1,
        }  # fmt: skip
        request = urllib.request.Request(
            server.base_url + "/chat/completions",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {server.api_key}"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)["choices"][0]["message"]["content"]

    assert sample(7) == sample(7)
    assert len({sample(seed) for seed in range(6)}) > 1


def test_close_ends_the_child_and_may_be_called_again():
    server = Server(SMALL, parallel=1, context_tokens=256)
    pid = server.pid
    assert alive(pid)
    server.close()
    assert not alive(pid)
    server.close()
    assert server.closed
    assert "closed" in repr(server)


def test_an_exception_inside_with_ends_the_child():
    with pytest.raises(KeyError), Server(SMALL, parallel=1, context_tokens=256) as server:
        raise KeyError("x")
    assert not alive(server.pid)


def test_several_can_be_constructed_from_threads():
    servers = []
    threads = [
        threading.Thread(target=lambda: servers.append(Server(SMALL, parallel=1, context_tokens=256))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert len({server.base_url for server in servers}) == 3
        # The threads that started them have ended; the servers must not.
        assert all("choices" in ask(server, server.api_key) for server in servers)
    finally:
        for server in servers:
            server.close()


PARENT = """
import sys, threading, time
from cope.local._server import Server
servers = []
def start():
    servers.append(Server(sys.argv[1], parallel=1, context_tokens=256))
if sys.argv[2] == "thread":
    t = threading.Thread(target=start); t.start(); t.join()
else:
    start()
print(servers[0].pid, flush=True)
if sys.argv[3] == "exit":
    sys.exit(0)
if sys.argv[3] == "raise":
    raise RuntimeError("as planned")
time.sleep(60)
"""


@pytest.mark.parametrize("started_in", ["main", "thread"])
@pytest.mark.parametrize("ending", ["kill", "terminate", "exit", "raise"])
def test_the_child_ends_with_its_parent(started_in, ending):
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(SMALL), started_in, ending],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as parent:
        child = int(parent.stdout.readline())
        try:
            if ending in ("kill", "terminate"):
                assert alive(child)
                parent.send_signal(signal.SIGKILL if ending == "kill" else signal.SIGTERM)
            parent.wait(timeout=30)
            assert wait_for_end(child)
        finally:
            parent.kill()
            if alive(child):
                os.kill(child, signal.SIGKILL)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.gguf"):
        Server(tmp_path / "nowhere.gguf")


def test_a_file_of_another_kind_is_refused_before_anything_starts(tmp_path):
    other = tmp_path / "model.gguf"
    other.write_bytes(b"PK\x03\x04 not a model")
    with pytest.raises(ValueError, match="not a GGUF file"):
        Server(other)


def test_a_damaged_gguf_gives_llama_cpps_last_output(tmp_path):
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(SMALL.read_bytes()[:3000])
    with pytest.raises(ServerError, match=r"(?s)damaged\.gguf is not ready.*last output.*load"):
        Server(damaged)


@pytest.mark.parametrize("option", ["parallel", "context_tokens", "threads"])
def test_numbers_must_be_positive(option):
    with pytest.raises(ValueError, match=option):
        Server(SMALL, **{option: 0})


def test_a_child_that_is_too_slow_is_ended():
    with pytest.raises(ServerError, match="in time"):
        Server(SMALL, ready_timeout_s=0.0)
