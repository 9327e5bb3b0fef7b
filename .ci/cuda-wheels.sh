# Sourced: NVIDIA's compiler as wheels (110 MB, kept in SDFT_CUDA_WHEELS); sets `wheels` and `tools`, and `fetch_wheels FOLDER WHEEL…` for more of them.
wheels=${SDFT_CUDA_WHEELS:-$HOME/.cache/sdft-cuda-wheels}
tools=$wheels/nvidia/cu13/bin
fetch_wheels() {
  local folder=$1
  shift
  if [ ! -x "$wheels.venv/bin/pip" ]; then python3 -m venv "$wheels.venv"; fi
  "$wheels.venv/bin/pip" install --quiet --no-cache-dir --target "$folder" "$@"
}
if [ ! -x "$tools/nvcc" ] || [ ! -x "$tools/cuobjdump" ] || [ ! -x "$tools/nvdisasm" ]; then
  fetch_wheels "$wheels" "cuda-toolkit[nvcc,cudart,cccl,crt,nvvm]==13.0.2" nvidia-cuda-cuobjdump==13.5.37 nvidia-cuda-nvdisasm==13.5.37
fi
