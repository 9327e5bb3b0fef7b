// The list of backends: which exist in this build, on what they run, and why one is off.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "kernels/backend.h"

namespace sdft {

struct BackendInfo {
  std::string name;
  bool available;
  std::string detail;  // what it runs on, or why it is off
};

/// cpu, reference, cuda, in this order.
std::vector<BackendInfo> list_backends();
/// Instruction sets of this processor, of those that kernels are compiled for.
std::vector<std::string> cpu_features();
/// The one that cpu takes; empty where cpu is off.
std::string cpu_instruction_set();
/// Cores that this process may use, at least one.
int physical_cores();
/// `cpu`, `reference`, `reference-double` or `cuda`. `batch_invariant`: a row's bits do not depend on the other rows of its batch; all but cuda are always so.
/// Throws Error("backend") with the reason where it is off.
std::unique_ptr<Backend> make_backend(const std::string& name, int threads, bool batch_invariant = false);

}  // namespace sdft
