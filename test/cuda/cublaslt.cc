// Products through cuBLASLt: the backend's own cases, with a stand-in of real meaning in its place. The own kernels are the same cases without it.
#include <dlfcn.h>

#include <cstdlib>

#include "checking/check.h"
#include "emulated.h"

namespace sdft::test {
namespace {

std::unique_ptr<Backend> backend_with(bool stand_in) {
  emulator::settings = schedules()[1].settings;
  setenv("SDFT_CUBLASLT", stand_in ? SDFT_STAND_IN_CUBLASLT : "off", 1);
  std::unique_ptr<Backend> backend = emulated_backend();
  unsetenv("SDFT_CUBLASLT");
  emulator::counts = {};
  return backend;
}

/// Counted by the stand-in's absence of kernels: a product that it takes launches none of ours.
uint64_t products_of(const std::string& name, bool with_stand_in) {
  const std::unique_ptr<Backend> backend = backend_with(with_stand_in);
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

/// Rows without gaps, which it takes: with a bias, and added to what is there.
template <int64_t kRows>
std::vector<checking::Output> epilogues(Backend& backend) {
  constexpr int64_t kIn = 64, kOut = 72;
  const std::vector<float> stored = random_floats(kOut * kIn, 1);
  const Weight weight = backend.prepare_weight({stored.data(), DType::f32, kOut, kIn, RowOrder::natural, 0}, WeightFormat::bf16);
  const checking::Guarded x(backend, kRows, kIn, random_floats(kRows * kIn, 2)), dout(backend, kRows, kOut, random_floats(kRows * kOut, 3)), bias(backend, 1, kOut, random_floats(kOut, 4)),
      out(backend, kRows, kOut), dx(backend, kRows, kIn, random_floats(kRows * kIn, 5));
  backend.linear(out, x, weight, bias);
  backend.linear_backward(dx, dout, weight, Write::add);
  return {out.output("with bias", checking::of_sum(kIn)), dx.output("added", checking::of_sum(kOut))};
}

CASE("cuda cublaslt.adds a bias and adds to what is there") {
  const std::unique_ptr<Backend> backend = backend_with(true);
  checking::check(*backend, checking::Operands::bf16, {"epilogues", epilogues<40>});
  CHECK(emulator::counts.products == 0);
}

/// What the stand-in counts.
int counted(const char* name) {
  static void* library = dlopen(SDFT_STAND_IN_CUBLASLT, RTLD_NOW | RTLD_LOCAL);
  return reinterpret_cast<int (*)()>(dlsym(library, name))();
}

CASE("cuda cublaslt.has no algorithm for some shapes, which the own kernels take") {
  const int asked = counted("stand_in_questions");
  for (const auto& product : {epilogues<41>, epilogues<43>, epilogues<47>}) {
    const std::unique_ptr<Backend> own = backend_with(false), backend = backend_with(true);
    for (int time = 0; time < 2; ++time) checking::check(*backend, checking::Operands::bf16, {"epilogues", product});
    CHECK(emulator::counts.products > 0);
    CHECK(product(*backend)[0].values == product(*own)[0].values);
  }
  CHECK(counted("stand_in_questions") == asked + 3 * 2);  // forward and backward, once each
}

/// A step's product for each of a few inputs, the last of them to another place.
std::vector<std::vector<float>> repeated_products(Backend& backend, const std::function<void()>& between = [] {}) {
  const std::vector<float> stored = random_floats(72 * 64, 1);
  const Weight weight = backend.prepare_weight({stored.data(), DType::f32, 72, 64, RowOrder::natural, 0}, WeightFormat::bf16);
  const checking::Guarded x(backend, 40, 64), bias(backend, 1, 72, random_floats(72, 4)), out(backend, 40, 72), other(backend, 40, 72);
  std::vector<std::vector<float>> results;
  for (uint64_t seed = 2; seed < 7; ++seed) {
    const std::vector<float> numbers = random_floats(40 * 64, seed);
    const checking::Guarded& to = seed == 6 ? other : out;
    backend.repeated(7, [&] {
      backend.upload(x, numbers.data());
      backend.linear(to, x, weight, bias);
    });
    results.push_back(to.values("out"));
    between();
  }
  return results;
}

CASE("cuda cublaslt.is recorded with a step, and noticed where an address changes") {
  const auto replayed = repeated_products(*backend_with(true));
  CHECK(emulator::counts.captures == 1 && emulator::counts.replays == 3 && emulator::counts.products == 0);
  emulator::device.refuses_capture = true;
  const auto plain = repeated_products(*backend_with(true));
  emulator::device.refuses_capture = false;
  CHECK(emulator::counts.replays == 0 && replayed == plain);
}

/// Products of 525 shapes: numbers of rows by distances of the results' rows.
void many_shapes(Backend& backend) {
  const Weight weight = backend.prepare_weight({std::vector<float>(64, 1).data(), DType::f32, 8, 8, RowOrder::natural, 0}, WeightFormat::bf16);
  const checking::Guarded x(backend, 40, 8), out(backend, 40, 92);
  for (int64_t rows = 16; rows <= 40; ++rows)
    for (int64_t stride = 8; stride <= 88; stride += 4) backend.linear({Tensor(out).data, rows, 8, stride}, {Tensor(x).data, rows, 8, 8}, weight, Tensor{});
}

CASE("cuda cublaslt.lets plans go, and recorded steps still stand") {
  const auto plain = repeated_products(*backend_with(true));
  const int before = counted("stand_in_living");
  const std::unique_ptr<Backend> backend = backend_with(true);
  int asked = counted("stand_in_questions");
  const auto replayed = repeated_products(*backend, [&] {
    many_shapes(*backend);
    CHECK(counted("stand_in_questions") >= asked + 525);  // the last time's are gone
    asked = counted("stand_in_questions");
    CHECK(counted("stand_in_living") - before <= 512 * 4);  // a description and three layouts each
  });
  CHECK(emulator::counts.captures == 1 && emulator::counts.replays == 3 && replayed == plain);
}

CASE("cuda cublaslt.a library that is none is said, not fatal") {
  setenv("SDFT_CUBLASLT", "/nowhere/libcublasLt.so", 1);
  cuda::LibraryFacts facts;
  sdft_cuda_facts(&facts);
  unsetenv("SDFT_CUBLASLT");
  CHECK(std::string(facts.cublaslt).find("/nowhere/libcublasLt.so") != std::string::npos);
}

}  // namespace
}  // namespace sdft::test
