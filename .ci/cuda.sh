#!/usr/bin/env bash
# Builds libsdft_cuda.so from NVIDIA's wheels and checks it without a GPU (docs/cuda.md). SDFT_CI_CUDA=1: for 80 and 90 with PTX; all: for every architecture,
# which takes three times as long. The wheels (110 MB) are kept in SDFT_CUDA_WHEELS.
set -euo pipefail
cd "$(dirname "$0")/.."
wheels=${SDFT_CUDA_WHEELS:-$HOME/.cache/sdft-cuda-wheels}
tools=$wheels/nvidia/cu13/bin
if [ ! -x "$tools/nvcc" ] || [ ! -x "$tools/cuobjdump" ]; then
  python3 -m venv "$wheels.venv"
  "$wheels.venv/bin/pip" install --quiet --target "$wheels" "cuda-toolkit[nvcc,cudart,cccl,crt,nvvm]==13.0.2" \
    nvidia-cuda-cuobjdump==13.5.37 nvidia-cuda-nvdisasm==13.5.37
fi
architectures="80-real;90"
if [ "${SDFT_CI_CUDA:-1}" = all ]; then architectures="80-real;86-real;89-real;90-real;100-real;120"; fi
build=${SDFT_CUDA_BUILD:-build/cuda}
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DSDFT_CUDA=ON -DSDFT_CUDA_WHEELS="$wheels" -DSDFT_CUDA_ARCHS="$architectures" >/dev/null
cmake --build "$build" --target sdft_cuda --parallel "${SDFT_CI_JOBS:-2}"
node scripts/check-cuda.mjs "$build/libsdft_cuda.so" "$tools/cuobjdump" "$tools/nvdisasm"
