"""Checks that llama.cpp computes what torch computes, and splits text as the tokenizer does.

A checkpoint is written as an f32 GGUF file and served by llama.cpp with an f32 cache; for prefixes of conversations, the log-probabilities
of the next token over the whole vocabulary are compared (logits up to the constant that sampling does not see).

Example:
    python -m training.parity --run runs/pair
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from training.data import sample
from training.export import export, load_checkpoint
from training.model import Llama
from training.tokenizer import encode

TOLERANCE = 1e-3
"""Largest difference of a log-probability, in nats."""


class _Llamacpp:
    """llama.cpp's server in this process, single slot, everything in f32."""

    def __init__(self, path: Path) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.port = 0
        params.verbosity = 1
        params.n_gpu_layers = 0
        params.fit_params = False
        params.n_ctx = 512
        params.cache_type_k = xllamacpp.ggml_type.GGML_TYPE_F32
        params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self._server = xllamacpp.Server(params)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            self._server.listening_address + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def log_probabilities(self, ids: list[int], vocabulary: int) -> torch.Tensor:
        """Log-probabilities of the next token, shape (vocabulary,)."""
        body = {
            "prompt": ids,
            "n_predict": 1,
            "n_probs": vocabulary,
            "temperature": 1.0,
            "top_k": 0,
            "top_p": 1.0,
            "min_p": 0.0,
        }
        for seed in range(20):  # where the end token is drawn, nothing is reported
            reply = self.post("/completion", {**body, "seed": seed})
            if "completion_probabilities" in reply:
                break
        out = torch.full((vocabulary,), float("nan"))
        for entry in reply["completion_probabilities"][0]["top_logprobs"]:
            out[entry["id"]] = entry["logprob"]
        return out


def largest_difference(model: Llama, tokenizer: Tokenizer, conversations: int = 8, seed: int = 0) -> float:
    """The largest absolute difference of a log-probability between torch and llama.cpp, in nats.

    Tokens that llama.cpp gives no probability worth a float32 are left out.

    Raises:
        AssertionError: llama.cpp splits a text differently from the tokenizer.
    """
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "parity.gguf"
        export(model, tokenizer, path, "f32", "parity")
        llamacpp = _Llamacpp(path)
        worst = 0.0
        for index in range(conversations):
            user, answer = sample(rng, ("small", "large")[index % 2])
            ids, prompt = encode(tokenizer, user, answer)
            split = llamacpp.post("/tokenize", {"content": user, "add_special": False})["tokens"]
            assert split == tokenizer.encode(user).ids, f"llama.cpp splits {user!r} into {split}"
            with torch.no_grad():
                logits = model(torch.tensor([ids]))[0]
            for end in (prompt, (prompt + len(ids)) // 2, len(ids) - 1):
                expected = torch.log_softmax(logits[end - 1], dim=-1)
                difference = (llamacpp.log_probabilities(ids[:end], model.config.vocabulary) - expected).abs()
                worst = max(worst, difference[expected > -60].nan_to_num(nan=float("inf")).max().item())
    return worst


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of the training run")
    options = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(options.run / "tokenizer.json"))
    status = 0
    for who in ("small", "large"):
        difference = largest_difference(load_checkpoint(options.run / f"{who}.pt")[0], tokenizer)
        fine = difference <= TOLERANCE
        status |= not fine
        print(f"{who}: torch and llama.cpp differ by at most {difference:.2e} nats ({'fine' if fine else 'TOO MUCH'})")
    return status


if __name__ == "__main__":
    sys.exit(main())
