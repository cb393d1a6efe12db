"""The native core: engine, sampler, store, decisions. Internal; the public API is `cope`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

# --- errors (re-exported by cope.errors) ----------------------------------------------------------
class Error(Exception): ...
class ConfigError(Error, ValueError): ...
class DataError(Error, ValueError): ...
class StoreError(Error): ...
class BudgetError(Error): ...

class EndpointError(Error):
    status_code: int
    request_id: str
    body: str

class AuthenticationError(EndpointError): ...
class RateLimitError(EndpointError): ...
class APITimeoutError(EndpointError): ...
class APIConnectionError(EndpointError): ...
class BadRequestError(EndpointError): ...

# --- store ----------------------------------------------------------------------------------------
class RunRow(TypedDict):
    id: int
    key: str  # 64 hexadecimal digits
    manifest: str  # JSON
    status: Literal["running", "finished", "interrupted", "failed"]
    started_unix_ms: int
    ended_unix_ms: int | None
    outcomes: int

class OutcomeRow(TypedDict):
    position: int
    problem_id: str
    status: Literal["answered", "unscored", "failed", "unfinished"]
    stage: int  # the stage that answered, from 0; -1: none
    correct: bool | None
    billed_pusd: int | None
    ideal_pusd: int | None
    samples: int
    saved: int
    trace: str | None  # JSON, see below; None unless asked for

class SampleRow(TypedDict):
    identity: str
    text: str
    reasoning: str
    finish_reason: str
    prompt_tokens: int
    cached_prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    usage_known: bool
    usage_estimated: bool
    cost_pusd: int | None
    mean_logprob: float | None
    latency_ms: int
    created_unix_ms: int
    request_id: str
    attempts: int

class Ledger(TypedDict):
    cap_pusd: int | None
    settled_pusd: int
    reserved_pusd: int

class Store:
    """A store; see cpp/cope/store/store.h. Closed when the object dies or by close()."""
    @staticmethod
    def open(directory: str, *, mode: Literal["create", "write", "read"] = "create", durable: bool = True) -> Store: ...
    @property
    def directory(self) -> str: ...
    def runs(self) -> list[RunRow]: ...
    def outcomes(self, run_id: int, *, offset: int = 0, limit: int = -1, trace: bool = False) -> list[OutcomeRow]: ...
    def outcome(self, run_id: int, problem_id: str) -> OutcomeRow | None: ...
    def samples(self, identities: Sequence[str]) -> list[SampleRow | None]: ...
    def ledger(self) -> Ledger: ...
    def set_cap(self, cap_pusd: int | None) -> None: ...
    def close(self) -> None: ...

# --- runs -----------------------------------------------------------------------------------------
class Progress(TypedDict):
    started: int  # problems
    done: int
    resumed: int  # of `done`: found finished in the store
    answered: int
    unscored: int
    failed: int
    unfinished: int
    graded: int  # problems with a gold answer and an answer
    correct: int
    resolved_by_stage: list[int]
    samples: int  # drawn in this run's traces
    samples_from_store: int
    saved: int  # by early stopping
    requests_sent: int
    retries: int
    in_flight: int
    billed_pusd: int
    elapsed_ms: int

class CancelToken:
    def __init__(self) -> None: ...
    def cancel(self) -> None: ...
    @property
    def cancelled(self) -> bool: ...

class Callbacks(TypedDict, total=False):
    """The user's own functions; each is called on the engine's thread with the GIL held. An exception ends the run and is raised by run()."""

    answer: Callable[[str, str], str | None]  # (text of a sample, problem id) -> answer; None: unscored
    key: Callable[[str], str]  # canonical form of an answer: equal forms vote together
    grade: Callable[[str, str, str], bool]  # (gold, answer, problem id)
    score: Callable[[str, str], float]  # (text, problem id) -> the measure of gates `score` and `passed`
    # stage -> f([(text, answer)], problem id)
    gate: Mapping[int, Callable[[Sequence[tuple[str, str | None]], str], float]]
    # draw -> f(problem id, question, given by field) -> messages [{"role": ..., "content": ...}]
    prompt: Mapping[int, Callable[[str, str, Mapping[str, str]], Sequence[Mapping[str, str]]]]

# One problem: (id, question, gold answer or None, meta as JSON text)
ProblemRow = tuple[str, str, str | None, str]

def run(
    spec: str,
    *,
    keys: Sequence[str],
    store: Store,
    problems: Iterator[ProblemRow],
    manifest: str,
    callbacks: Callbacks | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    progress_interval_ms: int = 100,
    cancel: CancelToken | None = None,
) -> tuple[int, Progress]:
    """Runs `spec` over `problems` and returns (run id, final progress).

    Blocks with the GIL released; signals are checked every 50 ms, so that Ctrl-C cancels, keeps all that was received and raises KeyboardInterrupt.
    `on_progress` is called on the calling thread. A cancelled run (token) returns with its outcomes unfinished.

    spec is JSON:
        {"cascade": {"name": str, "early_stop": bool,
                     "stages": [{"name": str, "gate": {"measure": "always" | "consensus" | "agreement" | "passed" | "perplexity" | "score" | "custom",
                                 "draw": int, "other_draw": int?, "comparison": ">" | ">=" | "<" | "<=", "threshold": [numerator, denominator],
                                 "denominator": "k" | "answered"}}],
                     "draws": [{"name": str, "stage": int, "n": int, "plan": bool,
                                "given": [{"field": str, "draw": int, "pick": "each" | "carried"}],
                                "model": int, "prompt": {"name": str, "messages": [{"role": str, "content": template}]},
                                "sampling": {"temperature", "top_p", "top_k", "min_p", "repeat_penalty", "presence_penalty", "frequency_penalty",
                                             "max_tokens", "logprobs"}}]},
         "models": [{"model", "base_url", "stable_name", "max_n", "sends_seed", "extended_sampling", "sends_sampling", "max_tokens_field", "top_logprobs",
                     "usage_counts_one_choice", "extra_body": {}, "price": {"input_pusd", "cached_input_pusd", "output_pusd", "reasoning_pusd"} | null,
                     "parameters", "max_concurrency", "initial_concurrency", "max_retries", "connect_timeout_ms", "timeout_ms", "max_reply_bytes"}],
         "task": {"name": "math"},       # math: native extraction and comparison, unless callbacks replace them
         "seed": int, "window": int}     # window: problems in flight at once
    Templates hold {question} and the fields of `given`; they are replaced in one pass. `keys` are the API keys by model ("" for none). A draw whose
    index is in callbacks["prompt"] uses that function instead of its messages.

    The run's identity (resume) is the SHA-256 of canonical JSON of spec without base_url, window, limits and timeouts; `manifest` is stored with it.

    A trace (OutcomeRow["trace"]) is JSON:
        {"id", "question", "gold": str | null, "meta": {}, "status", "answer": str | null, "stage", "correct": bool | null, "accepted": bool,
         "stages": [{"stage", "accepted", "votes", "of", "value", "representative", "scored"}],
         "draws": [{"draw", "stage", "model", "name", "samples": [{"identity", "index", "answer": str | null, "scored": bool, "measure": float | null,
                    "error": str, "error_message": str, "cached": bool, "finish_reason", "prompt_tokens", "completion_tokens", "cost_pusd": int | null}]}],
         "billed_pusd", "ideal_pusd", "compute_flop": int | null, "samples", "saved"}
    """

def check_endpoint(model: str, key: str, *, timeout_ms: int = 10_000) -> None:
    """`model` is one entry of spec["models"] as JSON. Raises the EndpointError that fits; spends nothing."""

def validate(spec: str) -> None:
    """Raises ConfigError for a spec that cannot run."""

def replay_keys(cascade: str, classes: NDArray[np.int32]) -> NDArray[np.int32]:
    """Decides recorded problems natively, by the engine's own decision function.

    Args:
        cascade: spec["cascade"] as JSON.
        classes: Shape (problems, samples of all draws in draw order); the class of each sample's answer, -1 for unscored.

    Returns:
        Shape (problems, 2): the stage that ended each problem and its answer's class (-1: unscored).
    """

# --- answers (cope.answers) -----------------------------------------------------------------------
# Kinds: "math", "integer", "number", "choice", "date", "text", "code", "auto". Verdicts: (correct, tier, why).
def extract(text: str, kind: str) -> str | None: ...
def grade(gold: str, prediction: str, kind: str) -> tuple[bool, str, str]: ...
def vote_key(answer: str, kind: str) -> str | None: ...
def extract_all(texts: Sequence[str | None], kind: str) -> list[str | None]: ...
def vote_keys(answers: Sequence[str | None], kind: str) -> list[str | None]: ...
def grade_all(
    golds: Sequence[str | None], predictions: Sequence[str | None], kind: str
) -> list[tuple[bool, str, str]]: ...

version: str
