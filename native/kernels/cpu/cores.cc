#include "kernels/cpu/cores.h"

#if defined(__linux__)
#include <sched.h>
#endif

#include <fstream>
#include <set>

namespace sdft::cpu {

std::vector<int> allowed_processors() {
  std::vector<int> processors;
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return processors;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor)
    if (CPU_ISSET(processor, &set)) processors.push_back(processor);
#endif
  return processors;
}

int count_cores(const std::string& folder, const std::vector<int>& processors) {
  // Processors of one core list the same siblings.
  std::set<std::string> cores;
  for (int processor : processors) {
    std::ifstream file(folder + "/cpu" + std::to_string(processor) + "/topology/thread_siblings_list");
    std::string siblings;
    if (std::getline(file, siblings)) cores.insert(siblings);
  }
  return static_cast<int>(cores.size());
}

}  // namespace sdft::cpu
