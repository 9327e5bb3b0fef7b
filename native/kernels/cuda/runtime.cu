#include "kernels/cuda/runtime.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace sdft::cuda {
namespace {

constexpr int64_t kHalfBytes = int64_t{2} << 20;
constexpr int64_t kAlignment = 256;
constexpr int64_t kSpareBytes = int64_t{4} << 20;

std::string megabytes(size_t bytes) { return std::to_string(bytes / 1000000) + " MB"; }

}  // namespace

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  if (status == cudaErrorMemoryAllocation) {
    size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    throw Error("memory", std::string("Expected enough device memory for ") + what + " but only " + megabytes(free) + " of " + megabytes(total) +
                              " are free; end other programs on the card, or choose a smaller batch or --weights q4");
  }
  throw Error("device", std::string("Expected the CUDA device to run ") + what + " but it reported: " + cudaGetErrorString(status) +
                            ". The device may be lost; what was saved stays saved.");
}

void check_launch(const char* kernel) { check(cudaGetLastError(), kernel); }

void* allocate_device(int64_t bytes) {
  void* memory = nullptr;
  const cudaError_t status = bytes < 0 ? cudaErrorMemoryAllocation : cudaMalloc(&memory, static_cast<size_t>(std::max<int64_t>(bytes, 1)));
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    throw Error("memory", "Expected " + megabytes(static_cast<size_t>(std::max<int64_t>(bytes, 0))) + " of device memory but only " + megabytes(free) + " of " +
                              megabytes(total) + " are free; end other programs on the card, or choose a smaller batch or --weights q4");
  }
  check(status, "an allocation");
  return memory;
}

Scratch::~Scratch() {
  for (Buffer& buffer : buffers_) arena_.give_back(buffer.data);
}

void* Scratch::grow(Slot slot, int64_t bytes) {
  Buffer& buffer = buffers_[slot];
  if (bytes <= buffer.bytes && buffer.data != nullptr) return buffer.data;
  // Small ones grow with room to spare, so that a step's addresses seldom change.
  const int64_t spare = buffer.bytes < kSpareBytes ? buffer.bytes / 2 : 0;
  const int64_t wanted = round_up(std::max<int64_t>(bytes, 1) + spare, kAlignment);
  arena_.give_back(buffer.data);
  buffer.data = nullptr;
  buffer.bytes = 0;
  buffer.data = arena_.take(wanted);
  buffer.bytes = wanted;
  return buffer.data;
}

int64_t Scratch::bytes() const {
  int64_t sum = 0;
  for (const Buffer& buffer : buffers_) sum += buffer.bytes;
  return sum;
}

Staging::Staging(Stream stream) : stream_(stream) {
  void* memory = nullptr;
  check(cudaMallocHost(&memory, static_cast<size_t>(2 * kHalfBytes)), "pinned memory");
  memory_ = static_cast<char*>(memory);
  for (Half& half : halves_) check(cudaEventCreateWithFlags(&half.done, cudaEventDisableTiming), "an event");
}

Staging::~Staging() {
  cudaStreamSynchronize(stream_);
  for (Half& half : halves_) cudaEventDestroy(half.done);
  cudaFreeHost(memory_);
}

/// Goes to the other half, waiting until its copies have been made.
void Staging::turn() {
  check(cudaEventRecord(halves_[half_].done, stream_), "an upload");
  halves_[half_].used = true;
  half_ = 1 - half_;
  filled_ = 0;
  if (halves_[half_].used) check(cudaEventSynchronize(halves_[half_].done), "an upload");
}

void Staging::watch() {
  watching_ = apart_ = true;
  ranges_.clear();
}

bool Staging::stop_watching() {
  watching_ = false;
  return apart_;
}

void Staging::upload(void* device, const void* host, int64_t bytes) {
  if (paused_ || bytes == 0) return;
  if (watching_) {
    const Range own{static_cast<const char*>(device), static_cast<const char*>(device) + bytes};
    for (const Range& other : ranges_) apart_ = apart_ && (own.end <= other.begin || other.end <= own.begin);
    ranges_.push_back(own);
  }
  for (int64_t at = 0; at < bytes;) {
    if (filled_ == kHalfBytes) turn();
    const int64_t part = std::min(bytes - at, kHalfBytes - filled_);
    char* staged = memory_ + half_ * kHalfBytes + filled_;
    std::memcpy(staged, static_cast<const char*>(host) + at, static_cast<size_t>(part));
    check(cudaMemcpyAsync(static_cast<char*>(device) + at, staged, static_cast<size_t>(part), cudaMemcpyHostToDevice, stream_), "an upload");
    filled_ = std::min(kHalfBytes, round_up(filled_ + part, 16));
    at += part;
  }
}

const void* KeptTable::keep(const void* entries, int64_t bytes, Scratch& scratch, Staging& staging) {
  char* device = scratch.take<char>(slot_, bytes);
  const auto* from = static_cast<const char*>(entries);
  if (device == device_ && static_cast<int64_t>(sent_.size()) == bytes && std::equal(sent_.begin(), sent_.end(), from)) return device;
  staging.upload(device, entries, bytes);
  device_ = device;
  sent_.assign(from, from + bytes);
  return device;
}

}  // namespace sdft::cuda
