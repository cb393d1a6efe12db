#!/bin/bash
# Builds the fuzzers with clang and the sanitizers, and runs each for a while from a few seeds and what earlier runs found.
# Usage: fuzz/run.sh [SECONDS_EACH [SEED]]; a finding ends the run, with its input in build/fuzz/findings. The seed is fixed, so that a check that
# passed passes again; long hunts give another.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
seed=${2:-1}
CXX=clang++ cmake -S . -B build/fuzz -G Ninja --log-level=WARNING -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCOPE_BUILD_FUZZ=ON -DCOPE_BUILD_BINDINGS=OFF \
  -DCOPE_SANITIZE=address,undefined -DCMAKE_CXX_FLAGS=-fsanitize=fuzzer-no-link
cmake --build build/fuzz --target fuzz_extract fuzz_parse fuzz_grade fuzz_program
mkdir -p build/fuzz/findings
for target in extract parse grade program; do
  corpus=build/fuzz/corpus/$target
  mkdir -p "$corpus"
  echo "fuzz: $target for $seconds s"
  build/fuzz/fuzz/fuzz_$target -seed="$seed" -max_total_time="$seconds" -max_len=600 -timeout=20 -dict=fuzz/answers.dict \
    -artifact_prefix=build/fuzz/findings/$target- -verbosity=0 -print_final_stats=1 "$corpus" fuzz/seeds
done
