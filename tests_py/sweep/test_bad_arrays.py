"""_core.sweep and its kin: what is no recording is refused with its place and what was expected; nothing is read as something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cope
from cope import _core

from .arrays import TAUS, gate, stage

K = np.array([1, 2, 4], np.int32)
ALL = [_core.sweep, _core.sweep_problems]


def recording() -> list[dict[str, Any]]:
    random = np.random.default_rng(0)
    return [
        stage(random, gate("consensus", taus=TAUS), problems=3, samples=4),
        {
            **stage(random, gate("custom", taus=TAUS), problems=3, samples=4, variants=2),
            "variant": np.zeros((3, 3), np.int32),
            "custom": np.ones((3, 3)),
        },
        stage(random, gate("always"), problems=3, samples=1, uses_k=False),
    ]


def put(key: Any, value: Any, number: int = 0) -> Callable[[list[dict[str, Any]]], None]:
    """Sets a key of a stage."""
    return lambda stages: stages[number].__setitem__(key, value)


def drop(key: str, number: int = 0) -> Callable[[list[dict[str, Any]]], None]:
    return lambda stages: stages[number].__delitem__(key)


def changed(key: str, change: Callable[[Any], Any], number: int = 0) -> Callable[[list[dict[str, Any]]], None]:
    """Replaces an array of a stage by what `change` makes of it."""
    return lambda stages: stages[number].__setitem__(key, change(stages[number][key]))


def written(key: str, place: tuple[int, ...], value: Any, number: int = 0) -> Callable[[list[dict[str, Any]]], None]:
    """Writes one value into an array of a stage."""
    return lambda stages: stages[number][key].__setitem__(place, value)


def gated(number: int = 0, **entries: Any) -> Callable[[list[dict[str, Any]]], None]:
    return changed("gate", lambda own: {**own, **entries}, number)


def unaligned(array: Any) -> Any:
    return np.ndarray(array.shape, array.dtype, b"\0" + array.tobytes(), offset=1)


CONFIG, DATA = cope.ConfigError, cope.DataError


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        # Keys.
        (put("cost_pusd_", np.zeros((3, 1, 4), np.int64)), CONFIG, r"stages\[0\]: unknown key 'cost_pusd_'; there are gate, classes, .*cost_pusd"),
        (put(7, None, 2), CONFIG, r"stages\[2\]: unknown key '7'"),
        (gated(threshold=np.zeros((1, 2), np.int64)), CONFIG, r"stages\[0\]\[\"gate\"\]: unknown key 'threshold'; there are measure, .*thresholds"),
        (put("gate", {"comparison": ">"}, 2), CONFIG, r"stages\[2\]\[\"gate\"\]\[\"measure\"\]: missing"),
        (drop("gate"), CONFIG, r"stages\[0\]\[\"gate\"\]: missing"),
        (drop("classes", 1), CONFIG, r"stages\[1\]\[\"classes\"\]: missing"),
        (drop("correct", 2), CONFIG, r"stages\[2\]\[\"correct\"\]: missing"),
        (drop("custom", 1), CONFIG, r"\"custom\"\]: missing; this stage is decided on it"),
        (drop("variant", 1), CONFIG, r"\"variant\"\]: missing; the stage has 2 variants"),
        (gated(measure="agreement", thresholds=np.zeros((0, 2), np.int64)), CONFIG, r"\"other\"\]: missing"),
        (gated(measure="score"), CONFIG, r"\"measure\"\]: missing"),
        # Types.
        (put("gate", None), CONFIG, r"stages\[0\]\[\"gate\"\]: expected a dict, got NoneType"),
        (gated(measure="votes"), CONFIG, r"\[\"measure\"\]: expected one of 'always', 'consensus', .*, got 'votes'"),
        (gated(comparison=1), CONFIG, r"\[\"comparison\"\]: expected one of '>', '>=', '<', '<=', got 1"),
        (gated(denominator="n"), CONFIG, r"\[\"denominator\"\]: expected one of 'k', 'answered', got 'n'"),
        (put("classes", [[[0]]]), CONFIG, r"\"classes\"\]: expected a NumPy array, got list"),
        (put("uses_k", 1), CONFIG, r"\"uses_k\"\]: expected True or False, got 1"),
        (put("carries", 0.5, 1), CONFIG, r"\"carries\"\]: expected the number of a stage, got 0.5"),
        (put("carries", 1, 1), CONFIG, r"\"carries\"\]: expected an earlier stage or -1, got 1"),
        (put("carries", 2**70, 1), CONFIG, r"\"carries\"\]: expected an earlier stage or -1, got 1180591620717411303424"),
        # Dtypes, shapes, memory.
        (changed("classes", lambda a: a.astype(np.int64)), CONFIG, r"\"classes\"\]: expected dtype int32, got int64"),
        (changed("classes", lambda a: a.astype(">i4")), CONFIG, r"\"classes\"\]: expected dtype int32, got >i4"),
        (changed("classes", lambda a: a.astype(float)), CONFIG, r"\"classes\"\]: expected dtype int32, got float64"),
        (changed("correct", lambda a: a.astype(bool)), CONFIG, r"\"correct\"\]: expected dtype uint8, got bool"),
        (changed("cost_pusd", lambda a: a.astype(float)), CONFIG, r"\"cost_pusd\"\]: expected dtype int64, got float64"),
        (changed("classes", lambda a: a.astype(object)), CONFIG, r"\"classes\"\]: expected dtype int32, got object"),
        (changed("classes", lambda a: a[:, 0]), CONFIG, r"\"classes\"\]: expected 3 dimensions, got the shape \(3, 4\)"),
        (changed("classes", lambda a: a[:, :, ::2]), CONFIG, r"\"classes\"\]: expected a C-contiguous array"),
        (changed("classes", np.asfortranarray), CONFIG, r"\"classes\"\]: expected a C-contiguous array"),
        (changed("classes", lambda a: np.broadcast_to(a[:1], a.shape)), CONFIG, r"\"classes\"\]: expected a C-contiguous"),
        (changed("cost_pusd", unaligned), CONFIG, r"\"cost_pusd\"\]: its memory is not aligned"),
        (changed("classes", lambda a: a[:2].copy(), 1), CONFIG, r"stages\[1\].*expected 3 problems as in the first stage, got 2"),
        (changed("classes", lambda a: a[:, :0].copy()), CONFIG, r"expected at least one variant, got the shape \(3, 0, 4\)"),
        (changed("correct", lambda a: a[:, :, :3].copy()), CONFIG, r"\"correct\"\]: expected the shape \(3, 1, 4\), got \(3, 1, 3\)"),
        (changed("once_pusd", lambda a: a[:2].copy()), CONFIG, r"\"once_pusd\"\]: expected the shape \(3, 1\), got \(2, 1\)"),
        (changed("custom", lambda a: a[:, :2].copy(), 1), CONFIG, r"\"custom\"\]: expected the shape \(3, 3\), got \(3, 2\)"),
        (put("measure", np.zeros((3, 1))), CONFIG, r"\"measure\"\]: expected 3 dimensions, got the shape \(3, 1\)"),
        (put("other", np.zeros((2, 1, 4), np.int32)), CONFIG, r"\"other\"\]: expected problems and variants as in classes"),
        (gated(thresholds=np.zeros((2, 3), np.int64)), CONFIG, r"\"thresholds\"\]: expected the shape \(thresholds, 2\)"),
        (gated(thresholds=np.zeros((0, 2), np.int64)), CONFIG, r"\"thresholds\"\]: expected at least one threshold"),
        (gated(thresholds=np.array([0.5])), CONFIG, r"\"thresholds\"\]: expected dtype int64, got float64"),
        (gated(thresholds=np.array([[1, 2], [1, 2]])), CONFIG, r"expected strictly ascending thresholds"),
        (gated(thresholds=np.array([[1, 0]])), CONFIG, r"expected non-negative fractions, got 1/0"),
        (gated(thresholds=np.array([[-1, 2]])), CONFIG, r"expected non-negative fractions, got -1/2"),
        (gated(thresholds=np.array([[3, 2]])), CONFIG, r"a consensus threshold lies in \[0, 1\], got 3/2"),
        (gated(2, thresholds=np.array([[1, 2]])), CONFIG, r"stages\[2\].*leave them out"),
        (gated(comparison="<"), CONFIG, r"a consensus gate compares with > or >="),
        # Values.
        (written("classes", (1, 0, 2), -2), DATA, r"stages\[0\]\[\"classes\"\].*got -2 at problem 1, variant 0, sample 2"),
        (written("classes", (2, 1, 3), 1 << 20, 1), DATA, r"stages\[1\].*got 1048576 at problem 2, variant 1, sample 3"),
        (written("correct", (0, 0, 1), 2), DATA, r"\"correct\"\]: expected 0 or 1, got 2 at problem 0"),
        (written("cost_pusd", (2, 0, 0), -1), DATA, r"\"cost_pusd\"\]: negative cost -1 at problem 2"),
        (written("once_pusd", (2, 0), -5), DATA, r"\"once_pusd\"\]: negative cost -5 at problem 2, variant 0"),
        (written("custom", (1, 2), np.nan, 1), DATA, r"stages\[1\]\[\"custom\"\]: NaN at problem 1, k = 4"),
        (written("variant", (1, 2), 2, 1), DATA, r"\"variant\"\]: expected -1 \(not recorded\) to 1, got 2 at problem 1"),
        (written("variant", (1, 2), -1, 1), DATA, r"problem 1 has no samples .* plan that is carried at k = 4; record more"),
        # Nothing.
        (lambda stages: stages.clear(), CONFIG, "stages: expected at least one, got none"),
        (lambda stages: stages.append(3), CONFIG, r"stages\[3\]: expected a dict, got int"),
        (changed("classes", lambda a: a[:, :, :0].copy(), 2), CONFIG, r"expected the shape \(3, 1, 0\)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("function", ALL)
def test_bad_arrays_are_refused_with_their_place(
    function: Callable[..., Any],
    spoil: Callable[[list[dict[str, Any]]], None],
    error: type[Exception],
    message: str,
) -> None:
    stages = recording()
    function(stages, K)  # as it stands it is swept
    spoil(stages)
    with pytest.raises(error, match=message):
        function(stages, K)


def test_a_recording_of_no_problems_or_no_samples_is_refused() -> None:
    first, _, last = recording()
    none = [
        {name: value[:0].copy() if isinstance(value, np.ndarray) else value for name, value in each.items()}
        for each in (first, last)
    ]
    with pytest.raises(CONFIG, match=r"the recording is empty \(no problems\)"):
        _core.sweep(none, K)  # type: ignore[arg-type]
    bare = {"gate": gate("always"), "classes": np.zeros((3, 1, 0), np.int32), "correct": np.zeros((3, 1, 0), np.uint8)}
    with pytest.raises(CONFIG, match="no samples are recorded"):
        _core.sweep([bare], K)  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("k", "message"),
    [
        ([1, 2], "k: expected a NumPy array, got list"),
        (np.array([1, 2]), "k: expected dtype int32, got int64"),
        (np.array([[1]], np.int32), r"k: expected 1 dimensions, got the shape \(1, 1\)"),
        (np.array([], np.int32), "k: expected at least one number of samples"),
        (np.array([0, 2], np.int32), "k: expected strictly ascending numbers of samples from 1, got 0"),
        (np.array([2, 2], np.int32), "k: expected strictly ascending numbers"),
        (np.array([-1], np.int32), "k: expected strictly ascending numbers"),
        (np.array([1, 2, 3, 4, 5], np.int32)[::2], "k: expected a C-contiguous array"),
        (np.array([5], np.int32), r"k: 5 is more than the 4 samples recorded in stages\[0\].*record more"),
    ],
)
def test_bad_values_of_k_are_refused(k: Any, message: str) -> None:
    with pytest.raises(CONFIG, match=message):
        _core.sweep([recording()[0], recording()[2]], k)  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimator": "mean"}, "estimator: expected 'order' or 'subsets', got 'mean'"),
        ({"threads": -1}, "threads: expected at least 0"),
        ({"conditional": True}, "conditional: sampling order is not conditional on anything; .* estimator='subsets'"),
        (
            {"estimator": "subsets"},
            r"stages\[1\]: a custom gate's value is known of the recorded samples in their order",
        ),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    for function in ALL:
        with pytest.raises(CONFIG, match=message):
            function(recording(), K, **options)  # type: ignore[arg-type]
    with pytest.raises(CONFIG, match=message):
        _core.sweep_bootstrap(recording(), K, np.ones((2, 3)), **options)  # type: ignore[arg-type]


def test_stages_that_are_no_list_are_refused() -> None:
    for wrong, name in ((recording()[0], "dict"), ("stages", "str"), (None, "NoneType")):
        with pytest.raises(CONFIG, match=f"stages: expected a list of dicts, one a stage, got {name}"):
            _core.sweep(wrong, K)  # type: ignore[arg-type]


@pytest.mark.parametrize("estimator", ["order", "subsets"])
@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([[1.0, 1.0, 1.0]], CONFIG, "weights: expected a NumPy array, got list"),
        (np.ones((2, 3), np.int64), CONFIG, "weights: expected dtype float64, got int64"),
        (np.ones(3), CONFIG, r"weights: expected 2 dimensions, got the shape \(3\)"),
        (np.ones((3, 2)), CONFIG, r"weights: expected the shape \(resamples, 3\), got \(3, 2\)"),
        (np.ones((3, 3)).T[::2], CONFIG, "weights: expected a C-contiguous array"),
        (np.array([[1, 1, 1], [1, np.nan, 1]]), DATA, r"weights: .*got -?nan at resample 1, problem 1"),
        (np.array([[1, 1, np.inf]]), DATA, r"weights: expected finite .*got inf at resample 0, problem 2"),
        (np.array([[-1.0, 1, 1]]), DATA, r"weights: .*got -1\.0* at resample 0, problem 0"),
    ],
)
def test_bad_weights_are_refused(estimator: Any, weights: Any, error: type[Exception], message: str) -> None:
    first, _, last = recording()
    with pytest.raises(error, match=message):
        _core.sweep_bootstrap([first, last], K, weights, estimator=estimator)  # type: ignore[list-item]


def test_no_resamples_are_an_empty_answer() -> None:
    first, _, last = recording()
    drawn = _core.sweep_bootstrap([first, last], K, np.ones((0, 3)))  # type: ignore[list-item]
    assert drawn["correct"].shape == (0, 3, len(TAUS))
