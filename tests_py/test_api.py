"""The public names, and the examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
from types import ModuleType

import pytest

import cope

MODULES = (
    "_money", "_progress", "cascade", "compare", "errors", "methods", "models", "prices", "problems", "prompts", "result", "running", "spec", "tasks", "trace",
)  # fmt: skip


def test_a_star_import_hides_no_builtin() -> None:
    names: dict[str, object] = {}
    exec("from cope import *", names)
    assert set(cope.__all__) <= set(names)
    assert names.get("open", open) is open


def test_every_public_name_is_there_and_listed_for_completion() -> None:
    for name in [*cope.__all__, "open", "__version__"]:
        assert getattr(cope, name) is not None
        assert name in dir(cope)


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(AttributeError, match="'cope' has no attribute 'models_'"):
        cope.models_  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = "numpy", "pandas", "pyarrow", "scipy", "rich", "matplotlib", "xllamacpp"
    code = f"import sys, cope; print([name for name in {heavy!r} if name in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip() == "[]"
    )


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_hold(name: str) -> None:
    module = importlib.import_module(f"cope.{name}")
    finder, runner = doctest.DocTestFinder(exclude_empty=True), doctest.DocTestRunner()
    for example in finder.find(module, globs=_names(module)):
        runner.run(example)
    assert runner.failures == 0


def _names(module: ModuleType) -> dict[str, object]:
    return {**vars(cope), **vars(module), "cope": cope}


def test_the_errors_form_the_tree_that_the_docs_draw() -> None:
    assert issubclass(cope.ConfigError, (cope.Error, ValueError))
    assert issubclass(cope.DataError, ValueError)
    assert all(
        issubclass(error, cope.EndpointError)
        for error in (cope.AuthenticationError, cope.RateLimitError, cope.BadRequestError)
    )
    assert issubclass(cope.EndpointError, cope.Error)
