// Products through cuBLASLt: the backend's own cases, with a stand-in of real meaning in its place. The own kernels are the same cases without it.
#include <cstdlib>

#include "checking/check.h"
#include "emulated.h"

namespace sdft::test {
namespace {

/// Counted by the stand-in's absence of kernels: a product that it takes launches none of ours.
uint64_t products_of(const std::string& name, bool with_stand_in) {
  if (with_stand_in) setenv("SDFT_CUBLASLT", SDFT_STAND_IN_CUBLASLT, 1);
  else unsetenv("SDFT_CUBLASLT");
  emulator::settings = schedules()[1].settings;
  const std::unique_ptr<Backend> backend = emulated_backend();
  unsetenv("SDFT_CUBLASLT");
  emulator::counts = {};
  for (const checking::Case& one : checking::cases())
    if (one.name == name) checking::check(*backend, checking::Operands::bf16, one);
  return emulator::counts.products;
}

CASE("cuda cublaslt.takes the large products, with the same results") {
  for (const char* name : {"linear, bf16, (40, 64) x 72", "linear, q4, (130, 96) x 150", "linear_cross_entropy, bf16, 75 rows"}) {
    const uint64_t own = products_of(name, false), left = products_of(name, true);
    CHECK(own > 0);
    CHECK(left < own);
  }
}

CASE("cuda cublaslt.leaves what lies badly to the own kernels") { CHECK(products_of("linear, bf16, (70, 100) x 90", true) > 0); }

CASE("cuda cublaslt.a library that is none is said, not fatal") {
  setenv("SDFT_CUBLASLT", "/nowhere/libcublasLt.so", 1);
  cuda::LibraryFacts facts;
  sdft_cuda_facts(&facts);
  unsetenv("SDFT_CUBLASLT");
  CHECK(std::string(facts.cublaslt).find("/nowhere/libcublasLt.so") != std::string::npos);
}

}  // namespace
}  // namespace sdft::test
