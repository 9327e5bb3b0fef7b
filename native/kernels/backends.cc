#include "kernels/backends.h"

#include <algorithm>
#include <thread>

#include "base/error.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/cores.h"
#include "kernels/cpu/features.h"
#include "kernels/cuda_library.h"
#include "kernels/reference/reference.h"

namespace sdft {
std::vector<std::string> cpu_features() {
  std::vector<std::string> names;
  for (cpu::InstructionSet set : cpu::available_instruction_sets()) names.push_back(cpu::instruction_set_name(set));
  return names;
}

std::string cpu_instruction_set() {
  try {
    return cpu::instruction_set_name(cpu::choose_instruction_set());
  } catch (const Error&) {
    return "";  // list_backends says why
  }
}

int physical_cores() {
  const int visible = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const int cores = cpu::count_cores("/sys/devices/system/cpu", cpu::allowed_processors());
  return cores == 0 ? visible : std::min(visible, cores);
}

std::vector<BackendInfo> list_backends() {
  BackendInfo cpu{"cpu", true, ""};
  try {
    cpu.detail = std::string(cpu::instruction_set_name(cpu::choose_instruction_set())) + ", " + std::to_string(physical_cores()) + " cores";
  } catch (const Error& error) {
    cpu = {"cpu", false, error.what()};
  }
  const CudaFacts cuda = cuda_facts();
  return {cpu, {"reference", true, "plain loops in one thread, for checking"}, {"cuda", cuda.usable, cuda.reason}};
}

std::unique_ptr<Backend> make_backend(const std::string& name, int threads, bool batch_invariant) {
  if (name == "cpu") return make_cpu(threads > 0 ? threads : physical_cores());
  if (name == "reference") return make_reference_float();
  if (name == "reference-double") return make_reference_double();
  if (name == "cuda") return make_cuda(batch_invariant);
  throw Error("backend", "Expected a backend of cpu, reference, reference-double, cuda but received \"" + name + "\"");
}

}  // namespace sdft
