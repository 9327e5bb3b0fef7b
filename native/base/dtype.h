// Stored number formats: plain floats and the GGUF blocks, and how to turn a run of them into floats.
#pragma once
#include <cstdint>
#include <string>

namespace sdft {

enum class DType { f32, bf16, f16, q4_0, q4_1, q5_0, q5_1, q8_0, q4_k, q5_k, q6_k };

/// Throws Error("dtype") for a name that is not one of the above (lower case).
DType parse_dtype(const std::string& name);
const char* dtype_name(DType type);
/// Elements in one block (1 for plain floats, 32 or 256 for quantised ones).
int64_t block_elements(DType type);
/// Bytes of one block.
int64_t block_bytes(DType type);
/// Bytes of `count` elements; count must be a multiple of block_elements.
int64_t stored_bytes(DType type, int64_t count);
/// out[0…count) = the exact values stored from `data` on (f32 holds every one). count: a multiple of block_elements.
void dequantize(DType type, const void* data, int64_t count, float* out);

}  // namespace sdft
