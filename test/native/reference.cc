// What the reference backend promises beside its gradients: the same bits however rows are cut, cached or packed; weights, AdamW and dropout by their
// definitions; and an error for what does not fit.
#include "kernels/reference/reference.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "base/half.h"
#include "base/hash.h"
#include "base/philox.h"
#include "device_tensor.h"
#include "harness.h"

namespace sdft::test {
namespace {

std::vector<double> random_values(int64_t count, uint64_t seed) {
  const std::vector<float> floats = random_floats(count, seed);
  return {floats.begin(), floats.end()};
}

/// Rows [first, first + count) of a row-major matrix.
std::vector<double> rows_of(const std::vector<double>& values, int64_t cols, int64_t first, int64_t count) {
  return {values.begin() + first * cols, values.begin() + (first + count) * cols};
}

Weight weight_of(Backend& backend, const std::vector<float>& values, int64_t rows, int64_t cols) {
  return backend.prepare_weight({values.data(), DType::f32, rows, cols, RowOrder::natural, 0}, WeightFormat::f32);
}

CASE("reference.memory is aligned and zeroed") {
  const auto backend = make_reference_float();
  CHECK(backend->real_bytes() == 4 && make_reference_double()->real_bytes() == 8);
  auto* memory = static_cast<unsigned char*>(backend->allocate(1000));
  CHECK(reinterpret_cast<uintptr_t>(memory) % 64 == 0);
  for (int i = 0; i < 1000; ++i) CHECK(memory[i] == 0);
  backend->release(memory);
  backend->release(backend->allocate(0));
  check_throws("memory", [&] { backend->allocate(int64_t{1} << 60); });
  check_throws("memory", [&] { backend->allocate(-1); });
}

CASE("reference.copies, sums and picks rows") {
  const auto backend = make_reference_double();
  const DeviceTensor x(*backend, 3, 2, {1, 2, 3, 4, 5, 6}, 5), out(*backend, 3, 2, {9, 9, 9, 9, 9, 9}, 4), wide(*backend, 5, 2, std::vector<double>(10, 7));
  backend->copy(out, x);
  CHECK(out.values() == x.values());
  backend->add(out, x, out);
  CHECK((out.values() == std::vector<double>{2, 4, 6, 8, 10, 12}));
  const DeviceIndices rows(*backend, {2, 0, 2});
  backend->gather_rows(out, x, rows);
  CHECK((out.values() == std::vector<double>{5, 6, 1, 2, 5, 6}));
  const DeviceIndices places(*backend, {4, 0, 1});
  backend->scatter_rows(wide, x, places);
  CHECK((wide.values() == std::vector<double>{3, 4, 5, 6, 0, 0, 0, 0, 1, 2}));
  backend->zero(out);
  CHECK(out.values() == std::vector<double>(6, 0));
  CHECK(backend->sum_of_squares({x, wide}) == 91 + 91);
}

CASE("reference.weights are the stored values in natural order") {
  const auto backend = make_reference_float();
  std::vector<float> stored(12 * 3);
  for (size_t i = 0; i < stored.size(); ++i) stored[i] = static_cast<float>(i / 3);
  const Weight weight = backend->prepare_weight({stored.data(), DType::f32, 12, 3, RowOrder::interleaved, 6}, WeightFormat::native);
  const DeviceIndices all(*backend, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  const DeviceTensor table(*backend, 12, 3);
  backend->embed(table, weight, all, 2);
  const double order[] = {0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11};
  for (size_t row = 0; row < 12; ++row) CHECK(table.values()[3 * row] == 2 * order[row]);

  // Ties go to even; a carry runs into the exponent; NaN stays NaN.
  const std::vector<float> fine = {1.00390625f, 1.01171875f, 1.9999999f, -3.3f, std::numeric_limits<float>::max(), 1e-40f};
  const Weight rounded = backend->prepare_weight({fine.data(), DType::f32, 1, 6, RowOrder::natural, 0}, WeightFormat::bf16);
  const DeviceIndices first(*backend, {0});
  const DeviceTensor row(*backend, 1, 6);
  backend->embed(row, rounded, first, 1);
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK((row.values() == std::vector<double>{1, 1.015625, 2, -3.296875, infinity, std::ldexp(1.0, -133)}));

  for (WeightFormat format : {WeightFormat::q8, WeightFormat::q4})
    check_throws("weights", [&] { backend->prepare_weight({fine.data(), DType::f32, 1, 6, RowOrder::natural, 0}, format); });
  check_throws("weights", [&] { backend->prepare_weight({stored.data(), DType::f32, 12, 3, RowOrder::interleaved, 5}, WeightFormat::native); });
}

CASE("reference.rows alone give the bits of rows together") {
  const auto backend = make_reference_float();
  constexpr int64_t kRows = 150, kIn = 67, kOut = 33, kRank = 4;
  const std::vector<float> weights = random_floats(kOut * kIn, 1);
  const Weight weight = weight_of(*backend, weights, kOut, kIn);
  const std::vector<double> x = random_values(kRows * kIn, 2), dout = random_values(kRows * kOut, 3);
  const DeviceTensor a(*backend, kRank, kIn, random_values(kRank * kIn, 4)), b(*backend, kOut, kRank, random_values(kOut * kRank, 5));
  const std::vector<int32_t> targets = random_integers(kRows, 6, kOut);
  const auto run = [&](int64_t first, int64_t count) {
    const DeviceTensor x_tensor(*backend, count, kIn, rows_of(x, kIn, first, count), kIn + 5);
    const DeviceTensor dout_tensor(*backend, count, kOut, rows_of(dout, kOut, first, count));
    const DeviceTensor out(*backend, count, kOut), dx(*backend, count, kIn), t(*backend, count, kRank), loss(*backend, count, 1), dlogits(*backend, count, kIn);
    const DeviceIndices target_indices(*backend, {targets.begin() + first, targets.begin() + first + count});
    backend->linear(out, x_tensor, weight, {});
    backend->lora_forward(out, t, x_tensor, a, b, 0.5);
    backend->linear_backward(dx, dout_tensor, weight, Write::overwrite);
    backend->linear_cross_entropy(loss, dlogits, x_tensor, weight, target_indices, 0.1);
    return std::vector<std::vector<double>>{out.values(), dx.values(), t.values(), loss.values(), dlogits.values()};
  };
  const auto together = run(0, kRows);
  const int64_t cols[] = {kOut, kIn, kRank, 1, kIn};
  for (auto [first, count] : {std::pair<int64_t, int64_t>{0, 1}, {149, 1}, {63, 3}, {10, 100}}) {
    const auto alone = run(first, count);
    for (size_t i = 0; i < alone.size(); ++i) CHECK(alone[i] == rows_of(together[i], cols[i], first, count));
  }
}

CASE("reference.b of zeros leaves the base output") {
  const auto backend = make_reference_float();
  const DeviceTensor out(*backend, 2, 2, {-0.0, 1, 2, 3}), t(*backend, 2, 1), x(*backend, 2, 1, {1, -1}), a(*backend, 1, 1, {2}), b(*backend, 2, 1);
  backend->lora_forward(out, t, x, a, b, 4);
  CHECK((out.values() == std::vector<double>{0, 1, 2, 3}) && std::signbit(out.values()[0]));
}

/// Attention of one sequence in one segment; with its own copy of rows of q, k and v.
struct Sequence {
  static constexpr int64_t kHeads = 4, kGroups = 2, kSize = 6;
  std::vector<double> q, k, v;

  explicit Sequence(int64_t length, uint64_t seed)
      : q(random_values(length * kHeads * kSize, seed)),
        k(random_values(length * kGroups * kSize, seed + 1)),
        v(random_values(length * kGroups * kSize, seed + 2)) {}
  int64_t length() const { return static_cast<int64_t>(q.size()) / (kHeads * kSize); }

  void append(const Sequence& other, int64_t first, int64_t count) {
    const auto take = [&](std::vector<double>& to, const std::vector<double>& from, int64_t cols) {
      to.insert(to.end(), from.begin() + first * cols, from.begin() + (first + count) * cols);
    };
    take(q, other.q, kHeads * kSize);
    take(k, other.k, kGroups * kSize);
    take(v, other.v, kGroups * kSize);
  }

  std::vector<double> attention(Backend& backend, const std::vector<Segment>& segments, const AttentionShape& shape) const {
    const int64_t rows = length();
    const DeviceTensor out(backend, rows, kHeads * kSize), logsumexp(backend, rows, kHeads);
    const DeviceTensor q_tensor(backend, rows, kHeads * kSize, q), k_tensor(backend, rows, kGroups * kSize, k), v_tensor(backend, rows, kGroups * kSize, v);
    backend.attention(out, logsumexp, q_tensor, k_tensor, v_tensor, {segments.data(), static_cast<int64_t>(segments.size())}, shape);
    return out.values();
  }
};

CASE("reference.attention packed, shared and cached equals alone") {
  const auto backend = make_reference_float();
  for (int64_t window : {0, 7, 40}) {
    const AttentionShape shape{Sequence::kHeads, Sequence::kGroups, Sequence::kSize, 0.4, window};
    constexpr int64_t kCols = Sequence::kHeads * Sequence::kSize, kLength = 75, kShared = 50;
    const Sequence first(kLength, 1), other(9, 11), tail(12, 21);
    const std::vector<double> alone = first.attention(*backend, {{-1, 0, kLength, 0}}, shape);

    // The other sequence, the shared start, a second tail of it, its own tail.
    Sequence packed(0, 0);
    packed.append(other, 0, 9);
    packed.append(first, 0, kShared);
    packed.append(tail, 0, 12);
    packed.append(first, kShared, kLength - kShared);
    const std::vector<Segment> segments = {{-1, 0, 9, 0}, {-1, 9, kShared, 0}, {1, 59, 12, kShared}, {1, 71, kLength - kShared, kShared}};
    const std::vector<double> together = packed.attention(*backend, segments, shape);
    CHECK(rows_of(together, kCols, 9, kShared) == rows_of(alone, kCols, 0, kShared));
    CHECK(rows_of(together, kCols, 71, kLength - kShared) == rows_of(alone, kCols, kShared, kLength - kShared));
    CHECK(rows_of(together, kCols, 0, 9) == other.attention(*backend, {{-1, 0, 9, 0}}, shape));

    // Chunks of 1, 33, 40 and 1 rows through pages in no order.
    const DeviceTensor keys(*backend, 6, backend->page_reals(shape)), values(*backend, 6, backend->page_reals(shape));
    const int32_t pages[] = {4, 0, 5};
    std::vector<double> cached;
    int64_t position = 0;
    for (int64_t rows : {1, 33, 40, 1}) {
      Sequence chunk(0, 0);
      chunk.append(first, position, rows);
      const Segment segment{-1, 0, rows, position, pages};
      const DeviceTensor q(*backend, rows, kCols, chunk.q), k(*backend, rows, kCols / 2, chunk.k), v(*backend, rows, kCols / 2, chunk.v);
      const DeviceTensor out(*backend, rows, kCols);
      backend->store_keys_values(keys, values, k, v, {&segment, 1}, shape);
      backend->cached_attention(out, q, keys, values, {&segment, 1}, shape);
      const std::vector<double> part = out.values();
      cached.insert(cached.end(), part.begin(), part.end());
      position += rows;
    }
    CHECK(cached == alone);
  }
}

CASE("reference.a cache of halves gives attention over rounded keys and values") {
  const auto backend = make_reference_double();
  AttentionShape shape{Sequence::kHeads, Sequence::kGroups, Sequence::kSize, 0.4, 0};
  constexpr int64_t kCols = Sequence::kHeads * Sequence::kSize, kLength = 40;
  const Sequence exact(kLength, 1);
  Sequence rounded = exact;
  for (std::vector<double>* numbers : {&rounded.k, &rounded.v})
    for (double& number : *numbers) number = from_f16(to_f16(static_cast<float>(number)));
  shape.cache = CacheForm::halves;
  const DeviceTensor keys(*backend, 2, backend->page_reals(shape)), values(*backend, 2, backend->page_reals(shape));
  const int32_t pages[] = {1, 0};
  const Segment segment{-1, 0, kLength, 0, pages};
  const DeviceTensor q(*backend, kLength, kCols, exact.q), k(*backend, kLength, kCols / 2, exact.k), v(*backend, kLength, kCols / 2, exact.v), out(*backend, kLength, kCols);
  backend->store_keys_values(keys, values, k, v, {&segment, 1}, shape);
  backend->cached_attention(out, q, keys, values, {&segment, 1}, shape);
  CHECK(out.values() == rounded.attention(*backend, {{-1, 0, kLength, 0}}, shape));
  CHECK(out.values() != exact.attention(*backend, {{-1, 0, kLength, 0}}, shape));
}

CASE("reference.dropout keeps by the row's words") {
  const auto backend = make_reference_double();
  const std::string ids[] = {"a", "b"};
  std::vector<int32_t> low, high;
  for (const std::string& id : ids) {
    low.push_back(static_cast<int32_t>(fnv1a64(id)));
    high.push_back(static_cast<int32_t>(fnv1a64(id) >> 32));
  }
  const DeviceIndices lows(*backend, low), highs(*backend, high), positions(*backend, {5, 6});
  constexpr int64_t kCols = 4001;
  const DeviceTensor x(*backend, 2, kCols, std::vector<double>(2 * kCols, 3)), out(*backend, 2, kCols);
  backend->dropout(out, x, {0.25, 7, 2, 300, lows, highs, positions}, Write::overwrite);
  const std::vector<double> values = out.values();
  int kept = 0;
  for (uint32_t row = 0; row < 2; ++row) {
    for (uint32_t channel = 0; channel < kCols; ++channel) {
      const auto words = philox({1u | 300u << 8, 2, 5 + row, channel / 4}, philox_key(7, fnv1a64(ids[row])));
      const bool keep = uniform(words[channel % 4]) >= 0.25f;
      CHECK(values[row * kCols + channel] == (keep ? 4 : 0));
      kept += keep;
    }
  }
  CHECK(kept > 5850 && kept < 6150);  // 6001 expected, deviation 39
  backend->dropout(out, x, {0, 7, 2, 300, lows, highs, positions}, Write::overwrite);
  CHECK(out.values() == x.values());
}

// p = Parameter([0.5, -1.25, 2, 0.001, -3]); AdamW([p], lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1); three steps with the gradients below;
// printed p, exp_avg and exp_avg_sq in both precisions. torch 2.15.0.
const std::vector<double> kGradients[] = {{0.1, -0.2, 0.3, 1e-5, -4}, {0.05, 0.4, -0.3, 2e-5, 1}, {-0.7, 0.02, 0, -1e-5, 0.125}};

void check_adamw(Backend& backend, const std::vector<std::vector<double>>& expected) {
  const DeviceTensor parameter(backend, 1, 5, {0.5, -1.25, 2, 0.001, -3}), first(backend, 1, 5), second(backend, 1, 5);
  for (int64_t step = 1; step <= 3; ++step) {
    std::vector<double> doubled = kGradients[step - 1];
    for (double& value : doubled) value *= 2;
    const DeviceTensor gradient(backend, 1, 5, doubled);
    backend.adamw(parameter, gradient, first, second, {1e-2, 0.9, 0.999, 1e-8, 0.1, 0.5, step});
  }
  check_close("parameter", expected[0], parameter.values(), {0, 0});
  check_close("first moment", expected[1], first.values(), {0, 0});
  check_close("second moment", expected[2], second.values(), {0, 0});
}

CASE("reference.adamw steps as torch does") {
  check_adamw(*make_reference_float(),
              {{0.48438185453414917, -1.2430438995361328, 1.9849587678909302, -0.022807037457823753, -2.9729056358337402},
               {-0.05739999935030937, 0.021800002083182335, -0.002700000535696745, 1.610000026630587e-06, -0.22150002419948578},
               {0.0005024775164201856, 0.00020016005146317184, 0.00017973010835703462, 5.994000868564386e-13, 0.01698264293372631}});
  check_adamw(*make_reference_double(),
              {{0.4843818413043518, -1.243043846872713, 1.9849586214029018, -0.02280703657895656, -2.972905435058663},
               {-0.057399999999999986, 0.0218, -0.002699999999999997, 1.61e-06, -0.22149999999999997},
               {0.0005024775100000003, 0.00020016004000000023, 0.00017973009000000014, 5.994001000000006e-13, 0.016982641000000014}});
}

CASE("reference.misuse") {
  const auto backend = make_reference_float();
  const DeviceTensor x(*backend, 3, 4), y(*backend, 3, 5), one(*backend, 1, 4), loss(*backend, 3, 1);
  const std::vector<float> values(20, 1.0f);
  const Weight weight = weight_of(*backend, values, 5, 4);
  check_throws("shape", [&] { backend->copy(x, y); });
  check_throws("shape", [&] { backend->rms_norm(x, x, y, 1e-5); });
  check_throws("shape", [&] { backend->linear(x, x, weight, {}); });
  check_throws("shape", [&] { backend->linear({}, x, weight, {}); });
  check_throws("shape", [&] { backend->linear(y, x, weight, one); });
  check_throws("shape", [&] { backend->linear_backward(y, x, weight, Write::add); });
  const DeviceIndices inside(*backend, {0, 4, 2}), past(*backend, {0, 5, 2}), negative(*backend, {0, -1, 2}), few(*backend, {0});
  backend->linear_cross_entropy(loss, {}, x, weight, inside, 1);
  check_throws("index", [&] { backend->linear_cross_entropy(loss, {}, x, weight, past, 1); });
  check_throws("index", [&] { backend->embed(x, weight, negative, 1); });
  check_throws("shape", [&] { backend->linear_cross_entropy(loss, {}, x, weight, few, 1); });

  const AttentionShape shape{2, 2, 2, 1, 0};
  const DeviceTensor lse(*backend, 3, 2), keys(*backend, 2, backend->page_reals(shape));
  const Segment whole{-1, 0, 3, 0};
  check_throws("shape", [&] { backend->attention(one, lse, x, x, x, {&whole, 1}, shape); });
  const auto refuse = [&](std::vector<Segment> segments) {
    check_throws("segments", [&] {
      const DeviceTensor out(*backend, 3, 4);
      backend->attention(out, lse, x, x, x, {segments.data(), static_cast<int64_t>(segments.size())}, shape);
    });
  };
  refuse({{-1, 1, 3, 0}});                 // past the rows
  refuse({{-1, 0, 3, 1}});                 // a root that does not start at 0
  refuse({{-1, 0, 2, 0}, {0, 2, 1, 3}});   // a gap after the parent
  refuse({{-1, 0, 2, 0}, {1, 2, 1, 2}});   // its own parent
  refuse({{-1, 0, 2, 0}, {0, 2, 1, 0}});   // a parent, and position 0
  refuse({{-1, 0, 3, 0, nullptr, true}});  // nobody asks
  const int32_t pages[] = {2};
  const Segment cached{-1, 0, 3, 0, pages};
  check_throws("segments", [&] { backend->store_keys_values(keys, keys, x, x, {&cached, 1}, shape); });
}

}  // namespace
}  // namespace sdft::test
