#!/usr/bin/env bash
# Compares what native/kernels/cuda/cublaslt_api.h declares with NVIDIA's own cublasLt.h. That comes only with a wheel of 423 MB, so this runs only where asked:
# SDFT_CI_CUBLASLT=1. SDFT_CUBLASLT_HEADERS names a folder that holds the header already. The runtime's headers are those of .ci/cuda.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/cuda-wheels.sh
headers=${SDFT_CUBLASLT_HEADERS:-$wheels.cublas/nvidia/cu13/include}
if [ ! -e "$headers/cublasLt.h" ]; then fetch_wheels "$wheels.cublas" --no-deps nvidia-cublas==13.1.0.3; fi
"${CXX:-c++}" -std=c++17 -fsyntax-only -isystem "$wheels/nvidia/cu13/include" -isystem "$headers" -Inative test/cuda/headers/cublaslt.cc
echo "cublaslt_api.h agrees with $headers/cublasLt.h"
