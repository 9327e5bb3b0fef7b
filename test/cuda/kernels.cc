// Every kernel against the reference: the cases that `sdft selftest` runs on a device, here on the emulator under each schedule; then in float32 throughout,
// where tolerances are tight, and with batch-invariant products.
#include "checking/check.h"
#include "emulated.h"

namespace sdft::test {
namespace {

void run(const checking::Case& one, const cuda::BackendOptions& options, size_t from, size_t to) {
  for (size_t i = from; i < to; ++i) {
    emulator::settings = schedules()[i].settings;
    try {
      const std::unique_ptr<Backend> backend = emulated_backend(options);
      checking::check(*backend, options.exact ? checking::Operands::f32 : checking::Operands::bf16, one);
    } catch (const std::exception& error) {
      fail(std::string(schedules()[i].name) + ": " + error.what());
    }
  }
}

bool has_products(const std::string& name) { return name.rfind("linear", 0) == 0 || name.rfind("attention", 0) == 0 || name.rfind("cached", 0) == 0; }

/// The cases are known when the program starts, so each is a case of its own.
const bool registered = [] {
  for (const checking::Case& one : checking::cases()) {
    cases().push_back({"cuda." + one.name, [&one] { run(one, {0, false, false}, 0, schedules().size()); }});
    if (has_products(one.name)) cases().push_back({"cuda exact." + one.name, [&one] { run(one, {0, true, false}, 0, 1); }});
    if (checking::has_invariant_form(one)) cases().push_back({"cuda batch-invariant." + one.name, [&one] { run(one, {0, false, true}, 2, 3); }});
  }
  return true;
}();

}  // namespace
}  // namespace sdft::test
