"""cope.local with llama.cpp itself: what is served, and that nothing is left behind."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import cope
from cope import local
from cope.local._gguf import read_gguf
from cope.models import Model

pytest.importorskip("xllamacpp", reason="llama.cpp is not installed: pip install '.[local]'")
pytestmark = pytest.mark.live
PATIENCE_S = 30.0


def answers(base_url: str) -> bool:
    """Whether anything listens there."""
    address = urlsplit(base_url)
    try:
        socket.create_connection((address.hostname or "", address.port or 0), timeout=5).close()
    except OSError:
        return False
    return True


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def complete(model: Model, text: str) -> str:
    address = urlsplit(model.resolved_base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    body = {"model": model.name, "messages": [{"role": "user", "content": text}], "temperature": 0, "max_tokens": 64}
    headers = {"Authorization": f"Bearer {model.resolved_key().reveal()}", "Content-Type": "application/json"}
    connection.request("POST", f"{address.path}/chat/completions", json.dumps(body), headers)
    reply = json.loads(connection.getresponse().read())
    connection.close()
    return str(reply["choices"][0]["message"]["content"])


def test_the_pair_answers_and_is_described_as_it_is() -> None:
    with local.pair(parallel=4) as (small, large):
        for model, path in ((small, local.SMALL), (large, local.LARGE)):
            assert model.resolved_stable_name == hashlib.sha256(path.read_bytes()).hexdigest()
            assert model.resolved_kind == "llama.cpp"
            assert model.understands["max_n"] == 4
            assert model.prompts == "embedded"
            assert model.is_local
            assert complete(model, "Problem: What is 3+4?\nSolve it.").strip()
        assert small.resolved_price().free
        assert large.resolved_price().pusd()["input_pusd"] == 150_000
        assert large.resolved_price().pusd()["output_pusd"] == 600_000
        assert isinstance(small.parameters, int)
        assert isinstance(large.parameters, int)
        assert 0 < small.parameters < large.parameters
        urls = [small.resolved_base_url, large.resolved_base_url]
    assert not any(map(answers, urls))


def test_an_exception_in_the_block_ends_both() -> None:
    urls: list[str] = []

    def fail_inside() -> None:
        with local.pair(parallel=2) as (small, large):
            urls.extend([small.resolved_base_url, large.resolved_base_url])
            assert all(map(answers, urls))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert not any(map(answers, urls))


def test_one_that_cannot_start_leaves_none_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "cope-large.gguf"
    damaged.write_bytes(local.LARGE.read_bytes()[: local.LARGE.stat().st_size // 2])  # its head is whole
    monkeypatch.setattr(local, "LARGE", damaged)
    with pytest.raises(cope.ConfigError, match=r"cope-large\.gguf"), local.pair(parallel=2):
        pytest.fail("a damaged file was served")
    assert not children(os.getpid())


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split() if is_llama(int(child))]


def is_llama(pid: int) -> bool:
    try:
        return b"_child.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


SCRIPT = """
import sys, time
from cope import local
with local.pair(parallel=2) as (small, large):
    print(small.resolved_base_url, large.resolved_base_url, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_whatever_ends_the_process_ends_both(how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        urls = process.stdout.readline().split()
        assert len(urls) == 2
        assert all(map(answers, urls))
        os.kill(process.pid, how)
        process.wait(PATIENCE_S)
    assert eventually(lambda: not any(map(answers, urls)))


def test_an_interrupt_on_the_way_up_leaves_none_behind() -> None:
    script = SCRIPT.replace("with local", "print('starting', flush=True)\nwith local")
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        eventually(lambda: process.poll() is not None or bool(children(process.pid)))
        seen = children(process.pid)
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_S)
        assert eventually(lambda: not any(map(is_llama, seen)))


def test_any_gguf_file_is_served_with_the_general_prompts() -> None:
    with local.serve(local.SMALL, parallel=2, context_tokens=256, name="mine") as model:
        assert (model.name, model.prompts, model.max_tokens) == ("mine", "paper", 128)
        assert model.resolved_price().free
        assert complete(model, "Problem: What is 3+4?\nSolve it.").strip()


def test_the_head_of_a_gguf_file_is_read() -> None:
    gguf = pytest.importorskip("gguf", reason="an independent reader, of the extra 'train'")
    for path in (local.SMALL, local.LARGE):
        reader = gguf.GGUFReader(str(path))
        said = read_gguf(path)
        assert said.parameters == sum(int(tensor.n_elements) for tensor in reader.tensors)
        assert said.name == str(reader.fields["general.name"].contents())
        assert said.context_tokens == reader.fields["llama.context_length"].contents()


def head(*, magic: bytes = b"GGUF", version: int = 3, tensors: int = 0, entries: int = 0, rest: bytes = b"") -> bytes:
    return magic + struct.pack("<IQQ", version, tensors, entries) + rest


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "does not begin with 'GGUF'"),
        (b"{}", "does not begin with 'GGUF'"),
        (b"GGUF", "ends within its head"),
        (head(version=99), "version 99"),
        (head(entries=2**60), "a number of entries"),
        (head(entries=1, rest=struct.pack("<Q", 2**62)), "a text of"),
        (head(entries=1, rest=struct.pack("<Q", 1) + b"k" + struct.pack("<I", 77)), "a value of type 77"),
        (
            head(entries=1, rest=struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 9, 1)),
            "an array of values of type 9",
        ),
        (
            head(tensors=1, rest=struct.pack("<Q", 1) + b"t" + struct.pack("<I", 4_000_000)),
            "a tensor of 4000000 dimensions",
        ),
        (head(tensors=1), "ends within its head"),
    ],
)
def test_a_file_that_is_no_model_is_refused_by_name(tmp_path: Path, content: bytes, wrong: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(cope.ConfigError, match=r"model\.gguf: not a GGUF file.*" + wrong), local.serve(path):
        pytest.fail("it was served")


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with (
        pytest.raises(cope.ConfigError, match=r"none\.gguf: cannot be read: No such file"),
        local.serve(tmp_path / "none.gguf"),
    ):
        pytest.fail("it was served")


def test_without_llama_cpp_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(cope.ConfigError, match=r'pip install "\.\[local\]"'), local.pair():
        pytest.fail("it was served")
