// The CUDA runtime as the backend uses it: calls that throw, one stream, scratch memory that grows, and pinned staging for uploads.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/rows.h"

namespace sdft::cuda {

using Stream = cudaStream_t;

/// Throws Error("memory") for want of memory (with what the device has free), Error("device") for anything else.
void check(cudaError_t status, const char* what);
/// After a launch.
void check_launch(const char* kernel);

/// Device memory. Throws Error("memory") naming the bytes wanted and free.
void* allocate_device(int64_t bytes);

/// Scratch memory of one backend: a few buffers that grow to what was ever asked. Contents are lost at the next request of the same slot.
class Scratch {
 public:
  explicit Scratch(Stream stream) : stream_(stream) {}
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// Buffers that live side by side.
  enum Slot { activations, second_activations, weights, logits, partial_sums, key_rows, value_rows, key_pages, value_pages, attention_sums, tables, frequencies, squares, kSlots };
  template <class Element>
  Element* take(Slot slot, int64_t count) {
    return static_cast<Element*>(grow(slot, count * static_cast<int64_t>(sizeof(Element))));
  }
  int64_t bytes() const;

 private:
  void* grow(Slot slot, int64_t bytes);
  struct Buffer {
    void* data = nullptr;
    int64_t bytes = 0;
  };
  Stream stream_;
  Buffer buffers_[kSlots];
};

/// Pinned memory through which small uploads go: the caller's memory may be reused at once, and the stream is not waited for.
class Staging {
 public:
  explicit Staging(Stream stream);
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  void upload(void* device, const void* host, int64_t bytes);

 private:
  struct Half {
    cudaEvent_t done;
    bool used = false;
  };
  void turn();
  Stream stream_;
  char* memory_ = nullptr;
  Half halves_[2];
  int half_ = 0;
  int64_t filled_ = 0;
};

}  // namespace sdft::cuda
