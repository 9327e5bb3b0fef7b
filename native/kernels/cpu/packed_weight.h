// Frozen matrices as the products read them: panels of P output columns (P = two vectors of the instruction set), within a panel input after input, so that
// a product walks memory once and in order. Columns past the last are zero.
#pragma once
#include <cstdint>
#include <memory>

#include "base/quants.h"
#include "base/thread_pool.h"
#include "kernels/backend.h"

namespace sdft::cpu {

/// f32:  [panel][K][P] floats.
/// bf16, f16: [panel][K][P / 2] words, column j in the low half and column j + P / 2 in the high half, so that widening is a shift and a mask.
/// The others: [panel][K / 32] blocks of scales and quants, value = scale · quant + minimum, every product scale · quant exact in float:
/// q4:   P scales, P minima (floats), then 4 rows of P words: word r holds the 4-bit quants of inputs 8r … 8r + 7, the first in the lowest bits.
/// q8:   P scales, then 8 rows of P words: word r holds quant + 128 of inputs 4r … 4r + 3, the first in the lowest bits.
/// q4_narrow, q8_narrow: the same with scales and minima in half precision, as Q4_0, Q4_1, Q5_0 and Q8_0 store them: a row alone waits for these bytes.
/// q8_minimum: P scales, P minima, then rows as of q8, quants (0 … 31) without the 128.
/// q8_halves:  P scales of inputs 0 … 15, P of inputs 16 … 31, then rows as of q8, quants (−32 … 31) plus 32 instead of 128.
enum class PanelKind { f32, bf16, f16, q4, q4_narrow, q8, q8_narrow, q8_minimum, q8_halves };

/// Inputs of a block.
using sdft::kGroup;

/// Whether a panel kind consists of integers, which integer products can take.
constexpr bool has_quants(PanelKind kind) { return kind >= PanelKind::q4; }
constexpr bool is_q4(PanelKind kind) { return kind == PanelKind::q4 || kind == PanelKind::q4_narrow; }
constexpr bool is_q8(PanelKind kind) { return kind == PanelKind::q8 || kind == PanelKind::q8_narrow; }

struct PackedWeight {
  PanelKind kind;
  int64_t rows, cols;       // O, I
  int64_t panel_columns;    // P
  int64_t panel_bytes;
  const char* panels;       // 64-byte aligned; null where only rows are read
  WeightSource source;      // embedding rows are read from here
  bool rounded;             // to the panels' kind (bf16, q8, q4), where the source holds other values
};

enum class Use { products, rows };

/// rows: nothing is packed, only read_row serves. Throws Error("weights") where rows are not of whole blocks, or hold numbers that cannot be quantised.
Weight pack_weight(const WeightSource& source, WeightFormat format, int64_t panel_columns, ThreadPool& pool, Use use = Use::products);
inline const PackedWeight& packed(const Weight& weight) { return *static_cast<const PackedWeight*>(weight.packed.get()); }
/// Row `row` (natural order) as floats, rounded as the panels are. out (cols).
void read_row(const PackedWeight& weight, int64_t row, float* out);

}  // namespace sdft::cpu
