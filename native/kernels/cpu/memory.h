// Memory of the processor: of buffers, which cost nothing until they are used, and of weights, which are read as streams.
#pragma once
#include <cstdint>

namespace sdft::cpu {

/// 64-byte aligned, zeroed. From any thread. Throws Error("memory").
void* allocate_aligned(int64_t bytes);
/// The same for what is written whole and then read from end to end, again and again: side by side with others in huge pages. Many a matrix is smaller than one, and
/// in small pages it is read at two thirds of the speed.
void* allocate_side_by_side(int64_t bytes);
void release_aligned(void* memory);

}  // namespace sdft::cpu
