"""The network: Llama's architecture in miniature (RMSNorm, RoPE, SwiGLU, tied embeddings, no biases)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Config:
    """Sizes of a model. `ff` is the width of the SwiGLU's hidden layer; `context` the most tokens it is meant for."""

    width: int
    layers: int
    heads: int
    ff: int
    vocabulary: int = 640
    context: int = 512
    rope_base: float = 10_000.0
    eps: float = 1e-5

    def as_dict(self) -> dict[str, float]:
        """The sizes as plain data, for checkpoints."""
        return asdict(self)


CONFIGS: dict[str, Config] = {
    "small": Config(width=64, layers=4, heads=4, ff=192),
    "large": Config(width=128, layers=5, heads=4, ff=352),
}


def _rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class Block(nn.Module):
    """Attention and SwiGLU, each after an RMSNorm and added to the stream."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.attn_norm = nn.RMSNorm(width, eps=config.eps)
        self.q = nn.Linear(width, width, bias=False)
        self.k = nn.Linear(width, width, bias=False)
        self.v = nn.Linear(width, width, bias=False)
        self.o = nn.Linear(width, width, bias=False)
        self.ff_norm = nn.RMSNorm(width, eps=config.eps)
        self.gate = nn.Linear(width, config.ff, bias=False)
        self.up = nn.Linear(width, config.ff, bias=False)
        self.down = nn.Linear(config.ff, width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
        """Maps the stream, shape (batch, tokens, width), to the same shape; without a mask, attention is causal."""
        batch, tokens, width = x.shape
        h = self.attn_norm(x)
        q, k, v = (p(h).view(batch, tokens, self.heads, -1).transpose(1, 2) for p in (self.q, self.k, self.v))
        a = F.scaled_dot_product_attention(_rope(q, cos, sin), _rope(k, cos, sin), v, mask, is_causal=mask is None)
        x = x + self.o(a.transpose(1, 2).reshape(batch, tokens, width))
        h = self.ff_norm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Llama(nn.Module):
    """The language model. Takes token ids of shape (batch, tokens), padded on the right where needed."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.width, eps=config.eps)
        head = config.width // config.heads
        angles = torch.outer(
            torch.arange(config.context).float(), config.rope_base ** (-torch.arange(0, head, 2).float() / head)
        )
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                scale = 1 / math.sqrt(2 * config.layers) if name.endswith(("o.weight", "down.weight")) else 1.0
                nn.init.normal_(parameter, std=scale * (0.02 if "embedding" in name else config.width**-0.5 * 0.5))

    def hidden(self, ids: Tensor, branch: Tensor | None = None) -> Tensor:
        """The stream after the last norm, shape (batch, tokens, width).

        Args:
            ids: token ids, shape (batch, tokens).
            branch: for sequences that share a beginning, which of them a token belongs to, of the same shape: 0 is the shared
                beginning, which all branches go on from; branches do not see each other. None: one plain sequence per row.
        """
        tokens = ids.shape[1]
        if branch is None:
            cos, sin, mask = self.cos[:tokens], self.sin[:tokens], None
        else:
            seen = (branch[:, None, :] == branch[:, :, None]) | (branch == 0)[:, None, :]
            mask = (seen & torch.ones(tokens, tokens, dtype=torch.bool, device=ids.device).tril()).unsqueeze(1)
            position = mask.squeeze(1).sum(-1) - 1  # how many tokens it sees before itself
            mask = torch.zeros_like(mask, dtype=self.cos.dtype).masked_fill_(~mask, -torch.inf)
            cos, sin = self.cos[position].unsqueeze(1), self.sin[position].unsqueeze(1)
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, cos, sin, mask)
        return self.norm(x)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits of shape (batch, tokens, vocabulary)."""
        return F.linear(self.hidden(ids), self.embedding.weight)

    def answer_loss(self, ids: Tensor, answer: Tensor, branch: Tensor | None = None) -> Tensor:
        """Mean cross-entropy over the positions whose next token belongs to an answer.

        Args:
            ids: token ids, shape (batch, tokens).
            answer: bool of the same shape, true where the token itself belongs to an answer.
            branch: see `hidden`.
        """
        wanted = answer[:, 1:]
        hidden = self.hidden(ids, branch)[:, :-1][wanted]
        return F.cross_entropy(F.linear(hidden, self.embedding.weight), ids[:, 1:][wanted])

    def parameters_count(self) -> int:
        """Number of parameters (the tied embedding counted once)."""
        return sum(parameter.numel() for parameter in self.parameters())
