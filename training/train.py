"""Trains one model on the endless stream of its samples; resumable, with checkpoints and a loss curve.

The learning rate warms up, is held, and falls linearly to zero over the last share of the budget. A run that was stopped goes on from its
last checkpoint (SIGTERM writes one first); a budget that was raised or lowered in between is fine while the rate is held. A file `<who>.finish`
in the run's folder starts the fall at once.

Example:
    python -m training.train small --out runs/pair --tokens 40e6
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from training.data import samples
from training.model import CONFIGS, Llama
from training.optimizer import build
from training.tokenizer import Tokenizer, encode, load_or_train

BATCH_TOKENS = {"small": 6144, "large": 6144}
LEARNING_RATES = {"small": (0.02, 6e-3), "large": (0.02, 4e-3)}
WARMUP_STEPS = 100
POOL = 2048
"""Problems drawn at a time and sorted by length, so that a batch needs little padding."""


@dataclass(frozen=True, slots=True)
class Tree:
    """The samples of one problem with their common beginning held once: about 1.7 times as many answers per token trained on.

    Attributes:
        ids: token ids.
        answer: for each token, whether it belongs to an answer.
        branch: for each token, its sample counted from 1; 0 for the common beginning.
    """

    ids: list[int]
    answer: list[bool]
    branch: list[int]


def grown(encoded: list[tuple[list[int], int]]) -> Tree:
    """Joins encoded samples of one problem into a tree.

    Example:
        >>> grown([([1, 2, 3, 4], 3), ([1, 2, 5, 6], 3)])
        Tree(ids=[1, 2, 3, 4, 5, 6], answer=[False, False, False, True, False, True], branch=[0, 0, 1, 1, 2, 2])
    """
    shared = 0
    shortest = min(prompt for _, prompt in encoded) - 1
    while shared < shortest and len({ids[shared] for ids, _ in encoded}) == 1:
        shared += 1
    tree = Tree(encoded[0][0][:shared], [False] * shared, [0] * shared)
    for index, (ids, prompt) in enumerate(encoded, 1):
        tree.ids.extend(ids[shared:])
        tree.answer.extend(at >= prompt for at in range(shared, len(ids)))
        tree.branch.extend([index] * (len(ids) - shared))
    return tree


@dataclass(frozen=True, slots=True)
class Batch:
    """Trees padded to one length: ids, answer and branch of shape (problems, tokens)."""

    ids: torch.Tensor
    answer: torch.Tensor
    branch: torch.Tensor


class Stream:
    """Batches of about `batch_tokens` tokens each. Not resumable to the sample: after a restart it goes on with a fresh seed."""

    def __init__(self, who: str, tokenizer: Tokenizer, batch_tokens: int, seed: str) -> None:
        self._who, self._tokenizer, self._batch_tokens = who, tokenizer, batch_tokens
        self._rng = random.Random(seed)
        self._ready: list[Batch] = []

    def next(self, progress: float) -> Batch:
        """Draws the next batch; `progress` is the curriculum's, 0 to 1."""
        if not self._ready:
            trees = [
                grown([encode(self._tokenizer, *one) for one in samples(self._rng, self._who, progress)])
                for _ in range(POOL)
            ]
            group: list[Tree] = []
            for tree in sorted(trees, key=lambda tree: len(tree.ids)):
                if group and len(tree.ids) * (len(group) + 1) > self._batch_tokens:
                    self._ready.append(_collated(group))
                    group = []
                group.append(tree)
            self._ready.append(_collated(group))
            self._rng.shuffle(self._ready)
        return self._ready.pop()


def _collated(group: list[Tree]) -> Batch:
    longest = max(len(tree.ids) for tree in group)
    ids = torch.zeros(len(group), longest, dtype=torch.long)
    answer = torch.zeros(len(group), longest, dtype=torch.bool)
    branch = torch.full((len(group), longest), -1, dtype=torch.long)  # padding is a branch of its own
    for row, tree in enumerate(group):
        ids[row, : len(tree.ids)] = torch.tensor(tree.ids)
        answer[row, : len(tree.ids)] = torch.tensor(tree.answer)
        branch[row, : len(tree.ids)] = torch.tensor(tree.branch)
    return Batch(ids, answer, branch)


def rate(step: int, tokens: float, budget: float, cooldown: float) -> float:
    """The learning rate's factor, 0 to 1, after so many steps and tokens."""
    return min(1.0, (step + 1) / WARMUP_STEPS, max(0.0, (budget - tokens) / cooldown))


def _saved(
    path: Path, model: Llama, optimizers: list[torch.optim.Optimizer], tokens: float, step: int, seconds: float
) -> None:
    part = path.with_suffix(".part")
    torch.save(
        {
            "config": model.config.as_dict(),
            "model": model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in optimizers],
            "tokens": tokens,
            "step": step,
            "seconds": seconds,
        },
        part,
    )
    os.replace(part, path)


def train(
    who: str,
    out: Path,
    budget: float,
    cooldown_share: float,
    device: str,
    threads: int,
    checkpoint_s: float,
    curriculum: float,
) -> None:
    """Trains until `budget` tokens; see the module's docstring.

    Args:
        who: `small` or `large`.
        out: folder for the tokenizer, checkpoints (`<who>.pt`) and the curve (`<who>.csv`).
        budget: tokens to train on in all, prompts included.
        cooldown_share: share of the budget over which the learning rate falls.
        device: torch's name of the device.
        threads: torch threads.
        checkpoint_s: seconds between checkpoints.
        curriculum: tokens over which easy problems become less frequent.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    tokenizer = load_or_train(out / "tokenizer.json")
    model = Llama(CONFIGS[who]).to(device)
    rates = LEARNING_RATES[who]
    optimizers = build(model, *rates)
    checkpoint = out / f"{who}.pt"
    tokens, step, seconds = 0.0, 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        tokens, step, seconds = state["tokens"], state["step"], state["seconds"]
    stream = Stream(who, tokenizer, BATCH_TOKENS[who], f"{who} {step}")
    cooldown = cooldown_share * budget
    curve = out / f"{who}.csv"
    if not curve.exists():
        curve.write_text("step,tokens,seconds,loss,rate\n")
    print(
        f"{who}: {model.parameters_count():,} parameters, from step {step}, {tokens / 1e6:.2f}M of {budget / 1e6:.1f}M tokens",
        flush=True,
    )
    started, saved_at, losses = time.time() - seconds, time.time(), []
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    while tokens < budget and not stopped:
        batch = stream.next(min(1.0, tokens / curriculum))
        factor = rate(step, tokens, budget, cooldown)
        for optimizer, base in zip(optimizers, rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = base * factor
        loss = model.answer_loss(batch.ids.to(device), batch.answer.to(device), batch.branch.to(device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        tokens += batch.ids.numel()
        step += 1
        losses.append(loss.item())
        if step % 50 == 0:
            seconds = time.time() - started
            with curve.open("a") as file:
                csv.writer(file).writerow(
                    [step, int(tokens), round(seconds, 1), round(sum(losses) / len(losses), 4), round(factor, 4)]
                )
            print(
                f"{who} step {step} {tokens / 1e6:.2f}M {seconds:.0f}s loss {sum(losses) / len(losses):.4f} rate {factor:.2f}",
                flush=True,
            )
            losses = []
            if (out / f"{who}.finish").exists() and tokens + cooldown < budget:
                budget = tokens + cooldown
        if time.time() - saved_at > checkpoint_s:
            _saved(checkpoint, model, optimizers, tokens, step, time.time() - started)
            saved_at = time.time()
    _saved(checkpoint, model, optimizers, tokens, step, time.time() - started)
    print(f"{who}: {'stopped' if stopped else 'done'}", flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("who", choices=sorted(CONFIGS))
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--tokens", type=float, default=20e6, help="tokens to train on in all")
    parser.add_argument(
        "--cooldown", type=float, default=0.3, help="share of the tokens over which the learning rate falls"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--checkpoint-s", type=float, default=120)
    parser.add_argument("--curriculum", type=float, default=7e6, help="tokens until the mixture is the final one")
    options = parser.parse_args()
    train(
        options.who, options.out, options.tokens, options.cooldown, options.device, options.threads, options.checkpoint_s,
        options.curriculum,
    )  # fmt: skip


if __name__ == "__main__":
    main()
