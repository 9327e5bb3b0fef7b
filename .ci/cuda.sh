#!/usr/bin/env bash
# Builds libsdft_cuda.so from NVIDIA's wheels for every architecture and checks it without a GPU (docs/cuda.md). The wheels are kept in SDFT_CUDA_WHEELS.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/cuda-wheels.sh
build=${SDFT_CUDA_BUILD:-build/cuda}
# A list that is left in the environment would make another library than the one that is checked.
unset SDFT_CUDA_ARCHS CUDAARCHS
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DSDFT_CUDA=ON -DSDFT_CUDA_WHEELS="$wheels" >/dev/null
cmake --build "$build" --target sdft_cuda --parallel "${SDFT_CI_JOBS:-2}"
node scripts/check-cuda.mjs "$build/libsdft_cuda.so" "$tools/cuobjdump" "$tools/nvdisasm" "80 86 89 90 100 120"
