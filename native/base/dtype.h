// Stored number formats: plain floats and the GGUF blocks, and how to turn a run of them into floats.
#pragma once
#include <cstdint>
#include <string>

namespace sdft {

enum class DType { f32, bf16, f16, q4_0, q4_1, q5_0, q5_1, q8_0, q4_k, q5_k, q6_k };

/// Order of the stored rows. interleaved: GGUF's llama order of query and key rows, stored row (head, i, j) of (H, D/2, 2) is row (head, j, i) of (H, 2, D/2).
enum class RowOrder { natural, interleaved };

/// Throws Error("dtype") for a name that is not one of the above (lower case).
DType parse_dtype(const std::string& name);
const char* dtype_name(DType type);
/// Elements in one block (1 for plain floats, 32 or 256 for quantised ones).
int64_t block_elements(DType type);
/// Bytes of one block.
int64_t block_bytes(DType type);
/// Bytes of `count` elements; count must be a multiple of block_elements.
int64_t stored_bytes(DType type, int64_t count);
/// out[0…count) = the values stored from `data` on, which need not be aligned. Exact, but for formats with a minimum (q4_1, q5_1, q4_k, q5_k): there
/// scale · quant is exact and the sum with the minimum is rounded once, as ggml does. count: a multiple of block_elements.
void dequantize(DType type, const void* data, int64_t count, float* out);

/// The stored row that holds row `row` of the natural order. Bijective within each head of `head_size` (even) rows.
inline int64_t stored_row(RowOrder order, int64_t row, int64_t head_size) {
  if (order == RowOrder::natural) return row;
  const int64_t within = row % head_size, half = head_size / 2;
  return row - within + 2 * (within % half) + within / half;
}

}  // namespace sdft
