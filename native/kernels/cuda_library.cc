#include "kernels/cuda_library.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/shared_library.h"
#include "kernels/cuda/library.h"

namespace sdft {
namespace {

/// The oldest driver that a library built with CUDA 13 or 12 runs on, by the runtime it was built with.
int oldest_driver(int runtime) { return runtime >= 13000 ? 13000 : 12000; }
constexpr int kOldestCapability = 80;

std::string version_text(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

std::string beside_the_addon() {
  Dl_info self{};
  if (dladdr(reinterpret_cast<void*>(&cuda_facts), &self) == 0 || self.dli_fname == nullptr) return "libsdft_cuda.so";
  const std::string path = self.dli_fname;
  const size_t slash = path.find_last_of('/');
  return (slash == std::string::npos ? "" : path.substr(0, slash + 1)) + "libsdft_cuda.so";
}

/// What the build found, "on (…)" or "off (…)", said of a library that is not there.
std::string why_not_built() {
  const std::string state = SDFT_CUDA_STATE;
  return state.rfind("off ", 0) == 0 ? "not built " + state.substr(4) : "not beside the addon, although the build had CUDA " + state + "; build sdft again";
}

/// The library as opened, or why it is not. Kept open: a backend made by it may outlive its maker.
struct Library {
  cuda::FactsFunction facts = nullptr;
  cuda::CreateFunction create = nullptr;
  std::string state, reason;  // what doctor says of it, and why it cannot be used
};

Library open_library() {
  const char* chosen = std::getenv("SDFT_CUDA_LIB");
  const bool named = chosen != nullptr && *chosen != '\0';
  const std::string path = named ? chosen : beside_the_addon();
  const std::string cut = cut_off(path);
  if (!cut.empty()) {
    const std::string state = path + " " + cut + "; " + (named ? "name a whole one" : "build sdft again");
    return {nullptr, nullptr, state, "the CUDA library " + state};
  }
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const std::string why = dlerror();
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (file != nullptr) std::fclose(file);
    const bool missing = file == nullptr && !named;
    const std::string state = missing ? why_not_built() : "cannot be opened: " + why;
    return {nullptr, nullptr, state, "the CUDA library " + (missing ? "is " + state : state)};
  }
  const auto abi = reinterpret_cast<cuda::AbiFunction>(dlsym(handle, "sdft_cuda_abi"));
  if (abi == nullptr || abi() != cuda::kAbi) {
    const std::string state = path + " is of another version of sdft (interface " + std::to_string(abi == nullptr ? 0 : abi()) + ", expected " +
                              std::to_string(cuda::kAbi) + "); build sdft again";
    return {nullptr, nullptr, state, "the CUDA library " + state};
  }
  return {reinterpret_cast<cuda::FactsFunction>(dlsym(handle, "sdft_cuda_facts")), reinterpret_cast<cuda::CreateFunction>(dlsym(handle, "sdft_cuda_create")), "", ""};
}

const Library& library() {
  static const Library opened = open_library();
  return opened;
}

/// Its version, 0 where it can't be used, and then why not.
struct Driver {
  int version = 0;
  std::string missing;
};

/// Asked of libcuda itself, so that it is known without our library too.
Driver find_driver() {
  void* handle = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const std::string why = dlerror();
    const bool absent = why.find("libcuda.so.1: cannot open shared object file: No such file") != std::string::npos;
    return {0, absent ? "libcuda.so.1 not found" : "libcuda.so.1 cannot be opened: " + why};
  }
  const auto ask = reinterpret_cast<int (*)(int*)>(dlsym(handle, "cuDriverGetVersion"));
  int version = 0;
  const int status = ask == nullptr ? 0 : ask(&version);
  dlclose(handle);
  if (ask == nullptr) return {0, "libcuda.so.1 has no cuDriverGetVersion"};
  if (status != 0) return {0, "libcuda.so.1 does not tell its version: error " + std::to_string(status)};
  if (version <= 0) return {0, "libcuda.so.1 is of version " + std::to_string(version)};
  return {version, ""};
}

std::string gigabytes(int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GB", static_cast<double>(bytes) / 1e9);
  return text;
}

std::string describe(const cuda::DeviceFacts& device) {
  return std::string(device.name) + ", compute capability " + std::to_string(device.major) + "." + std::to_string(device.minor) + ", " +
         std::to_string(device.multiprocessors) + " multiprocessors, " + gigabytes(device.total_bytes) +
         (device.free_bytes > 0 ? " (" + gigabytes(device.free_bytes) + " free)" : "");
}

std::string why_no_device(const cuda::LibraryFacts& facts) {
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  const std::string hidden = visible != nullptr ? "; CUDA_VISIBLE_DEVICES is \"" + std::string(visible) + "\"" : "";
  return "no CUDA device" + (facts.error[0] != '\0' ? " (" + std::string(facts.error) + ")" : "") + hidden;
}

bool names_cublaslt() {
  const char* chosen = std::getenv("SDFT_CUBLASLT");
  return chosen != nullptr && *chosen != '\0' && std::strcmp(chosen, "off") != 0;
}

/// The library's word on cuBLASLt: its version, or why there is none.
bool is_version(const char* said) { return *said >= '0' && *said <= '9'; }

}  // namespace

CudaFacts cuda_facts() {
  CudaFacts result{};
  const auto [driver, no_driver] = find_driver();
  result.driver = driver > 0 ? "CUDA " + version_text(driver) : "none (" + no_driver + ")";
  if (library().facts == nullptr) {
    result.library = library().state;
    result.reason = library().reason;
    return result;
  }
  cuda::LibraryFacts facts{};
  library().facts(&facts);
  result.planned = facts.planned;
  const bool emulated = driver == 0 && facts.device_count > 0;  // the emulator of the tests needs no driver
  result.library = "built for " + std::string(facts.architectures) + " with CUDA " + version_text(facts.runtime);
  for (int i = 0; i < facts.device_count; ++i) result.devices.push_back(describe(facts.devices[i]));
  if (driver == 0 && !emulated) {
    result.reason = "no NVIDIA driver (" + no_driver + ")";
  } else if (!emulated && driver < oldest_driver(facts.runtime)) {
    result.reason = "the NVIDIA driver is too old: it supports CUDA " + version_text(driver) + ", this library needs " + version_text(oldest_driver(facts.runtime)) + "; install a newer driver";
  } else if (facts.device_count == 0) {
    result.reason = why_no_device(facts);
  } else if (facts.devices[0].major * 10 + facts.devices[0].minor < kOldestCapability) {
    result.reason = std::string(facts.devices[0].name) + " has compute capability " + std::to_string(facts.devices[0].major) + "." + std::to_string(facts.devices[0].minor) +
                    "; sdft needs 8.0 (Ampere) or newer";
  } else if (names_cublaslt() && !is_version(facts.cublaslt)) {
    // Never other kernels than the user asked for in silence.
    result.reason = "SDFT_CUBLASLT names a library that cannot be used (" + std::string(facts.cublaslt) + "); leave it out to take the system's where there is one, or set it to off";
  } else {
    result.usable = true;
    const cuda::DeviceFacts& first = facts.devices[0];
    result.used = std::string(first.name) + ", compute capability " + std::to_string(first.major) + "." + std::to_string(first.minor) + ", driver " + result.driver +
                  ", library of CUDA " + version_text(facts.runtime) + ", cuBLASLt " + (facts.cublaslt[0] != '\0' ? facts.cublaslt : "none");
    result.free_bytes = facts.devices[0].free_bytes;
    result.total_bytes = facts.devices[0].total_bytes;
    result.reason = result.devices[0] + "; cuBLASLt " + (facts.cublaslt[0] != '\0' ? facts.cublaslt : "none") + (cuda_rounds() ? "" : "; float32 throughout (SDFT_CUDA_EXACT)");
  }
  return result;
}

bool cuda_rounds() {
  const char* exact = std::getenv("SDFT_CUDA_EXACT");
  return exact == nullptr || *exact == '\0' || std::strcmp(exact, "0") == 0;
}

std::unique_ptr<Backend> make_cuda(bool batch_invariant) {
  const CudaFacts facts = cuda_facts();
  require(facts.usable, "backend", "The backend cuda is off (" + facts.reason + "); use cpu");
  const cuda::BackendOptions options{0, !cuda_rounds(), batch_invariant};
  return std::unique_ptr<Backend>(library().create(&options));
}

}  // namespace sdft
