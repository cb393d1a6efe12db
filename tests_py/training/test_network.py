"""The recipe's torch parts; skipped with the reason where the training extra is not installed."""

import math
import random

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the training extra is for developers")
pytest.importorskip("tokenizers", reason="tokenizers is not installed: the training extra is for developers")
gguf = pytest.importorskip("gguf", reason="gguf is not installed: the training extra is for developers")

from training import data, export, model, optimizer, train  # noqa: E402
from training import tokenizer as tokens  # noqa: E402

TINY = model.Config(width=32, layers=2, heads=2, ff=64)


@pytest.fixture(scope="module")
def tokenizer():
    return tokens.train_tokenizer(samples=800)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return model.Llama(TINY)


def test_torch_and_llamacpp_agree(tokenizer, network):
    pytest.importorskip("xllamacpp", reason="llama.cpp is not installed: pip install '.[local]'")
    from training.parity import TOLERANCE, largest_difference

    assert largest_difference(network, tokenizer, conversations=4) <= TOLERANCE


def test_the_order_of_rows_matters_to_parity(tokenizer, network, monkeypatch):
    # The parity check itself must be able to fail.
    pytest.importorskip("xllamacpp", reason="llama.cpp is not installed: pip install '.[local]'")
    from training.parity import TOLERANCE, largest_difference

    monkeypatch.setattr(export, "interleaved", lambda weight, heads: weight)
    assert largest_difference(network, tokenizer, conversations=4) > TOLERANCE


def test_digits_are_single_tokens(tokenizer):
    assert tokenizer.encode("1234").tokens == ["1", "2", "3", "4"]


@pytest.mark.parametrize("text", ["Problem: Ana has 12 pins.\nSolve it.", "ünïcödé ☃ 数学", "a\n\n  b\t"])
def test_any_text_survives_the_tokenizer(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_a_conversation_ends_with_the_end_token(tokenizer):
    ids, prompt = tokens.encode(tokenizer, "Problem: x\nSolve it.", "The answer")
    assert [tokenizer.id_to_token(ids[0]), tokenizer.id_to_token(ids[prompt - 1]), tokenizer.id_to_token(ids[-1])] == [
        tokens.USER,
        tokens.ASSISTANT,
        tokens.END,
    ]


def test_a_token_does_not_depend_on_later_ones(network):
    ids = torch.randint(0, 640, (1, 20))
    changed = ids.clone()
    changed[0, 12:] = 5
    assert torch.allclose(network(ids)[0, :12], network(changed)[0, :12], atol=1e-6)


def test_the_loss_counts_answers_only(network):
    ids = torch.randint(0, 640, (2, 20))
    answer = torch.zeros_like(ids, dtype=torch.bool)
    answer[:, 15:] = True
    loss = network.answer_loss(ids, answer)
    logits = network(ids)[:, 14:19].reshape(-1, 640)
    assert torch.allclose(loss, torch.nn.functional.cross_entropy(logits, ids[:, 15:].reshape(-1)), atol=1e-5)


def test_a_tree_has_the_loss_of_its_samples(tokenizer, network):
    rng = random.Random(0)
    encoded = [[tokens.encode(tokenizer, *one) for one in data.samples(rng, "small")] for _ in range(12)]
    batch = train._collated([train.grown(group) for group in encoded])
    total, count = 0.0, 0
    for ids, prompt in (pair for group in encoded for pair in group):
        answer = torch.zeros(1, len(ids), dtype=torch.bool)
        answer[0, prompt:] = True
        total += network.answer_loss(torch.tensor([ids]), answer).item() * (len(ids) - prompt)
        count += len(ids) - prompt
    assert batch.answer.sum() == count
    assert network.answer_loss(batch.ids, batch.answer, batch.branch).item() == pytest.approx(total / count, abs=1e-4)
    assert batch.ids.numel() > (batch.branch >= 0).sum() > 0


def test_orthogonalised_has_singular_values_near_one():
    for shape in ((32, 64), (64, 32), (2, 16, 48)):
        values = torch.linalg.svdvals(optimizer.orthogonalised(torch.randn(shape)))
        assert values.min() > 0.3
        assert values.max() < 1.3


def test_every_parameter_is_optimised_once(network):
    optimizers = optimizer.build(network, 0.02, 0.004)
    seen = [id(p) for o in optimizers for group in o.param_groups for p in group["params"]]
    assert sorted(seen) == sorted(id(p) for p in network.parameters())


def test_the_rate_warms_up_is_held_and_falls_to_zero():
    assert train.rate(0, 0, 100, 20) == pytest.approx(1 / train.WARMUP_STEPS)
    assert train.rate(500, 50, 100, 20) == 1
    assert train.rate(500, 90, 100, 20) == pytest.approx(0.5)
    assert train.rate(500, 100, 100, 20) == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_that_was_stopped_goes_on_from_its_checkpoint(tokenizer, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(model.CONFIGS, "small", TINY)
    monkeypatch.setattr(train, "POOL", 256)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    settings = {"cooldown_share": 0.2, "device": "cpu", "threads": 1, "checkpoint_s": 1e9, "curriculum": 1e6}
    train.train("small", tmp_path, 200_000, **settings)
    _, first = export.load_checkpoint(tmp_path / "small.pt")
    train.train("small", tmp_path, 350_000, **settings)
    _, second = export.load_checkpoint(tmp_path / "small.pt")
    assert second["step"] > first["step"] > 20
    assert f"from step {first['step']}" in capsys.readouterr().out
    losses = [float(line.split(",")[3]) for line in (tmp_path / "small.csv").read_text().splitlines()[1:]]
    assert losses[-1] < 0.9 * math.log(640)


@pytest.mark.parametrize("kind", ["f32", "f16", "q8_0"])
def test_the_gguf_file_holds_all_that_a_server_needs(tokenizer, network, tmp_path, kind):
    path = tmp_path / "model.gguf"
    export.export(network, tokenizer, path, kind, "cope-tiny")
    reader = gguf.GGUFReader(path)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    assert fields["general.architecture"] == "llama"
    assert fields["tokenizer.ggml.pre"] == "qwen2"
    assert fields["tokenizer.chat_template"] == tokens.CHAT_TEMPLATE
    assert fields["tokenizer.ggml.add_bos_token"] is False
    assert fields["tokenizer.ggml.tokens"][fields["tokenizer.ggml.eos_token_id"]] == tokens.END
    assert sum(int(tensor.n_elements) for tensor in reader.tensors) == network.parameters_count()


def test_batches_hold_whole_samples_and_mark_their_answers(tokenizer, monkeypatch):
    monkeypatch.setattr(train, "POOL", 100)
    stream = train.Stream("small", tokenizer, 2048, "seed")
    end = tokenizer.token_to_id(tokens.END)
    for _ in range(5):
        batch = stream.next(1.0)
        assert batch.ids.numel() <= 2048
        assert batch.ids.shape == batch.answer.shape
        for ids, answer in zip(batch.ids, batch.answer, strict=True):
            assert ids[answer][-1] == end
            assert not answer[0]


def test_a_stream_is_fixed_by_its_seed(tokenizer, monkeypatch):
    monkeypatch.setattr(train, "POOL", 50)
    first, again = (train.Stream("small", tokenizer, 2048, "s 1").next(1.0).ids for _ in range(2))
    assert torch.equal(first, again)
