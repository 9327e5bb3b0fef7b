// Counting cores from a folder written like Linux's /sys/devices/system/cpu.
#include "kernels/cpu/cores.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "harness.h"

namespace sdft::test {
namespace {

/// Processors of which each names its siblings.
struct ProcessorFolder {
  std::string path;

  explicit ProcessorFolder(const std::vector<std::string>& siblings) {
    path = (std::filesystem::temp_directory_path() / "sdft-cores-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) fail("no temporary folder at " + path);
    for (size_t i = 0; i < siblings.size(); ++i) {
      const std::string topology = path + "/cpu" + std::to_string(i) + "/topology";
      std::filesystem::create_directories(topology);
      std::ofstream(topology + "/thread_siblings_list") << siblings[i] << "\n";
    }
  }
  ~ProcessorFolder() { std::filesystem::remove_all(path); }
};

CASE("cores.count_cores counts processors of one core once, and only those allowed") {
  const ProcessorFolder folder({"0,2", "1,3", "0,2", "1,3"});
  CHECK(cpu::count_cores(folder.path, {0, 1, 2, 3}) == 2);
  CHECK(cpu::count_cores(folder.path, {0, 2}) == 1);
  CHECK(cpu::count_cores(folder.path, {1, 2}) == 2);
}

CASE("cores.count_cores is 0 where the system says nothing") {
  const ProcessorFolder folder({});
  CHECK(cpu::count_cores(folder.path, {0, 1}) == 0);
  CHECK(cpu::count_cores(folder.path, {}) == 0);
}

#if defined(__linux__)
CASE("cores.allowed_processors names at least one") { CHECK(!cpu::allowed_processors().empty()); }
#endif

}  // namespace
}  // namespace sdft::test
