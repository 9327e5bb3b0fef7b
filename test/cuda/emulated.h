// The cuda backend on the emulator, under each schedule.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cuda_emulator.h"
#include "harness.h"
#include "kernels/cuda/library.h"

namespace sdft::test {

struct Schedule {
  const char* name;
  emulator::Settings settings;
};

/// Threads first to last, last to first, and two draws; asynchronous copies and streams as early as they may and as late as they must.
inline const std::vector<Schedule>& schedules() {
  using emulator::Order;
  using emulator::Timing;
  static const std::vector<Schedule> all = {{"forward, lazy copies", {Order::forward, 1, Timing::lazy, Timing::eager}},
                                            {"reverse, eager copies, lazy stream", {Order::reverse, 1, Timing::eager, Timing::lazy}},
                                            {"random, lazy copies, lazy stream", {Order::random, 1, Timing::lazy, Timing::lazy}},
                                            {"random, eager copies", {Order::random, 2, Timing::eager, Timing::eager}}};
  return all;
}

inline std::unique_ptr<Backend> emulated_backend(cuda::BackendOptions options = {0, false, false}) { return std::unique_ptr<Backend>(sdft_cuda_create(&options)); }

}  // namespace sdft::test
