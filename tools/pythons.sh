#!/bin/bash
# With each CPython from 3.10 to 3.13 that is on PATH or pyenv's: builds a wheel, installs it in a clean environment, runs a quick part of the tests on it,
# and one that runs the embedded pair; makes an editable install, which must compile a source that has changed when cope is imported. Objects are kept in
# build/python-3.*, so that a second time compiles what changed.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
source=cpp/bindings/module.cpp
touch -r "$source" "$work/when"
trap 'touch -r "$work/when" "$source"; rm -rf "$work"' EXIT
pyenv_versions=$(pyenv root 2>/dev/null || true)/versions

# What a version of Python is likeliest to change, without the optional packages.
quick=(api.py cascade.py cli.py compare.py config.py methods.py models.py money.py packaging.py problems.py prompts.py result.py running.py
  stats.py tables.py tasks.py trace.py)

wheel_of() { # <environment> <minor version>
  "$1/build/bin/pip" --quiet wheel --no-deps --no-build-isolation --config-settings=build-dir="build/python-3.$2" --wheel-dir "$1" .
  "$1/build/bin/python" -m venv "$1/clean"
  "$1/clean/bin/pip" --quiet install "$(echo "$1"/cope_llm-*.whl)[local]" 'hypothesis>=6.100' 'pytest>=8' 'pytest-timeout>=2.3'
  (cd "$1" && clean/bin/python -W error -c 'import cope' && clean/bin/cope --help >/dev/null)
}

editable_of() { # <environment> <minor version>
  "$1/build/bin/pip" --quiet install --no-build-isolation --config-settings=build-dir="build/python-3.$2" \
    --config-settings=editable.rebuild=true --config-settings=editable.verbose=false --editable .
  local built extension='from cope import _core; import os; print(os.stat(_core.__file__).st_mtime_ns)'
  built=$("$1/build/bin/python" -c "$extension")
  touch "$source"
  [ "$("$1/build/bin/python" -c "$extension")" -gt "$built" ] || {
    echo "pythons: Python 3.$2: the editable install did not compile $source again after it had changed" >&2
    return 1
  }
}

tests_of() { # <environment>; of the wheel: an editable install would look for changes in each of the processes that the tests start
  local python=$1/clean/bin/python
  "$python" -m pytest -q -r fE -p no:cacheprovider -m 'not slow and not live' "${quick[@]/#/tests_py/test_}"
  "$python" -m pytest -q -r fE -p no:cacheprovider tests_py/test_demo.py::test_the_demo_compares_the_methods_and_shows_one_problem
}

tried=0
for minor in 10 11 12 13; do
  for python in "$pyenv_versions"/3.$minor.*/bin/python "$(PYENV_VERSION=system command -v python3.$minor || true)" "$(command -v python3 || true)"; do
    [ -x "$python" ] && "$python" -c "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, $minor))" 2>/dev/null || continue
    env=$work/$minor
    "$python" -m venv "$env/build"
    "$env/build/bin/pip" --quiet install 'cmake>=3.24' 'ninja>=1.11' 'scikit-build-core>=0.11' 'pybind11>=2.13.6'
    export PATH=$env/build/bin:$PATH
    wheel_of "$env" "$minor"
    editable_of "$env" "$minor"
    tests_of "$env"
    "$env/build/bin/python" -c 'import sys; print("Python", sys.version.split()[0], "builds, rebuilds and passes the tests")'
    tried=$((tried + 1))
    break
  done
done
[ "$tried" -gt 0 ]
