"""CPU seconds a request of the client, beside wrk, aiohttp and the openai package, against one bounded loopback server in one run.

    python bench/http_client_cpu.py [--build build/release/bench] [--python a-python-with-aiohttp-and-openai]

Prints one line of JSON. Only the clients' own CPU counts (user + system). Our own is also told apart, by user and system and by what the HTTP client
costs alone (`http_only`: libcurl and the kernel, no JSON, no identities). Peers that are not installed are left out, with the reason.
Each is measured three times in turn; the smallest figure counts, for noise only ever adds.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

IN_FLIGHT = 64
CLAIMS = {"wrk": ("at most", 5.0), "aiohttp": ("at least", 10.0), "openai": ("at least", 100.0)}
BODY = {
    "model": "bench",
    "messages": [
        {"role": "user", "content": "Mia has 20 apples. Leo has twice as many as Mia. How many apples does Leo have?"}
    ],
    "stream": False,
    "max_tokens": 64,
    "seed": 1,
    "temperature": 0.0,
    "top_p": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}

# A Python peer: REQUESTS requests, IN_FLIGHT at a time; `one` draws one and reads its text.
PEER = """
import asyncio, json, sys, time
url, requests, in_flight, body = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])

async def many(one, count):
    left = iter(range(count))
    async def worker():
        for _ in left:
            assert await one()
    await asyncio.gather(*(worker() for _ in range(in_flight)))

async def measure(one):
    await many(one, in_flight)
    before = time.process_time()
    await many(one, requests)
    print(json.dumps({"cpu_us": (time.process_time() - before) * 1e6 / requests}))
"""
AIOHTTP = (
    PEER
    + """
import aiohttp
async def main():
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=in_flight)) as session:
        async def one():
            async with session.post(url + "/chat/completions", json=body) as reply:
                return (await reply.json())["choices"][0]["message"]["content"]
        await measure(one)
asyncio.run(main())
"""
)
OPENAI = (
    PEER
    + """
import openai
async def main():
    client = openai.AsyncOpenAI(base_url=url, api_key="bench")
    async def one():
        return (await client.chat.completions.create(**body)).choices[0].message.content
    await measure(one)
asyncio.run(main())
"""
)


class Missing(Exception):
    """A peer that is not installed here."""


def ours(url: str, build: Path, requests: int, *only: str) -> dict[str, float]:
    command = [build / "http_client_cpu", url, str(requests), str(IN_FLIGHT), *only]
    line = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    measured: dict[str, float] = json.loads(line)
    return measured


def wrk(url: str) -> float:
    program = shutil.which("wrk")
    if program is None:
        raise Missing("wrk is not installed (Debian package wrk)")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(
            f'wrk.method = "POST"\nwrk.body = [[{json.dumps(BODY)}]]\nwrk.headers["Content-Type"] = "application/json"\n'
        )
        script.flush()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [program, "-t1", f"-c{IN_FLIGHT}", "-d3s", "-s", script.name, url + "/chat/completions"]
        said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    count = re.search(r"(\d+) requests in", said)
    if count is None or "Non-2xx" in said:
        raise RuntimeError(f"wrk failed: {said}")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu_s * 1e6 / int(count[1])


def python_peer(url: str, python: str, module: str, program: str, requests: int) -> float:
    if subprocess.run([python, "-c", f"import {module}"], capture_output=True, timeout=60).returncode != 0:
        raise Missing(f"{module} is not installed for {python}")
    command = [python, "-c", program, url, str(requests), str(IN_FLIGHT), json.dumps(BODY)]
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    line = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300, env=environment).stdout
    return float(json.loads(line)["cpu_us"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--build", type=Path, default=Path("build/release/bench"), help="where the native halves were built"
    )
    parser.add_argument("--python", default=sys.executable, help="an interpreter with aiohttp and openai")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    server = subprocess.Popen(
        [options.build / "http_server", "240"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    figures: dict[str, float] = {}
    parts: dict[str, dict[str, float]] = {}

    def in_parts(name: str, *only: str) -> float:
        measured = ours(url, options.build, 60_000, *only)
        if measured["cpu_us"] <= figures.get(name, float("inf")):
            parts[name] = {part: measured[part] for part in ("user_us", "system_us")}
        return measured["cpu_us"]

    skipped: dict[str, str] = {}
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        clients = {
            "cope": lambda: in_parts("cope"),
            "http_only": lambda: in_parts("http_only", "http"),
            "wrk": lambda: wrk(url),
            "aiohttp": lambda: python_peer(url, options.python, "aiohttp", AIOHTTP, 6_000),
            "openai": lambda: python_peer(url, options.python, "openai", OPENAI, 1_000),
        }
        for _ in range(options.rounds):
            for name, measure in clients.items():
                if name in skipped:
                    continue
                try:
                    figures[name] = min(measure(), figures.get(name, float("inf")))
                except Missing as reason:
                    skipped[name] = str(reason)
    finally:
        server.kill()
        server.wait()

    ratios = {}
    holds = {}
    for name, (kind, bound) in CLAIMS.items():
        if name in figures:
            ratios[name] = figures["cope"] / figures[name] if kind == "at most" else figures[name] / figures["cope"]
            holds[name] = ratios[name] <= bound if kind == "at most" else ratios[name] >= bound
    result = {
        "bench": "http_client_cpu",
        "in_flight": IN_FLIGHT,
        "cpu_us_per_request": {name: round(value, 2) for name, value in figures.items()},
        "of_which": parts,
        "cope_over_wrk": round(ratios["wrk"], 2) if "wrk" in ratios else None,
        "aiohttp_over_cope": round(ratios["aiohttp"], 1) if "aiohttp" in ratios else None,
        "openai_over_cope": round(ratios["openai"], 1) if "openai" in ratios else None,
        "claim": "cope at most 5x wrk, aiohttp at least 10x cope, openai at least 100x cope",
        "holds": holds,
        "skipped": skipped,
        "store": "none (no durability)",
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
