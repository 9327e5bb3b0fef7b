// Weights as files store them: each type's blocks, kept as they are, through products of few and of many rows, their gradient, the embedding and integers.
#include "checking/check.h"
#include "cpu_fixture.h"
#include "emulated.h"

namespace sdft::test {
namespace {

std::vector<checking::Output> use(Backend& backend, const Stored& stored, int64_t rows) {
  const int64_t in = stored.source.cols, out = stored.source.rows;
  const Weight weight = backend.prepare_weight(stored.source, WeightFormat::native);
  const checking::Guarded x(backend, rows, in, random_floats(rows * in, 3), 4), dout(backend, rows, out, random_floats(rows * out, 4)), y(backend, rows, out), dx(backend, rows, in);
  const checking::Guarded embedded(backend, 3, in), z(backend, rows, out);
  backend.linear(y, x, weight, Tensor{});
  backend.linear_backward(dx, dout, weight, Write::overwrite);
  backend.embed(embedded, backend.prepare_table(stored.source, WeightFormat::native), checking::Integers(backend, {0, 7, static_cast<int32_t>(out - 1)}), 1);
  std::vector<checking::Output> outputs = {y.output("linear", checking::of_sum(in)), dx.output("linear_backward", checking::of_sum(out)), embedded.output("embed", checking::kElementwise)};
  if (backend.has_integer_form(weight)) {
    backend.linear_integer(z, x, weight, Tensor{});
    outputs.push_back(z.output("linear_integer", {6e-8 * static_cast<double>(in) + 1e-6, 2e-6, 0}));
  }
  return outputs;
}

void check_type(DType type) {
  emulator::settings = schedules()[2].settings;
  const int64_t in = block_elements(type) == 256 ? 256 : 96;
  const std::unique_ptr<Backend> backend = emulated_backend();
  for (int64_t rows : {int64_t{3}, int64_t{40}}) {
    const auto stored = random_stored(type, 37, in, 1);
    checking::check(*backend, checking::Operands::bf16, {std::string(dtype_name(type)), [&](Backend& each) { return use(each, *stored, rows); }});
  }
}

CASE("cuda stored.bf16 and f16") {
  check_type(DType::bf16);
  check_type(DType::f16);
}
CASE("cuda stored.blocks of 32") {
  for (DType type : {DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1, DType::q8_0}) check_type(type);
}
CASE("cuda stored.blocks of 256") {
  for (DType type : {DType::q4_k, DType::q5_k, DType::q6_k}) check_type(type);
}

}  // namespace
}  // namespace sdft::test
