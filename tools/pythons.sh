#!/bin/bash
# With each CPython from 3.10 to 3.13 that is on PATH or pyenv's: builds a wheel as a user would, installs it in a clean environment, imports it.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
pyenv_versions=$(pyenv root 2>/dev/null || true)/versions

tried=0
for minor in 10 11 12 13; do
  for python in "$pyenv_versions"/3.$minor.*/bin/python "$(PYENV_VERSION=system command -v python3.$minor || true)" "$(command -v python3 || true)"; do
    [ -x "$python" ] && "$python" -c "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, $minor))" 2>/dev/null || continue
    env=$work/$minor
    "$python" -m venv "$env/build"
    "$env/build/bin/pip" --quiet wheel --no-deps --wheel-dir "$env" .
    "$python" -m venv "$env/clean"
    "$env/clean/bin/pip" --quiet install "$env"/cope_llm-*.whl
    (cd "$env" && clean/bin/python -W error -c 'import cope, sys; print("Python", sys.version.split()[0], "imports cope", cope.__version__)' && clean/bin/cope --help >/dev/null)
    tried=$((tried + 1))
    break
  done
done
[ "$tried" -gt 0 ]
