#include "kernels/cuda/arena.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "kernels/cuda/runtime.h"

namespace sdft::cuda {
namespace {

constexpr int64_t kAlignment = 256;

}  // namespace

Arena::~Arena() { cudaFree(piece_); }

void Arena::reserve(int64_t bytes) {
  require(piece_ == nullptr, "state", "Expected device memory to be reserved once");
  piece_bytes_ = round_up(std::max<int64_t>(bytes, 1), kAlignment);
  piece_ = static_cast<char*>(allocate_device(piece_bytes_));
  blocks_[piece_] = {piece_bytes_, true};
}

void* Arena::take(int64_t bytes) {
  const int64_t wanted = round_up(std::max<int64_t>(bytes, 1), kAlignment);
  // The smallest that is large enough: buffers of a step come back in the same sizes.
  auto best = blocks_.end();
  for (auto block = blocks_.begin(); block != blocks_.end(); ++block)
    if (block->second.free && block->second.bytes >= wanted && (best == blocks_.end() || block->second.bytes < best->second.bytes)) best = block;
  if (best == blocks_.end()) return allocate_device(bytes);
  if (best->second.bytes > wanted) blocks_[best->first + wanted] = {best->second.bytes - wanted, true};
  best->second = {wanted, false};
  return best->first;
}

void Arena::give_back(void* memory) {
  if (memory == nullptr) return;
  auto block = blocks_.find(static_cast<char*>(memory));
  if (block == blocks_.end()) {
    // Something may still read it. A lost device is reported by the next call that computes.
    cudaDeviceSynchronize();
    cudaFree(memory);
    return;
  }
  block->second.free = true;
  const auto next = std::next(block);
  if (next != blocks_.end() && next->second.free) {
    block->second.bytes += next->second.bytes;
    blocks_.erase(next);
  }
  if (block == blocks_.begin()) return;
  const auto before = std::prev(block);
  if (!before->second.free) return;
  before->second.bytes += block->second.bytes;
  blocks_.erase(block);
}

int64_t Arena::free_bytes() const {
  int64_t sum = 0;
  for (const auto& [address, block] : blocks_) sum += block.free ? block.bytes : 0;
  return sum;
}

}  // namespace sdft::cuda
