"""Recordings as files of one row a sample: Parquet, Arrow and JSONL; docs/recordings.md describes the columns."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _core, _shape
from .errors import DataError, Error

if TYPE_CHECKING:
    from ._recording import Recording

FORMAT = 1
META_KEY = "cope_recording"
"""Names the recording's description: the metadata of a Parquet or Arrow file, the first line of a JSONL file."""

_BATCH = 2048
# Where a sample belongs and what was made of it.
DESCRIBED = (
    "problem_id",
    "question",
    "gold",
    "meta",
    "stage",
    "draw",
    "plan",
    "index",
    "carried",
    "model",
    "answer",
    "measure",
    "error",
    "error_message",
    "identity",
)
# What the store keeps of a sample, beside its identity.
STORED = (
    "text",
    "reasoning",
    "finish_reason",
    "prompt_tokens",
    "cached_prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "usage_known",
    "usage_estimated",
    "cost_pusd",
    "mean_logprob",
    "latency_ms",
    "created_unix_ms",
    "attempts",
)


def export(recording: Recording, store: _core.Store, path: Path, runs: Sequence[tuple[int, int | None]]) -> Path:
    """Writes a recording; a file that is cut off by an error or an interruption never takes the name."""
    kind = "".join(path.suffixes[-2:]).lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    writers = {".parquet": _write_arrow, ".arrow": _write_arrow, ".jsonl": _write_jsonl, ".jsonl.gz": _write_jsonl}
    if kind not in writers:
        raise DataError(
            f"{path}: expected a name that ends in {', '.join(writers)}, got {kind or 'a name without an ending'!r}"
        )
    if path.exists():
        raise DataError(f"{path}: is there already; remove it or choose another name")
    about = {
        "format": FORMAT,
        "manifest": {name: value for name, value in recording.manifest.items() if name != "recording"},
        "spec": recording.spec,
        "runs": [[k, fixed] for k, fixed in runs],
        "carry": recording.carry,
    }
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        writers[kind](unfinished, json.dumps(about, ensure_ascii=False), _rows(recording, store), kind)
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _rows(recording: Recording, store: _core.Store) -> Iterator[list[dict[str, Any]]]:
    """Yields the rows in batches, each sample once."""
    cascade = recording.cascade
    models = [model["model"] for model in recording.spec["models"]]
    stage_plans, draw_plans = _shape.carried_from(cascade), _shape.draws_carried_from(cascade)
    batch: list[dict[str, Any]] = []
    for place, problem in enumerate(recording.problems):
        identity, question, gold, meta = problem.to_row()
        seen: set[str] = set()
        for stage, by_problem in enumerate(recording.samples.stages):
            draws = [index for index, draw in enumerate(cascade["draws"]) if draw["stage"] == stage]
            for plan, drawn in sorted(by_problem[place].items()):
                carried = dict(zip(stage_plans[stage], plan, strict=True))
                for draw, samples in zip(draws, drawn.draws, strict=True):
                    for sample in samples:
                        if not sample["identity"] or sample["identity"] in seen:
                            continue  # its plan failed, so it was never asked for; or it is given as part of another plan's samples
                        seen.add(sample["identity"])
                        batch.append(
                            {
                                "problem_id": identity,
                                "question": question,
                                "gold": gold,
                                "meta": meta,
                                "stage": stage,
                                "draw": cascade["draws"][draw]["name"],
                                "plan": cascade["draws"][draw]["plan"],
                                "index": sample["index"],
                                "carried": [carried[source] for source in draw_plans[draw]],
                                "model": models[cascade["draws"][draw]["model"]],
                                "answer": sample["answer"],
                                "measure": sample["measure"],
                                "error": None if sample["error"] == "none" else sample["error"],
                                "error_message": sample["error_message"] or None,
                                "identity": sample["identity"],
                            }
                        )
        while len(batch) >= _BATCH:
            yield _filled(batch[:_BATCH], store)
            batch = batch[_BATCH:]
    if batch:
        yield _filled(batch, store)


def _filled(rows: list[dict[str, Any]], store: _core.Store) -> list[dict[str, Any]]:
    for row, sample in zip(rows, store.samples([row["identity"] for row in rows]), strict=True):
        row.update({name: None if sample is None else sample[name] for name in STORED})  # type: ignore[literal-required]
    return rows


def _write_jsonl(path: Path, about: str, batches: Iterator[list[dict[str, Any]]], kind: str) -> None:
    with gzip.open(path, "wt", encoding="utf-8") if kind.endswith(".gz") else path.open("w", encoding="utf-8") as file:
        file.write(f'{{"{META_KEY}": {about}}}\n')
        for rows in batches:
            file.writelines(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)


def _write_arrow(path: Path, about: str, batches: Iterator[list[dict[str, Any]]], kind: str) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise Error(f'{kind}: needs pyarrow: pip install "cope-llm[data]"') from None
    texts = ("problem_id", "question", "gold", "meta", "draw", "model", "answer", "error", "error_message", "identity")
    texts_stored = ("text", "reasoning", "finish_reason")
    types = {
        **dict.fromkeys((*texts, *texts_stored), pyarrow.string()),
        **dict.fromkeys(("stage", "index"), pyarrow.int32()),
        **dict.fromkeys(("plan", "usage_known", "usage_estimated"), pyarrow.bool_()),
        **dict.fromkeys(("measure", "mean_logprob"), pyarrow.float64()),
        "carried": pyarrow.list_(pyarrow.int32()),
    }
    schema = pyarrow.schema(
        [(name, types.get(name, pyarrow.int64())) for name in (*DESCRIBED, *STORED)], metadata={META_KEY: about}
    )
    with (
        pyarrow.parquet.ParquetWriter(path, schema, compression="zstd")
        if kind == ".parquet"
        else pyarrow.ipc.new_file(path, schema)
    ) as writer:
        for rows in batches:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
