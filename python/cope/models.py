"""Models behind OpenAI-compatible endpoints: where they are, what they understand, what they cost.

Example:
    >>> large = Model("gpt-4o-mini")                                    # key from OPENAI_API_KEY, price from the dated table
    >>> small = Model("qwen", base_url="http://localhost:8000/v1")      # a local server: no key, free
    >>> small.resolved_kind
    'vllm'
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

from ._money import INT64_MAX, exact
from .errors import ConfigError
from .prices import FREE, Price, price_table
from .prompts import PromptSet

__all__ = ["KINDS", "Model", "Price", "Secret"]

Kind = Literal["auto", "openai", "openai-reasoning", "vllm", "llama.cpp", "ollama", "gemini", "transformers", "generic"]

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
"""The name of an environment variable."""

# What each kind of endpoint understands. `logprobs`: whether it returns log-probabilities; `repeat_penalty_field`: its own name of that parameter.
_GENERIC: dict[str, Any] = {
    "max_n": 1,
    "sends_seed": True,
    "extended_sampling": False,
    "sends_sampling": True,
    "max_tokens_field": "max_tokens",
    "top_logprobs": 1,
    "usage_counts_one_choice": False,
    "logprobs": True,
    "repeat_penalty_field": "repeat_penalty",
}
KINDS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "openai": _GENERIC | {"max_n": 128},
        "openai-reasoning": _GENERIC
        | {"max_n": 8, "sends_sampling": False, "max_tokens_field": "max_completion_tokens", "logprobs": False},
        "vllm": _GENERIC | {"max_n": 64, "extended_sampling": True, "repeat_penalty_field": "repetition_penalty"},
        # n is capped by the server's --parallel: raise max_n by hand where that is known.
        "llama.cpp": _GENERIC | {"extended_sampling": True, "usage_counts_one_choice": True},
        "ollama": _GENERIC | {"extended_sampling": True},
        "gemini": _GENERIC | {"sends_seed": False, "logprobs": False},
        "transformers": _GENERIC | {"logprobs": False},
        "generic": _GENERIC,
    }
)
_OPENAI_URL = "https://api.openai.com/v1"
_GEMINI_URL = "https://generativelanguage.googleapis.com/v1beta/openai"
_KIND_BY_HOST = {"api.openai.com": "openai", "generativelanguage.googleapis.com": "gemini"}
_KIND_BY_LOCAL_PORT = {8000: "vllm", 8080: "llama.cpp", 11434: "ollama"}  # the servers' own default ports
_REASONING_NAME = re.compile(r"^(o\d|gpt-5)")
_GENERIC_LABELS = frozenset({"api", "www", "inference", "llm", "models", "gateway"})


class Secret:
    """A text that never prints: neither in a repr nor in an error, a pickle or JSON.

    Example:
        >>> Secret("sk-123")
        Secret(...)
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Returns the text, for the request that needs it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(...)" if self._value else "Secret('')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(("cope.Secret", self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return (Secret, ("",))


@dataclass(frozen=True, repr=False)
class Model:
    """A model behind an OpenAI-compatible endpoint.

    Args:
        name: What requests call it, such as "gpt-4o-mini".
        base_url: Up to and including /v1. Default: <SERVICE>_BASE_URL (OPENAI_BASE_URL), else the service's own address.
        api_key: The key. Default: `api_key_env`, else <SERVICE>_API_KEY (OPENAI_API_KEY for OpenAI; for another host its own name, such as
            TOGETHER_API_KEY for api.together.xyz: a key is never sent to a host that it does not belong to). Local servers need none.
        api_key_env: The environment variable that holds the key.
        prompts: Its prompt set: a name ("paper", "embedded"), a folder of .txt files, or a PromptSet.
        price: A Price, "free", or None: local servers are free, hosted models are looked up in the dated table.
        parameters: Number of parameters, for compute cost (2 x parameters x tokens): 2_400_000_000 or "2.4B". Default: unknown.
        stable_name: Names the weights in the identity of samples, whatever the port or host they are served from. Default: the host.
        kind: The kind of endpoint, a key of KINDS, which sets what it understands. "auto" goes by the host, and for local servers by their default port.
        max_concurrency: Most requests in flight at once; fewer are sent where the endpoint asks for it.
        timeout_s: Of one request, in seconds.
        max_retries: Of one request, after connection errors, 408, 409, 429 and 5xx.
        extra_body: Merged into every request.
        max_tokens: Most tokens of one sample; a draw that asks for more gets this. Default: what the draw asks for.
        top_p, top_k, min_p, repeat_penalty, presence_penalty, frequency_penalty: Sampling, sent explicitly; the defaults are neutral.
        capabilities: Overrides single entries of KINDS[kind], such as {"max_n": 8}.

    Raises:
        ConfigError: An argument that cannot work.

    Example:
        >>> Model("gpt-4o-mini", price=Price("0.15", "0.60"))
        Model('gpt-4o-mini', kind='openai', price='0.15 / 0.60 USD per million tokens in / out', prompts='paper')
    """

    name: str
    _: KW_ONLY
    base_url: str | None = None
    api_key: Secret | str | None = None
    api_key_env: str | None = None
    prompts: str | Path | PromptSet = "paper"
    price: Price | Literal["free"] | None = None
    parameters: int | float | str | None = None
    stable_name: str | None = None
    kind: Kind = "auto"
    max_concurrency: int = 64
    timeout_s: float = 600.0
    max_retries: int = 5
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    max_tokens: int | None = None
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repeat_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    capabilities: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ConfigError(f"Model: expected the model's name, such as 'gpt-4o-mini', got {self.name!r}")
        if "://" in self.name:
            raise ConfigError(
                f"Model: expected the model's name, got the address {_bare(self.name)!r}; pass it as base_url= (in the shell: NAME@ADDRESS)"
            )
        if self.api_key_env is not None and not VARIABLE.match(
            str(self.api_key_env)
        ):  # never shown: it may be the key itself
            raise ConfigError(
                f"Model({self.name!r}), api_key_env: expected the NAME of an environment variable that holds the key, such as 'OPENAI_API_KEY'"
            )
        if isinstance(self.api_key, str):
            object.__setattr__(self, "api_key", Secret(self.api_key))
        if self.base_url is not None:
            object.__setattr__(self, "base_url", _checked_url(self.base_url, f"Model({self.name!r}), base_url"))
        if self.kind != "auto" and self.kind not in KINDS:
            raise ConfigError(
                f"Model({self.name!r}), kind: expected 'auto' or one of {', '.join(KINDS)}, got {self.kind!r}"
            )
        if self.price is not None and self.price != "free" and not isinstance(self.price, Price):
            raise ConfigError(
                f"Model({self.name!r}), price: expected cope.Price(input, output), 'free' or None, got {self.price!r}"
            )
        if self.parameters is not None:
            object.__setattr__(
                self, "parameters", _parameter_count(self.parameters, f"Model({self.name!r}), parameters")
            )
        self._check_numbers()
        if unknown := set(self.capabilities) - set(_GENERIC):
            raise ConfigError(
                f"Model({self.name!r}), capabilities: unknown {', '.join(sorted(unknown))}; there are {', '.join(_GENERIC)}"
            )
        try:
            json.dumps(dict(self.extra_body), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"Model({self.name!r}), extra_body: expected what JSON can hold: {error}") from None

    def _check_numbers(self) -> None:
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if name == "max_tokens" and value is None:
                continue
            whole = name in _WHOLE
            right_type = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
            if not right_type or not low <= value <= high:
                kind = "a whole number" if whole else "a number"
                raise ConfigError(
                    f"Model({self.name!r}), {name}: expected {kind} from {low:g} to {high:g}, got {value!r}"
                )

    @property
    def _url_and_kind(self) -> tuple[str, str]:
        url = self.base_url
        if url is None:
            service = (
                "gemini"
                if self.kind == "gemini" or (self.kind == "auto" and self.name.startswith("gemini"))
                else "openai"
            )
            if (
                service == "openai"
                and self.kind not in ("auto", "openai", "openai-reasoning")
                and "OPENAI_BASE_URL" not in os.environ
            ):
                raise ConfigError(
                    f"Model({self.name!r}): kind={self.kind!r} needs base_url=, such as 'http://localhost:8000/v1'"
                )
            default = _GEMINI_URL if service == "gemini" else _OPENAI_URL
            variable = f"{service.upper()}_BASE_URL"
            url = _checked_url(os.environ.get(variable) or default, variable)
        if self.kind != "auto":
            return url, self.kind
        parts = urlsplit(url)
        kind = _KIND_BY_HOST.get(parts.hostname or "")
        if kind is None and self.is_local_url(url):
            kind = _KIND_BY_LOCAL_PORT.get(parts.port or 80)
        if kind == "openai" and _REASONING_NAME.match(self.name):
            kind = "openai-reasoning"
        return url, kind or "generic"

    @staticmethod
    def is_local_url(url: str) -> bool:
        """Whether a base URL leads to this machine (loopback)."""
        host = urlsplit(url).hostname or ""
        if host == "localhost" or host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    @property
    def resolved_base_url(self) -> str:
        """The base URL after environment variables and defaults."""
        return self._url_and_kind[0]

    @property
    def resolved_kind(self) -> str:
        """The kind after "auto": a key of KINDS."""
        return self._url_and_kind[1]

    @property
    def resolved_stable_name(self) -> str:
        """What names the endpoint in the identity of samples: `stable_name`, else the host without port."""
        return self.stable_name or urlsplit(self.resolved_base_url).hostname or ""

    @property
    def is_local(self) -> bool:
        """Whether the model is served from this machine."""
        return self.is_local_url(self.resolved_base_url)

    @property
    def understands(self) -> Mapping[str, Any]:
        """What the endpoint understands: its entry of KINDS with `capabilities` on top."""
        return MappingProxyType({**KINDS[self.resolved_kind], **self.capabilities})

    def resolved_price(self) -> Price:
        """Returns the price.

        Raises:
            ConfigError: A hosted model that is not in the dated table; the error shows how to give its price.
        """
        if self.price == "free":
            return FREE
        if self.price is not None:
            assert isinstance(self.price, Price)
            return self.price
        url = self.resolved_base_url
        if self.is_local_url(url):
            return FREE
        if price := price_table().get(self.name):
            return price
        raise ConfigError(
            f"Model({self.name!r}) at {url} has no price, and a paid model without one does not start. Give it in USD per million tokens: "
            f'Model({self.name!r}, price=cope.Price(input="0.15", output="0.60")), or price="free" for a server of your own'
        )

    def resolved_key(self) -> Secret:
        """Returns the key: given, else from the environment; empty for local servers that have none.

        Raises:
            ConfigError: A hosted service without a key; the error names the variable.
        """
        if isinstance(self.api_key, Secret):
            return _usable(self.api_key, f"Model({self.name!r}), api_key")
        if self.api_key_env is not None:
            if value := os.environ.get(self.api_key_env):
                return _usable(Secret(value), self.api_key_env)
            raise ConfigError(
                f"Model({self.name!r}): the environment variable {self.api_key_env} is not set; export it with the key"
            )
        url = self.resolved_base_url
        variable = self._key_variable(url)
        if value := os.environ.get(variable):
            # A local server is sent what belongs to it: a key given to Model, or that of the environment its address is from, too.
            return Secret("") if self.is_local_url(url) and self.base_url else _usable(Secret(value), variable)
        if _is_private(url):
            return Secret("")
        raise ConfigError(
            f"Model({self.name!r}) at {url} needs a key: export {variable}, or pass api_key= or api_key_env= to Model "
            "(a local server: pass its base_url=)"
        )

    def _key_variable(self, url: str) -> str:
        kind = self.resolved_kind
        host = urlsplit(url).hostname or ""
        from_environment = self.base_url is None
        if kind in ("openai", "openai-reasoning") and (host == "api.openai.com" or from_environment):
            return "OPENAI_API_KEY"
        if kind == "gemini":
            return "GEMINI_API_KEY"
        if from_environment:
            return "OPENAI_API_KEY"
        labels = [label for label in host.split(".")[:-1] if label not in _GENERIC_LABELS]
        service = labels[-1] if labels else kind
        return re.sub(r"\W", "_", service).upper() + "_API_KEY"

    def to_entry(self) -> dict[str, Any]:
        """Returns the model's entry of a run's spec. It holds no key."""
        able = dict(self.understands)
        extra = dict(self.extra_body)
        if (own_name := able.pop("repeat_penalty_field")) != "repeat_penalty":
            extra.setdefault(own_name, float(self.repeat_penalty))
        able.pop("logprobs")
        return {
            "model": self.name,
            "base_url": self.resolved_base_url,
            "stable_name": self.resolved_stable_name,
            **able,
            "extra_body": extra,
            "price": self.resolved_price().pusd(),
            "parameters": self.parameters or 0,
            "max_concurrency": self.max_concurrency,
            "initial_concurrency": min(16, self.max_concurrency),
            "max_retries": self.max_retries,
            "connect_timeout_ms": 10_000,
            "timeout_ms": round(self.timeout_s * 1000),
            "max_reply_bytes": 64 << 20,
        }

    def __repr__(self) -> str:
        shown = [repr(self.name)]
        try:
            shown += [f"kind={self.resolved_kind!r}"] + ([f"base_url={self.base_url!r}"] if self.base_url else [])
            shown.append(f"price={str(self.resolved_price())!r}")
        except ConfigError:  # a repr never fails: no price, or a base URL of the environment that cannot work
            shown.append("price='unknown'")
        prompts = self.prompts.name if isinstance(self.prompts, PromptSet) else str(self.prompts)
        return f"Model({', '.join(shown)}, prompts={prompts!r})"

    def __getstate__(self) -> dict[str, Any]:
        state = {item.name: getattr(self, item.name) for item in fields(self)}
        return state | {"api_key": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("max_concurrency", 1, 100_000),
    ("timeout_s", 0.001, 86_400),
    ("max_retries", 0, 100),
    ("max_tokens", 1, 10_000_000),
    ("top_p", 0, 1),
    ("top_k", 0, 1_000_000),
    ("min_p", 0, 1),
    ("repeat_penalty", 0, 10),
    ("presence_penalty", -2, 2),
    ("frequency_penalty", -2, 2),
)
_WHOLE = frozenset({"max_concurrency", "max_retries", "max_tokens", "top_k"})
_SUFFIXES = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def _parameter_count(value: int | float | str, what: str) -> int:
    text = str(value).strip().upper()
    scale = _SUFFIXES.get(text[-1:], 1)
    count = exact(text[:-1] if scale > 1 else text, what) * scale
    if count.denominator != 1 or not 0 < count <= INT64_MAX:
        raise ConfigError(f"{what}: expected a number of parameters such as 2_400_000_000 or '2.4B', got {value!r}")
    return count.numerator


def _bare(url: str) -> str:
    """Without query and fragment, in which a key may stand."""
    return url.split("?")[0].split("#")[0]


def _checked_url(url: object, what: str) -> str:
    if not isinstance(url, str):
        raise ConfigError(f"{what}: expected a text such as 'http://localhost:8000/v1', got {url!r}")
    try:
        parts = urlsplit(url.strip())
        port_is_fine = parts.port is None or 0 < parts.port < 65536
    except ValueError as error:
        raise ConfigError(f"{what}: {error}") from None
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"{what}: holds a user name or password; pass the key as api_key= instead")
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
        raise ConfigError(f"{what}: expected an address such as 'http://localhost:8000/v1', got {_bare(url)!r}")
    if parts.query or parts.fragment:
        raise ConfigError(
            f"{what}: expected no query and no fragment behind {_bare(url)!r}; extra fields go into extra_body=, a key into api_key="
        )
    base = url.strip().rstrip("/")
    for ending in ("/chat/completions", "/completions", "/models"):
        if base.endswith(ending):
            raise ConfigError(f"{what}: end it before {ending!r}: {base.removesuffix(ending)!r}")
    return base


def _is_private(url: str) -> bool:
    """Whether a host is on this machine or in a private network: a server of one's own, which may want no key."""
    host = urlsplit(url).hostname or ""
    if Model.is_local_url(url) or "." not in host.strip("[]") or host.endswith(".local"):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _usable(secret: Secret, where: str) -> Secret:
    text = secret.reveal()
    if text != text.strip() or not text.isascii() or not text.isprintable():
        raise ConfigError(
            f"{where}: the key holds blanks, line breaks or other characters that no header may carry; set it again"
        )
    return secret
