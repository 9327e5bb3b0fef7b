// Steps that come again: their launches are recorded once as a graph and replayed, which costs one call instead of hundreds. Before each replay the step is walked
// through without launching, so that its uploads take place and every launch is compared with what was recorded; a step that differs is run as it is.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "kernels/cuda/runtime.h"

namespace sdft::cuda {

class Replay {
 public:
  /// `stream` is what the walk launches into, by way of `set_stream`.
  Replay(Stream stream, Staging& staging, std::function<void(Stream)> set_stream) : stream_(stream), staging_(staging), set_stream_(std::move(set_stream)) {}
  ~Replay();
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  /// The first time, and wherever the launches are not those of the last time: `body` as it is. Otherwise recorded, and from then on replayed. Where the driver
  /// doesn't record, always as it is.
  void run(uint64_t key, const std::function<void()>& body);

 private:
  struct Step {
    std::vector<uint64_t> launches;  // prints, in order
    cudaGraphExec_t graph = nullptr;
  };
  void run_noting(Step& step, const std::function<void()>& body);
  bool walk_alike(const Step& step, const std::function<void()>& body);
  bool record(Step& step, const std::function<void()>& body);
  void forget(Step& step);

  Stream stream_;
  Staging& staging_;
  std::function<void(Stream)> set_stream_;
  Stream recording_ = nullptr;
  bool refused_ = false;
  std::map<uint64_t, Step> steps_;
};

}  // namespace sdft::cuda
