// The `reference` backend: every method as plain loops in one thread, checking the shapes and indices it is given. What other backends are measured by.
#pragma once
#include <memory>

#include "kernels/backend.h"

namespace sdft {

/// Reals are floats; sums are taken in double and rounded once.
std::unique_ptr<Backend> make_reference_float();
/// Reals are doubles: for finite differences.
std::unique_ptr<Backend> make_reference_double();

}  // namespace sdft
