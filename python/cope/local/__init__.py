"""Local models: llama.cpp (the package `xllamacpp`) serving a GGUF file on a free loopback port, for as long as a `with` block lasts.

Example:
    >>> with cope.local.pair() as (small, large):  # doctest: +SKIP
    ...     run = cope.run(cope.methods.COPE(small, large), cope.datasets.word_problems(100))
    >>> with cope.local.serve("any.gguf") as model:  # doctest: +SKIP
    ...     run = cope.run(cope.methods.SmallMajority(model), problems)
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..models import Model
from ..prices import Price
from ._gguf import Gguf, read_gguf

if TYPE_CHECKING:
    from ._server import Server

__all__ = ["pair", "serve"]

WEIGHTS = Path(__file__).parent.parent / "weights"
SMALL, LARGE = WEIGHTS / "cope-small.gguf", WEIGHTS / "cope-large.gguf"
LARGE_PRICE = Price("0.15", "0.60", note="a hosted small model's price, so that costs mean something")
# Measured on 2 cores, three methods over 60 problems (1,500 samples, half of them drawn 8 to a request, the others alone): CPU of both servers
# 13.2 s with 4 slots, 12.5 s with 8, 12.6 s with 16, 15.2 s with 32, 14.2 s with 64; the client took 0.5 s. More slots share each step among more
# samples, but a step's own share of work grows, too. With one thread each, the two servers fill two cores.
PAIR_PARALLEL = 16
"""Slots of each server of the pair."""
PAIR_MAX_TOKENS = 256
"""Most tokens of one sample of the pair: its longest worked solutions take about half."""
PAIR_CONTEXT_TOKENS = 512
"""Prompt and reply together: what the pair was trained on. Problem, plans and solution take half of it."""
CONTEXT_TOKENS = 2048


def _require_llama_cpp() -> None:
    if importlib.util.find_spec("xllamacpp") is None:
        raise ConfigError(
            "local models need llama.cpp (the package xllamacpp), which is not installed: in the source tree run "
            '`pip install ".[local]"`, elsewhere `pip install "cope-llm[local]"`'
        )


def _close(starting: Future[Server]) -> None:
    """Ends a server, also one that is still on its way up when an interrupt comes."""
    if starting.exception() is None:
        starting.result().close()


def _start(stack: ExitStack, servers: Sequence[Mapping[str, Any]]) -> list[Server]:
    """Starts servers, all at once, and leaves their ends to `stack`. If one cannot start, or the user interrupts, none stays."""
    from ._server import Server, ServerError

    pool = ThreadPoolExecutor(len(servers), thread_name_prefix="cope-local")
    starting = [pool.submit(Server, **options) for options in servers]
    stack.callback(pool.shutdown)
    for future in starting:
        stack.callback(_close, future)
    try:
        return [future.result() for future in starting]
    except (ServerError, ValueError, OSError) as error:
        raise ConfigError(str(error)) from error


def _model(server: Server, facts: Gguf, name: str, **options: Any) -> Model:
    options.setdefault("price", "free")
    return Model(
        name,
        base_url=server.base_url,
        api_key=server.api_key,
        kind="llama.cpp",
        stable_name=server.model_sha256,  # the same weights are the same model, whatever the port
        parameters=facts.parameters or None,
        capabilities={"max_n": server.parallel},  # llama.cpp refuses more choices than it has slots
        max_concurrency=2 * server.parallel,  # the next requests wait in the server's queue, so that no slot idles
        **options,
    )


@contextmanager
def pair(*, parallel: int = PAIR_PARALLEL, threads: int | None = None) -> Iterator[tuple[Model, Model]]:
    """Serves the embedded pair: a small and a large model of a miniature world, trained for this library.

    It makes everything run live, on any machine, in seconds; it shows nothing about large language models. Both servers start at once and end with
    the block: also by an exception, by Ctrl-C, or when this process is killed.

    Args:
        parallel: samples that each server draws at once; default 16.
        threads: threads of each server; default 1, see `Server`.

    Yields:
        (small, large): the small one free, the large one at 0.15 / 0.60 USD per million tokens in / out.

    Raises:
        ConfigError: `xllamacpp` is not installed, or the weights are missing.

    Example:
        >>> with cope.local.pair() as (small, large):  # doctest: +SKIP
        ...     print(small, large)
    """
    _require_llama_cpp()
    for path in (SMALL, LARGE):
        if not path.exists():
            raise ConfigError(f"{path}: the weights of the embedded pair are missing; reinstall the package")
    facts = [read_gguf(path) for path in (SMALL, LARGE)]
    with ExitStack() as stack:
        options = {"parallel": parallel, "threads": threads, "context_tokens": PAIR_CONTEXT_TOKENS}
        servers = [{"path": path, "name": path.stem, **options} for path in (SMALL, LARGE)]
        small, large = _start(stack, servers)
        yield (
            _model(small, facts[0], SMALL.stem, prompts="embedded", max_tokens=PAIR_MAX_TOKENS),
            _model(large, facts[1], LARGE.stem, prompts="embedded", max_tokens=PAIR_MAX_TOKENS, price=LARGE_PRICE),
        )


@contextmanager
def serve(
    path: str | Path,
    *,
    parallel: int = 8,
    context_tokens: int = CONTEXT_TOKENS,
    max_tokens: int | None = None,
    threads: int | None = None,
    prompts: str | Path = "paper",
    price: Price | None = None,
    name: str | None = None,
) -> Iterator[Model]:
    """Serves any GGUF file for as long as the block lasts.

    Args:
        path: the file.
        parallel: samples that it draws at once; default 8.
        context_tokens: most tokens of a prompt with its reply; default 2048.
        max_tokens: most tokens of a reply; default half of `context_tokens`.
        threads: default 1 for files up to 64 MB, else half the cores.
        prompts: the model's prompt set; default "paper".
        price: default free.
        name: default the file's name without `.gguf`.

    Yields:
        The model.

    Raises:
        ConfigError: `xllamacpp` is not installed, or the file cannot be read, is no GGUF file, or cannot be served.

    Example:
        >>> with cope.local.serve("SmolLM2-135M-Instruct.gguf") as model:  # doctest: +SKIP
        ...     print(model)
    """
    _require_llama_cpp()
    path = Path(path)
    facts = read_gguf(path)
    chosen = name or path.stem
    options = {"path": path, "parallel": parallel, "threads": threads, "name": chosen, "context_tokens": context_tokens}
    with ExitStack() as stack:
        [server] = _start(stack, [options])
        yield _model(
            server, facts, chosen, prompts=prompts, price=price or "free", max_tokens=max_tokens or context_tokens // 2
        )
