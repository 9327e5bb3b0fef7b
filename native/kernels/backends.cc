#include "kernels/backends.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <thread>

#include "base/error.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/features.h"
#include "kernels/reference/reference.h"

namespace sdft {
namespace {

const char* const kNoCuda = "not built: this build has no CUDA kernels";

}  // namespace

std::vector<std::string> cpu_features() {
  std::vector<std::string> names;
  for (cpu::InstructionSet set : cpu::available_instruction_sets()) names.push_back(cpu::instruction_set_name(set));
  return names;
}

int physical_cores() {
  // Threads of one core list the same siblings.
  const int visible = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  std::set<std::string> cores;
  for (int cpu = 0;; ++cpu) {
    std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
    std::string siblings;
    if (!std::getline(file, siblings)) break;
    cores.insert(siblings);
  }
  return cores.empty() ? visible : std::min(visible, static_cast<int>(cores.size()));
}

std::vector<BackendInfo> list_backends() {
  BackendInfo cpu{"cpu", true, ""};
  try {
    cpu.detail = std::string(cpu::instruction_set_name(cpu::choose_instruction_set())) + ", " + std::to_string(physical_cores()) + " cores";
  } catch (const Error& error) {
    cpu = {"cpu", false, error.what()};
  }
  return {cpu, {"reference", true, "plain loops in one thread, for checking"}, {"cuda", false, kNoCuda}};
}

std::unique_ptr<Backend> make_backend(const std::string& name, int threads) {
  if (name == "cpu") return make_cpu(threads > 0 ? threads : physical_cores());
  if (name == "reference") return make_reference_float();
  if (name == "reference-double") return make_reference_double();
  if (name == "cuda") throw Error("backend", "The backend cuda is off (" + std::string(kNoCuda) + "); use cpu");
  throw Error("backend", "Expected a backend of cpu, reference, reference-double, cuda but received \"" + name + "\"");
}

}  // namespace sdft
