from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest

import cope
from cope.models import KINDS, Secret

KEY = "sk-very-secret-0123456789"


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (cope.Model("gpt-4o-mini"), "openai"),
        (cope.Model("o3-mini"), "openai-reasoning"),
        (cope.Model("gpt-5"), "openai-reasoning"),
        (cope.Model("gemini-2.0-flash"), "gemini"),
        (cope.Model("qwen", base_url="http://localhost:8000/v1"), "vllm"),
        (cope.Model("qwen", base_url="http://127.0.0.1:11434/v1/"), "ollama"),
        (cope.Model("qwen", base_url="http://[::1]:8080/v1"), "llama.cpp"),
        (cope.Model("qwen", base_url="http://localhost:9999/v1"), "generic"),
        (cope.Model("qwen", base_url="https://models.example.com:8000/v1"), "generic"),
        (cope.Model("qwen", base_url="https://models.example.com/v1", kind="vllm"), "vllm"),
    ],
)
def test_the_kind_follows_from_host_port_and_name(model: cope.Model, kind: str) -> None:
    assert model.resolved_kind == kind


def test_a_reasoning_model_is_sent_no_sampling_and_its_own_token_field() -> None:
    entry = cope.Model("o3-mini", price=cope.Price(1, 4)).to_entry()
    assert entry["sends_sampling"] is False
    assert entry["max_tokens_field"] == "max_completion_tokens"


def test_vllm_gets_the_repetition_penalty_under_its_own_name() -> None:
    entry = cope.Model("qwen", base_url="http://localhost:8000/v1", repeat_penalty=1.1).to_entry()
    assert entry["extra_body"] == {"repetition_penalty": 1.1}


def test_capabilities_override_single_entries() -> None:
    entry = cope.Model("q", base_url="http://localhost:8080/v1", capabilities={"max_n": 6}).to_entry()
    assert entry["max_n"] == 6
    assert entry["usage_counts_one_choice"] is True


def test_the_base_url_comes_from_the_environment_when_it_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1234/v1/")
    model = cope.Model("qwen")
    assert model.resolved_base_url == "http://localhost:1234/v1"
    assert not model.resolved_key()


# --- keys ---------------------------------------------------------------------------------------------------------


def test_a_hosted_model_without_a_key_names_the_variable() -> None:
    with pytest.raises(cope.ConfigError, match="export OPENAI_API_KEY"):
        cope.Model("gpt-4o-mini").resolved_key()


def test_another_service_has_its_own_variable_and_never_gets_the_key_of_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    model = cope.Model("llama", base_url="https://api.together.xyz/v1")
    with pytest.raises(cope.ConfigError, match="export TOGETHER_API_KEY"):
        model.resolved_key()
    monkeypatch.setenv("TOGETHER_API_KEY", "sk-together")
    assert model.resolved_key().reveal() == "sk-together"


def test_a_local_server_never_gets_a_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("LOCALHOST_API_KEY", KEY)
    assert not cope.Model("qwen", base_url="http://localhost:8000/v1").resolved_key()


def test_the_key_and_the_address_of_the_environment_belong_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:4000/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert cope.Model("gpt-4o-mini").resolved_key().reveal() == KEY


def test_a_repr_never_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "nonsense")
    assert repr(cope.Model("gpt-4o-mini")).startswith("Model('gpt-4o-mini'")


def test_the_named_variable_wins_and_must_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    model = cope.Model("gpt-4o-mini", api_key_env="MY_KEY")
    with pytest.raises(cope.ConfigError, match="MY_KEY is not set"):
        model.resolved_key()
    monkeypatch.setenv("MY_KEY", KEY)
    assert model.resolved_key().reveal() == KEY


@pytest.mark.parametrize("key", ["sk-a\n", " sk-a", "sk-ä", "sk\r\nX-Other: 1"])
def test_a_key_that_no_header_may_carry_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(cope.ConfigError, match="header") as caught:
        cope.Model("gpt-4o-mini", api_key=key).resolved_key()
    assert key.strip() not in str(caught.value)


def test_a_key_is_in_no_text_pickle_or_entry() -> None:
    model = cope.Model("gpt-4o-mini", api_key=KEY)
    method = cope.methods.Large(model)
    texts = [
        repr(model),
        str(model),
        repr(method),
        repr(vars(model)),
        json.dumps(model.to_entry()),
        repr(Secret(KEY)),
        f"{Secret(KEY)}",
    ]
    assert not [text for text in texts if KEY in text]
    assert KEY.encode() not in pickle.dumps(model)
    assert KEY.encode() not in pickle.dumps(Secret(KEY))


def test_a_model_survives_copies_and_pickles_without_its_key() -> None:
    model = cope.Model("gpt-4o-mini", api_key=KEY)
    assert copy.deepcopy(model).name == model.name
    assert pickle.loads(pickle.dumps(model)) == cope.Model("gpt-4o-mini")


# --- prices -------------------------------------------------------------------------------------------------------


def test_a_local_model_is_free_and_a_known_one_has_its_published_price() -> None:
    assert cope.Model("qwen", base_url="http://localhost:8000/v1").resolved_price().free
    assert cope.Model("gpt-4o-mini").resolved_price().as_of == "2025-05-13"


@pytest.mark.parametrize("url", [None, "https://models.example.com/v1", "http://10.0.0.7:8000/v1"])
def test_a_model_elsewhere_without_a_price_shows_how_to_give_one(url: str | None) -> None:
    with pytest.raises(cope.ConfigError, match=r'price=cope\.Price\(input="0.15", output="0.60"\)'):
        cope.Model("unheard-of", base_url=url).resolved_price()


def test_a_given_price_wins() -> None:
    assert cope.Model("gpt-4o-mini", price="free").resolved_price().free
    assert cope.Model("gpt-4o-mini", price=cope.Price(1, 2)).resolved_price().pusd()["input_pusd"] == 1_000_000


# --- arguments that cannot work -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"name": ""}, "model's name"),
        ({"name": None}, "model's name"),
        ({"base_url": "localhost:8000"}, "http://localhost:8000/v1"),
        ({"base_url": "ftp://host/v1"}, "address"),
        ({"base_url": "http://user:pw@host/v1"}, "api_key="),
        ({"base_url": "http://host:99999/v1"}, "[Pp]ort"),
        ({"base_url": "http://host/v1?key=1"}, "query"),
        ({"base_url": "http://host/v1/chat/completions"}, "end it before"),
        ({"kind": "lama"}, "llama.cpp"),
        ({"kind": "vllm"}, "needs base_url"),
        ({"price": "cheap"}, "cope.Price"),
        ({"parameters": "many"}, "parameters"),
        ({"parameters": 0}, "parameters"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"timeout_s": float("nan")}, "timeout_s"),
        ({"top_p": 1.5}, "top_p"),
        ({"top_k": 0.5}, "top_k"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"extra_body": {"x": float("nan")}}, "extra_body"),
        ({"extra_body": {"x": object()}}, "extra_body"),
        ({"capabilities": {"max_m": 2}}, "max_m"),
    ],
)
def test_an_argument_that_cannot_work_is_named(arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(cope.ConfigError, match=why):
        cope.Model(**{"name": "m", **arguments}).to_entry()


def test_parameters_may_be_written_short() -> None:
    assert cope.Model("m", parameters="2.4B").parameters == 2_400_000_000
    assert cope.Model("m", parameters=1e9).parameters == 10**9


def test_every_kind_says_the_same_things() -> None:
    assert {frozenset(kind) for kind in KINDS.values()} == {frozenset(KINDS["generic"])}


def test_a_key_in_the_wrong_place_is_refused_and_never_shown() -> None:
    for wrong in (
        {"base_url": "http://localhost:8000/v1?key=sk-SECRETSECRET123"},
        {"base_url": "ftp://localhost:8000/v1?key=sk-SECRETSECRET123"},
        {"base_url": "http://localhost:8000/v1#sk-SECRETSECRET123"},
        {"api_key_env": "sk-SECRETSECRET123", "base_url": "https://models.example/v1"},
    ):
        with pytest.raises(cope.ConfigError) as error:
            cope.Model("m", price="free", **wrong)
        assert "SECRET" not in str(error.value)


def test_an_address_in_the_place_of_a_name_is_told_apart() -> None:
    with pytest.raises(cope.ConfigError, match=r"got the address 'http://localhost:8000/v1'; pass it as base_url="):
        cope.Model("http://localhost:8000/v1?key=1")
