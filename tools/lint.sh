#!/bin/bash
# All linters, one after another; stops at the first that complains. Run by `make lint`, which sets up what it needs.
# Usage: tools/lint.sh [JOBS]
set -euo pipefail
cd "$(dirname "$0")/.."
jobs=${1:-1}
mapfile -t cpp < <(git ls-files --cached --others --exclude-standard 'cpp/*.h' 'cpp/*.cpp' 'tests_cpp/*.h' 'tests_cpp/*.cpp' 'bench/*.h' 'bench/*.cpp')
mapfile -t core < <(git ls-files --cached --others --exclude-standard 'cpp/*.cpp')

step() { echo "lint: $1"; }
step layers;        python tools/check_layers.py
step clang-format;  clang-format --dry-run -Werror "${cpp[@]}"
step ruff;          ruff check --quiet; ruff format --check --quiet
step mypy;          mypy --no-error-summary python/cope
step clang-tidy;    printf '%s\0' "${core[@]}" | xargs -0 -n 1 -P "$jobs" clang-tidy --quiet -p build/debug 2> >(grep -v 'warnings\? generated' >&2)
