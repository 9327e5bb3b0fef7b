// What every backend asks of its arguments before it touches memory. `what` names the argument in the message.
#pragma once
#include "kernels/backend.h"

namespace sdft {

/// Throws Error("shape") unless the tensor has these rows and columns, and memory for them.
void expect(const char* what, Tensor tensor, int64_t rows, int64_t cols);
/// Throws Error("shape") unless there are `count` of them, Error("index") unless all are in [0, bound). Reads them: for indices in host memory.
void expect(const char* what, Indices indices, int64_t count, int64_t bound);
/// Throws Error("segments") unless each lies inside so many rows and one of them asks.
void expect(Segments segments, int64_t rows);
/// Throws Error("segments") unless each has a page below `pages` for every position up to its last one.
void expect_pages(Segments segments, int64_t pages);
/// Throws Error("segments") unless attention in both directions can take them: no parents, no window, from position 0 on.
void expect_apart(Segments segments, const AttentionShape& shape);

}  // namespace sdft
