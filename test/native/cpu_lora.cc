// LoRA products and dropout of the cpu backend.
#include "cpu_fixture.h"

namespace sdft::test {
namespace {

std::vector<Output> lora(Backend& backend, int64_t rows, int64_t in, int64_t out, int64_t rank, Write write) {
  const double scale = 1.75;
  const Guarded x(backend, rows, in, random_floats(rows * in, 1), 3), a(backend, rank, in, random_floats(rank * in, 2)), b(backend, out, rank, random_floats(out * rank, 3));
  const Guarded y(backend, rows, out, random_floats(rows * out, 4), 2), t(backend, rows, rank, {}, 1);
  backend.lora_forward(y, t, x, a, b, scale);
  const Guarded dout(backend, rows, out, random_floats(rows * out, 5), 4), dt(backend, rows, rank), dx(backend, rows, in, random_floats(rows * in, 6), 5);
  const Guarded da(backend, rank, in, random_floats(rank * in, 7)), db(backend, out, rank, random_floats(out * rank, 8));
  backend.lora_backward(dx, da, db, dt, dout, x, t, a, b, scale, write);
  // Without dx the rest is the same.
  const Guarded da_only(backend, rank, in), db_only(backend, out, rank), dt_only(backend, rows, rank);
  backend.lora_backward(Tensor{}, da_only, db_only, dt_only, dout, x, t, a, b, scale, write);
  // dt sums O products scaled by 1.75; what is made of it inherits its errors times the length of the next sum.
  const Tolerance second{6e-8 * static_cast<double>(in + out + rows) * static_cast<double>(rank + 40) + 1e-5, 1e-5};
  return {{"t", t.values("t"), rank, of_sum(in)},     {"out", y.values("out"), out, second}, {"dt", dt.values("dt"), rank, of_sum(2 * out)},
          {"db", db.values("db"), rank, second},      {"da", da.values("da"), in, second},   {"dx", dx.values("dx"), in, second},
          {"da alone", da_only.values(), in, second}, {"db alone", db_only.values(), rank, second}};
}

CASE("cpu.lora equals reference for ranks 1 to 256") {
  for (int64_t rank : {1, 2, 3, 8, 16, 20, 64, 256})
    for (int64_t rows : {1, 5, 33})
      compare_with_reference("rank " + std::to_string(rank) + ", " + std::to_string(rows) + " rows",
                             [&](Backend& backend) { return lora(backend, rows, 45, 70, rank, rows == 5 ? Write::overwrite : Write::add); });
}

CASE("cpu.lora equals reference for many rows") {
  compare_with_reference("rank 8", [&](Backend& backend) { return lora(backend, 300, 96, 192, 8, Write::add); });
  compare_with_reference("rank 64", [&](Backend& backend) { return lora(backend, 150, 200, 130, 64, Write::overwrite); });
}

CASE("cpu.lora leaves out as it was where b is zero") {
  for_each_level([&](Backend& backend, const std::string& level) {
    const Guarded x(backend, 9, 40, random_floats(360, 1)), a(backend, 4, 40, random_floats(160, 2)), b(backend, 30, 4), t(backend, 9, 4);
    const std::vector<float> before = random_floats(270, 3);
    const Guarded out(backend, 9, 30, before);
    backend.lora_forward(out, t, x, a, b, 2.0);
    check_same_bits(level, before, out.values(), 30);
  });
}

CASE("cpu.lora bits of a row do not depend on the other rows") {
  const int64_t rows = 40, in = 50, out = 70, rank = 8;
  for_each_level([&](Backend& backend, const std::string& level) {
    const Guarded x(backend, rows, in, random_floats(rows * in, 1)), a(backend, rank, in, random_floats(rank * in, 2)), b(backend, out, rank, random_floats(out * rank, 3));
    const Guarded all(backend, rows, out), t_all(backend, rows, rank), single(backend, rows, out), t_single(backend, rows, rank);
    backend.lora_forward(all, t_all, x, a, b, 0.5);
    for (int64_t row = 0; row < rows; ++row) {
      auto cut = [&](Tensor t) { return Tensor{static_cast<float*>(t.data) + row * t.stride, 1, t.cols, t.stride}; };
      backend.lora_forward(cut(single), cut(t_single), cut(x), a, b, 0.5);
    }
    check_same_bits(level + ": t", t_all.values(), t_single.values(), rank);
    check_same_bits(level + ": out", all.values(), single.values(), out);
  });
}

CASE("cpu.dropout equals reference") {
  for (int64_t cols : {1, 3, 64, 75, 130}) {
    for (double probability : {0.0, 0.1, 0.5, 0.999}) {
      compare_with_reference(std::to_string(cols) + " columns, p = " + std::to_string(probability), [&](Backend& backend) {
        const int64_t rows = 21;
        const Guarded x(backend, rows, cols, random_floats(rows * cols, 1), 2), out(backend, rows, cols, {}, 1), added(backend, rows, cols, random_floats(rows * cols, 2));
        const Guarded in_place(backend, rows, cols, random_floats(rows * cols, 1));
        const Integers low(backend, random_integers(rows, 3, 2000000000)), high(backend, random_integers(rows, 4, 2000000000)), positions(backend, random_integers(rows, 5, 4096));
        const DropoutKey key{probability, 1234567890123ull, 17, 53, low, high, positions};
        backend.dropout(out, x, key, Write::overwrite);
        backend.dropout(added, x, key, Write::add);
        backend.dropout(in_place, in_place, key, Write::overwrite);
        return std::vector<Output>{{"out", out.values(), cols, kElementwise}, {"added", added.values(), cols, {1e-4, 2e-6}}, {"in place", in_place.values(), cols, kElementwise}};
      });
    }
  }
}

}  // namespace
}  // namespace sdft::test
