// Frozen matrices as the products read them: panels of P output columns (P = two vectors of the instruction set), within a panel input after input, so that
// a product walks memory once and in order. Columns past the last are zero.
#pragma once
#include <cstdint>
#include <memory>

#include "base/thread_pool.h"
#include "kernels/backend.h"

namespace sdft::cpu {

/// f32:  [panel][K][P] floats.
/// bf16: [panel][K][P / 2] words, column j in the low half and column j + P / 2 in the high half, so that widening is a shift and a mask.
/// q4:   [panel][K / 32] Q4 blocks, value = scale · quant + minimum: P scales, P minima (floats), then 4 rows of P words: word r holds the 4-bit quants of
///       inputs 8r … 8r + 7, the first in the lowest bits.
/// q8:   [panel][K / 32] Q8 blocks, value = scale · quant: P scales, then [32][P] signed bytes.
enum class PanelKind { f32, bf16, q4, q8 };

/// Inputs that share a scale.
constexpr int64_t kGroup = 32;

struct PackedWeight {
  PanelKind kind;
  int64_t rows, cols;       // O, I
  int64_t panel_columns;    // P
  int64_t panel_bytes;
  const char* panels;       // 64-byte aligned
  WeightSource source;      // embedding rows are read from here
  bool rounded;             // to bf16, where the source holds more
};

/// Throws Error("weights") for what is not built yet.
Weight pack_weight(const WeightSource& source, WeightFormat format, int64_t panel_columns, ThreadPool& pool);
inline const PackedWeight& packed(const Weight& weight) { return *static_cast<const PackedWeight*>(weight.packed.get()); }
/// Row `row` (natural order) as floats, rounded as the panels are. out (cols).
void read_row(const PackedWeight& weight, int64_t row, float* out);

}  // namespace sdft::cpu
