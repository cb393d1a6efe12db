"""The tokenizer: byte-level BPE with single digits, shared by both models, as llama.cpp's pre-tokenizer `qwen2` splits text."""

from __future__ import annotations

import random
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from training.data import sample

VOCABULARY = 640
USER, ASSISTANT, END = "<|user|>", "<|assistant|>", "<|end|>"
SPECIALS = (USER, ASSISTANT, END)
CHAT_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}<|user|>{{ message['content'] }}<|end|>"
    "{% elif message['role'] == 'assistant' %}<|assistant|>{{ message['content'] }}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def train_tokenizer(samples: int = 30_000, seed: int = 0) -> Tokenizer:
    """Trains the BPE on samples of both diets."""
    rng = random.Random(f"tokenizer {seed}")
    texts = [" ".join(sample(rng, ("small", "large")[index % 2])) for index in range(samples)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def load_or_train(path: Path) -> Tokenizer:
    """The tokenizer saved at `path`, trained and saved first where there is none."""
    if path.exists():
        return Tokenizer.from_file(str(path))
    tokenizer = train_tokenizer()
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))
    return tokenizer


def encode(tokenizer: Tokenizer, user: str, answer: str) -> tuple[list[int], int]:
    """Token ids of one conversation and the number of them that are the prompt."""
    special = {name: tokenizer.token_to_id(name) for name in SPECIALS}
    ids = [special[USER], *tokenizer.encode(user).ids, special[END], special[ASSISTANT]]
    prompt = len(ids)
    return [*ids, *tokenizer.encode(answer).ids, special[END]], prompt
