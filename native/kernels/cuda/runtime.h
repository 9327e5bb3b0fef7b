// The CUDA runtime as the backend uses it: calls that throw, one stream, scratch memory that grows, and pinned staging for uploads.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/cuda/arena.h"
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
  Scratch(Stream stream, Arena& arena) : stream_(stream), arena_(arena) {}
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// Buffers that live side by side.
  enum Slot { activations, second_activations, weights, logits, partial_sums, key_rows, value_rows, key_pages, value_pages, attention_sums, tables, frequencies, squares, trained, measured, draws, marks, drawn, kSlots };
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
  Arena& arena_;
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

  /// From now on notes where uploads go; stop_watching says whether no two went to the same place.
  void watch();
  bool stop_watching();
  /// Paused, uploads are left out.
  void pause(bool paused) { paused_ = paused; }

 private:
  struct Range {
    const char *begin, *end;
  };
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
  bool watching_ = false, apart_ = true, paused_ = false;
  std::vector<Range> ranges_;
};

/// A table in a slot of its own, sent again only where it is not what the device has. Entries have no padding.
class KeptTable {
 public:
  explicit KeptTable(Scratch::Slot slot) : slot_(slot) {}
  template <class Entry>
  const Entry* keep(const std::vector<Entry>& entries, Scratch& scratch, Staging& staging) {
    return static_cast<const Entry*>(keep(entries.data(), static_cast<int64_t>(entries.size() * sizeof(Entry)), scratch, staging));
  }

 private:
  const void* keep(const void* entries, int64_t bytes, Scratch& scratch, Staging& staging);
  Scratch::Slot slot_;
  const void* device_ = nullptr;
  std::vector<char> sent_;
};

}  // namespace sdft::cuda
