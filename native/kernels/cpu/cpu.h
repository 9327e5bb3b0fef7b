// The `cpu` backend: blocked, vectorised for the instruction set found at run time, threaded.
#pragma once
#include <memory>

#include "kernels/backend.h"

namespace sdft {

/// `threads` counts the caller. Throws Error("threads") for a senseless number, Error("backend") for a wrong SDFT_CPU.
std::unique_ptr<Backend> make_cpu(int threads);

}  // namespace sdft
