"""The native core: engine, sampler, store, decisions. Internal; the public API is `cope`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypedDict

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
    def put_samples(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes samples of another store or file, durably. Each is a SampleRow, of which all but `identity` and `text` may be left out."""
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
    recorded: Store | None = None,
    failures: Mapping[str, tuple[str, str]] = {},
) -> tuple[int, Progress]:
    """Runs `spec` over `problems` and returns (run id, final progress).

    Blocks with the GIL released; signals are checked every 50 ms, so that Ctrl-C cancels, keeps all that was received and raises KeyboardInterrupt.
    `on_progress` is called on the calling thread. A cancelled run (token) returns with its outcomes unfinished.
    With `recorded` the run is a replay: samples come from that store, nobody is asked, `store` gets the outcomes alone. What is not there ends its problem
    as unfinished, with samples of error "not_recorded"; `failures` are requests that failed when they were recorded: {identity: (error, message)}.

    spec is JSON:
        {"cascade": {"name": str, "early_stop": bool, "exhaustive": bool?,   # exhaustive: no stage accepts before the last
                     "stages": [{"name": str, "gate": {"measure": "always" | "consensus" | "agreement" | "passed" | "perplexity" | "score" | "custom",
                                 "draw": int, "other_draw": int?, "comparison": ">" | ">=" | "<" | "<=", "threshold": [numerator, denominator],
                                 "denominator": "k" | "answered"}}],
                     "draws": [{"name": str, "stage": int, "n": int, "plan": bool,
                                "given": [{"field": str, "draw": int, "pick": "each" | "carried" | "sample", "sample": int?}],
                                "model": int, "prompt": {"name": str, "messages": [{"role": str, "content": template}]},
                                "program": {"result": str, "prelude": str, "frozen_unix_s": int | null, "wall_ms": int}?,
                                "sampling": {"temperature", "top_p", "top_k", "min_p", "repeat_penalty", "presence_penalty", "frequency_penalty",
                                             "max_tokens", "logprobs"}}]},
         "models": [{"model", "base_url", "stable_name", "max_n", "sends_seed", "extended_sampling", "sends_sampling", "max_tokens_field", "top_logprobs",
                     "usage_counts_one_choice", "extra_body": {}, "price": {"input_pusd", "cached_input_pusd", "output_pusd", "reasoning_pusd"} | null,
                     "parameters", "max_concurrency", "initial_concurrency", "max_retries", "connect_timeout_ms", "timeout_ms", "max_reply_bytes"}],
         "task": {"name": "math"},       # math: native extraction and comparison, unless callbacks replace them
         "programs": {"interpreter", "isolation": "full" | "reduced", "workers", "wall_ms", "cpu_ms", "memory_bytes", "output_bytes", "file_bytes"}?,
         "seed": int, "window": int}     # window: problems in flight at once
    Templates hold {question} and the fields of `given`; they are replaced in one pass. `keys` are the API keys by model ("" for none). A draw whose
    index is in callbacks["prompt"] uses that function instead of its messages.

    The run's identity (resume) is the SHA-256 of canonical JSON of spec without base_url, window, limits and timeouts; `manifest` is stored with it.

    A trace (OutcomeRow["trace"]) is JSON:
        {"id", "question", "gold": str | null, "meta": {}, "status", "answer": str | null, "stage", "correct": bool | null, "accepted": bool,
         "stages": [{"stage", "accepted", "votes", "of", "value", "representative", "scored"}],
         "draws": [{"draw", "stage", "model", "name", "samples": [{"identity", "index", "answer": str | null, "scored": bool, "measure": float | null,
                    "verdict": verdict | null,
                    "error": str, "error_message": str, "cached": bool, "finish_reason", "prompt_tokens", "completion_tokens", "cost_pusd": int | null}]}],
         "score": verdict | null,  // of the final program, by the hidden tests
         "billed_pusd", "ideal_pusd", "compute_flop": int | null, "samples", "saved"}
        verdict: {"outcome": str, "tests_passed": int, "tests": int, "first_failed_test": int (-1: none), "exception_type": str, "line": int, "message": str}
    """

def sample_identities(spec: str, rows: Sequence[tuple[str, str, int, int, Mapping[str, str]]]) -> list[str]:
    """The identities that samples of a run have. A row: (problem's id, question, draw, index, text of each field that its prompt is given)."""

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

# --- sweeps ---------------------------------------------------------------------------------------
class SweepGate(TypedDict, total=False):
    measure: Literal["always", "consensus", "agreement", "passed", "perplexity", "score", "custom"]
    comparison: Literal[">", ">=", "<", "<="]  # default ">"
    denominator: Literal["k", "answered"]  # default "k"
    # int64 [T, 2]: exact numerators and denominators, strictly ascending. For consensus, perplexity, score, custom; not for a last stage
    thresholds: NDArray[np.int64]

class SweepStage(TypedDict, total=False):
    """What was recorded of one stage. P problems, V variants (which carried plan its samples were drawn with; 1 where none), N samples, K values of k.

    Arrays are C-contiguous and of the dtype named. `classes`, `correct`, `gate` are required, a gate's `measure`, too; other keys than these are refused."""

    gate: SweepGate
    classes: NDArray[
        np.int32
    ]  # [P, V, N] class of each sample's answer: small whole numbers within its problem; -1: unscored
    correct: NDArray[np.uint8]  # [P, V, N] 1 where that sample's answer is right (0 where unscored)
    measure: NDArray[np.float64]  # [P, V, N] passed / perplexity / score of each sample; needed by those gates
    other: NDArray[np.int32]  # [P, V, N'] classes of the second draw; needed by `agreement`
    custom: NDArray[np.float64]  # [P, K] value of a custom gate at each k; needed by `custom`
    cost_pusd: NDArray[
        np.int64
    ]  # [P, V, N] of sample i with all that is drawn beside it: its own plan, sample i of `other`; default 0
    once_pusd: NDArray[np.int64]  # [P, V] of what the stage draws once whatever k (a guideline); default 0
    variant: NDArray[
        np.int32
    ]  # [P, K] the variant used at each k in sampling order; -1: not recorded. Default: 0, where V = 1
    uses_k: bool  # True (default): k samples of N are used; False: all N are used whatever k (a stage of one sample)
    carries: int  # the stage whose carried sample the variants belong to: variant i goes with its sample i; default -1: carries nothing

Estimator = Literal["order", "subsets"]

class SweepGrid(TypedDict):
    """Sums over problems at each grid point. One axis for k, then one for each stage but the last: its thresholds, or length 1 where it has none.

    estimator "order": int64, exact. "subsets": float64, expectations, each a sum of positive terms (relative error below 1e-12)."""

    correct: NDArray[np.int64] | NDArray[np.float64]  # [K, T1, T2, ...] problems answered right
    unscored: NDArray[np.int64] | NDArray[np.float64]  # [K, T1, T2, ...] problems whose last stage had no scored sample
    cost_pusd: (
        NDArray[np.int64] | NDArray[np.float64]
    )  # [K, T1, T2, ...] of all samples of all stages reached (early stopping off)
    resolved: (
        NDArray[np.int64] | NDArray[np.float64]
    )  # [K, T1, T2, ..., S] problems that each stage ended, unscored among the last's

class SweepProblems(TypedDict):
    """The same for each problem: summed over axis 0 it is SweepGrid. "order": uint8 and int64; "subsets": float64 probabilities and expectations."""

    correct: NDArray[np.uint8] | NDArray[np.float64]  # [P, K, T1, T2, ...]
    unscored: NDArray[np.uint8] | NDArray[np.float64]  # [P, K, T1, T2, ...]
    cost_pusd: NDArray[np.int64] | NDArray[np.float64]  # [P, K, T1, T2, ...]
    resolved: (
        NDArray[np.uint8] | NDArray[np.float64]
    )  # [P, K, T1, T2, ..., S]: in sampling order, argmax over the last axis is the stage

class SweepBootstrap(TypedDict):
    correct: NDArray[np.float64]  # [R, K, T1, T2, ...] weighted sums over problems
    cost_pusd: NDArray[np.float64]  # [R, K, T1, T2, ...]

def sweep(
    stages: Sequence[SweepStage],
    k: NDArray[np.int32],
    *,
    estimator: Estimator = "order",
    conditional: bool = False,
    threads: int = 0,
) -> SweepGrid:
    """All points of a grid over k and the thresholds of all gates, from recorded samples; streams over problems.

    "order": the first k samples of each stage, at every point exactly what the engine's decide() says. Needs `variant` at every (problem, k).

    "subsets": the exact expectation over what other orders of the same samples would have given. At each stage an ordered k of its N recorded samples is
    drawn at random without replacement, independently of other stages. A tie goes to the class seen first, as everywhere: given the counts every order is
    equally likely, so each of the tied classes wins equally often; and the answer, the first sample of the winning class, is each of its recorded samples
    equally often. Closed form, no Monte Carlo. Where a stage carries (V > 1), its variants must belong to all N samples of the first stage, so
    that the expectation runs over the carried plan too; `conditional=True` instead takes the plan carried in sampling order at each k as given.
    Refused for custom gates, whose value is known of the recorded prefix only, and for more than 1,000 samples.

    Args:
        stages: One entry a stage.
        k: int32 [K], strictly ascending, from 1 to N.
        estimator: See above.
        conditional: See above; refused with "order".
        threads: 0: all cores. Results do not depend on it.

    Raises:
        ConfigError: An argument of the wrong dtype, shape or value, named with what was expected; an expectation that does not exist.
        DataError: NaN, a negative cost, a variant that was not recorded: names stage, problem, sample.
    """

def sweep_problems(
    stages: Sequence[SweepStage],
    k: NDArray[np.int32],
    *,
    estimator: Estimator = "order",
    conditional: bool = False,
    threads: int = 0,
) -> SweepProblems:
    """What each problem contributes to each point; for one point, give one k and one threshold a gate. Arguments as for sweep()."""

def sweep_bootstrap(
    stages: Sequence[SweepStage],
    k: NDArray[np.int32],
    weights: NDArray[np.float64],
    *,
    estimator: Estimator = "order",
    conditional: bool = False,
    threads: int = 0,
) -> SweepBootstrap:
    """Weighted sums over problems at every grid point, one a row of `weights` (float64 [R, P]: how often each problem is in each resample).

    Weights are finite and not negative. Never holds problems x grid.
    Equal weights give equal resamples, so two methods compared with the same weights are paired.
    Other arguments as for sweep().
    """

# --- answers (cope.answers) -----------------------------------------------------------------------
# Kinds: "math", "integer", "number", "choice", "date", "text", "output", "auto". Verdicts: (correct, tier, why).
def extract(text: str, kind: str) -> str | None: ...
def grade(gold: str, prediction: str, kind: str) -> tuple[bool, str, str]: ...
def vote_key(answer: str, kind: str) -> str | None: ...
def extract_program(text: str, entry_point: str, beginning: str) -> str | None: ...
def extract_all(texts: Sequence[str | None], kind: str) -> list[str | None]: ...
def vote_keys(answers: Sequence[str | None], kind: str) -> list[str | None]: ...
def grade_all(
    golds: Sequence[str | None], predictions: Sequence[str | None], kind: str
) -> list[tuple[bool, str, str]]: ...

# --- sandbox (cope.sandbox) -----------------------------------------------------------------------
class Sandbox:
    """A pool of workers; see cpp/cope/sandbox/sandbox.h. Closed when the object dies or by close()."""
    def __init__(self, *, interpreter: str, workers: int, isolation: str) -> None: ...
    def run(self, programs: Sequence[Mapping[str, object]]) -> list[dict[str, Any]]:
        """Runs all; blocks with the GIL released, signals are checked every 50 ms. Raises DataError for tests that cannot be parsed."""

    @property
    def workers(self) -> int: ...
    def close(self) -> None: ...

version: str
