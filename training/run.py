"""The whole recipe in one command: tokenizer, both models, GGUF files, parity check, curves.

Resumable: run it again with the same folder and it goes on where it stopped. On a CPU the two models are trained side by side, one thread
each; on an accelerator one after the other, and then longer training is worth its time (`--tokens-small 150e6 --tokens-large 150e6`).

Example:
    python -m training.run --out runs/pair
    python -m training.evaluate --weights runs/pair/weights
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

import torch

from training.curves import draw
from training.tokenizer import load_or_train

TOKENS = {"small": 40e6, "large": 25e6}
"""What two idle cores do in about an hour."""
ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": "4000000000",
    "MALLOC_TRIM_THRESHOLD_": "8000000000",
    "MALLOC_TOP_PAD_": "200000000",
}
"""Keeps glibc from giving activations back to the system after every step: a fifth faster on a CPU."""


def train_both(out: Path, tokens: dict[str, float], device: str) -> None:
    """Trains both models in processes of their own; raises CalledProcessError if one fails."""
    commands = [
        [
            sys.executable,
            "-m",
            "training.train",
            who,
            "--out",
            str(out),
            "--tokens",
            str(tokens[who]),
            "--device",
            device,
        ]
        for who in ("large", "small")
    ]
    if device != "cpu":
        for command in commands:
            subprocess.run(command, check=True)
        return
    running = [subprocess.Popen(command, env={**os.environ, **ALLOCATOR}) for command in commands]
    try:
        for process in running:
            if process.wait():
                raise subprocess.CalledProcessError(process.returncode, process.args)
    finally:
        for process in running:
            process.terminate()  # it writes a checkpoint and ends
            process.wait()


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; its weights/ gets the GGUF files")
    parser.add_argument(
        "--tokens-small", type=float, default=TOKENS["small"], help="tokens to train the small model on"
    )
    parser.add_argument(
        "--tokens-large", type=float, default=TOKENS["large"], help="tokens to train the large model on"
    )
    parser.add_argument(
        "--type", choices=("f32", "f16", "q8_0"), default="f16", help="type of the matrices in the GGUF files"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the two trainings end with it
    options.out.mkdir(parents=True, exist_ok=True)
    load_or_train(options.out / "tokenizer.json")  # before the two processes, which share it
    train_both(options.out, {"small": options.tokens_small, "large": options.tokens_large}, options.device)
    for who in ("small", "large"):
        target = options.out / "weights" / f"cope-{who}.gguf"
        command = [sys.executable, "-m", "training.export", who, "--run", str(options.out), "--out", str(target)]
        subprocess.run([*command, "--type", options.type], check=True)
    print(draw(options.out) or "no curves drawn: matplotlib is not installed")
    return subprocess.run([sys.executable, "-m", "training.parity", "--run", str(options.out)]).returncode


if __name__ == "__main__":
    sys.exit(main())
