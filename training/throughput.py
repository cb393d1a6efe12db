"""Compares the samples per second of the whole product with those of a bare HTTP loop against the same llama.cpp server, in turns.

The product makes every sample durable, reads and counts the answers, decides, and keeps traces; the bare loop throws the replies away.

Example:
    python -m training.throughput --problems 100
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import cope
from cope.local._server import Server
from training._package import PACKAGE, prompt
from training.client import Client, Request

K = 8


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--weights", type=Path, default=PACKAGE / "weights")
    options = parser.parse_args()
    ratios = []
    with (
        Server(options.weights / "cope-small.gguf", parallel=options.in_flight, context_tokens=512) as server,
        Client(server, options.in_flight) as client,
    ):
        model = cope.Model(
            server.name,
            base_url=server.base_url,
            api_key=server.api_key,
            kind="llama.cpp",
            stable_name=server.model_sha256,
            price="free",
            prompts="embedded",
            max_tokens=200,
            capabilities={"max_n": 1},  # one choice a request on both sides
            max_concurrency=options.in_flight,
        )
        method = cope.methods.SmallMajority(model, k=K, early_stop=False)
        for number in range(options.rounds + 1):
            problems = cope.datasets.word_problems(options.problems, seed=number)
            requests = [
                Request(prompt("solve", question=problem.question), 0.8, draw)
                for problem in problems
                for draw in range(K)
            ]
            started = time.perf_counter()
            client.map(requests)
            bare = len(requests) / (time.perf_counter() - started)
            started = time.perf_counter()
            run = cope.run(method, problems, progress=False, seed=number)
            product = run.samples / (time.perf_counter() - started)
            if number:  # the first round warms up
                ratios.append(product / bare)
                print(f"bare loop {bare:6.1f} samples/s, product {product:6.1f} samples/s, ratio {product / bare:.2f}")
    print(f"median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
