"""Writes a checkpoint as a GGUF file that llama.cpp serves: weights, tokenizer and chat template in one.

Example:
    python -m training.export small --run runs/pair --out python/cope/weights/cope-small.gguf --type q8_0
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import gguf
import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from training.model import Config, Llama
from training.tokenizer import CHAT_TEMPLATE, END, SPECIALS

TYPES = {
    "f32": gguf.GGMLQuantizationType.F32,
    "f16": gguf.GGMLQuantizationType.F16,
    "q8_0": gguf.GGMLQuantizationType.Q8_0,
}
FILE_TYPES = {
    "f32": gguf.LlamaFileType.ALL_F32,
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
}


def load_checkpoint(path: Path) -> tuple[Llama, dict[str, float]]:
    """Loads a model and its training facts (`tokens`, `step`, `seconds`) from a checkpoint."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    model = Llama(Config(**state["config"]))
    model.load_state_dict(state["model"])
    return model.eval(), {name: state[name] for name in ("tokens", "step", "seconds")}


def interleaved(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Reorders the rows of a query or key matrix from rotate-halves to the adjacent pairs that GGUF's Llama expects."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    content = json.loads(tokenizer.to_str())["model"]
    vocabulary = content["vocab"]
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if token in SPECIALS else gguf.TokenType.NORMAL for token in tokens])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in content["merges"]])
    end = vocabulary[END]
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(end)
    writer.add_eot_token_id(end)
    writer.add_pad_token_id(end)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def export(model: Llama, tokenizer: Tokenizer, path: Path, kind: str, name: str) -> None:
    """Writes the GGUF file.

    Args:
        model: the network.
        tokenizer: its tokenizer.
        path: the file to write.
        kind: `f32`, `f16` or `q8_0`, the type of the matrices; norms are always f32.
        name: the model's name inside the file, such as `cope-small`.
    """
    config = model.config
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name(name)
    writer.add_description("A miniature for trying COPE live; knows nothing but the problems of cope.datasets")
    writer.add_context_length(config.context)
    writer.add_embedding_length(config.width)
    writer.add_block_count(config.layers)
    writer.add_feed_forward_length(config.ff)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.heads)
    writer.add_layer_norm_rms_eps(config.eps)
    writer.add_rope_freq_base(config.rope_base)
    writer.add_rope_dimension_count(config.width // config.heads)
    writer.add_vocab_size(config.vocabulary)
    writer.add_file_type(FILE_TYPES[kind])
    _add_tokenizer(writer, tokenizer)

    def matrix(target: str, tensor: torch.Tensor, heads: int = 0) -> None:
        data = tensor.detach().float().numpy()
        if heads:
            data = interleaved(data, heads)
        writer.add_tensor(target, gguf.quants.quantize(data, TYPES[kind]), raw_dtype=TYPES[kind])

    def vector(target: str, tensor: torch.Tensor) -> None:
        writer.add_tensor(target, tensor.detach().float().numpy())

    matrix("token_embd.weight", model.embedding.weight)
    vector("output_norm.weight", model.norm.weight)
    for index, block in enumerate(model.blocks):
        prefix = f"blk.{index}"
        vector(f"{prefix}.attn_norm.weight", block.attn_norm.weight)
        matrix(f"{prefix}.attn_q.weight", block.q.weight, config.heads)
        matrix(f"{prefix}.attn_k.weight", block.k.weight, config.heads)
        matrix(f"{prefix}.attn_v.weight", block.v.weight)
        matrix(f"{prefix}.attn_output.weight", block.o.weight)
        vector(f"{prefix}.ffn_norm.weight", block.ff_norm.weight)
        matrix(f"{prefix}.ffn_gate.weight", block.gate.weight)
        matrix(f"{prefix}.ffn_up.weight", block.up.weight)
        matrix(f"{prefix}.ffn_down.weight", block.down.weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("who", choices=("small", "large"))
    parser.add_argument("--run", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--out", type=Path, required=True, help="the GGUF file to write")
    parser.add_argument("--type", choices=sorted(TYPES), default="f16")
    options = parser.parse_args()
    model, facts = load_checkpoint(options.run / f"{options.who}.pt")
    tokenizer = Tokenizer.from_file(str(options.run / "tokenizer.json"))
    export(model, tokenizer, options.out, options.type, f"cope-{options.who}")
    print(
        f"{options.out}: {options.out.stat().st_size:,} bytes, {model.parameters_count():,} parameters, {facts['tokens']:,.0f} tokens of training"
    )


if __name__ == "__main__":
    main()
