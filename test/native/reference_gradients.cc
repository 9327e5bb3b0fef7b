// Each backward method of the reference backend in double against central differences of its forward method, every element of every input.
#include <functional>

#include "base/hash.h"
#include "device_tensor.h"
#include "harness.h"
#include "kernels/reference/reference.h"

namespace sdft::test {
namespace {

using Values = std::vector<double>;

Values random_values(int64_t count, uint64_t seed) {
  const std::vector<float> floats = random_floats(count, seed);
  return {floats.begin(), floats.end()};
}

double inner(const Values& a, const Values& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// `gradient` against differences of `objective`, which reads `variable`. With step 1e-4 the cubic term leaves about 1e-8 of a result of size 1, and
/// rounding 1e-12.
void check_gradient(const char* what, Values& variable, const Values& gradient, const std::function<double()>& objective) {
  constexpr double kStep = 1e-4;
  Values numeric(variable.size());
  for (size_t i = 0; i < variable.size(); ++i) {
    const double kept = variable[i];
    variable[i] = kept + kStep;
    const double above = objective();
    variable[i] = kept - kStep;
    const double below = objective();
    variable[i] = kept;
    numeric[i] = (above - below) / (2 * kStep);
  }
  check_close(what, numeric, gradient, {2e-7, 2e-7});
}

Values plus(Values a, const Values& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

struct OwnedWeight {
  std::vector<float> values;
  Weight weight;

  OwnedWeight(Backend& backend, int64_t rows, int64_t cols, uint64_t seed) : values(random_floats(rows * cols, seed)) {
    weight = backend.prepare_weight({values.data(), DType::f32, rows, cols, RowOrder::natural, 0}, WeightFormat::native);
  }
};

CASE("reference.gradient of rms_norm") {
  const auto backend = make_reference_double();
  constexpr int64_t kRows = 3, kCols = 7;
  constexpr double kEpsilon = 1e-2;
  Values x = random_values(kRows * kCols, 1);
  const Values weight = random_values(kCols, 2), dout = random_values(kRows * kCols, 3), before = random_values(kRows * kCols, 4);
  const auto objective = [&] {
    DeviceTensor out(*backend, kRows, kCols);
    backend->rms_norm(out, DeviceTensor(*backend, kRows, kCols, x, 9), DeviceTensor(*backend, 1, kCols, weight), kEpsilon);
    return inner(dout, out.values());
  };
  DeviceTensor dx(*backend, kRows, kCols, dout), added(*backend, kRows, kCols, before), x_tensor(*backend, kRows, kCols, x);
  const DeviceTensor weight_tensor(*backend, 1, kCols, weight), dout_tensor(*backend, kRows, kCols, dout);
  backend->rms_norm_backward(dx, dx, x_tensor, weight_tensor, kEpsilon, Write::overwrite);
  backend->rms_norm_backward(added, dout_tensor, x_tensor, weight_tensor, kEpsilon, Write::add);
  check_gradient("dx", x, dx.values(), objective);
  check_close("added", plus(before, dx.values()), added.values(), {1e-14, 0});

  const DeviceTensor apart(*backend, kRows, kCols);
  backend->rms_norm(apart, x_tensor, weight_tensor, kEpsilon);
  backend->rms_norm(x_tensor, x_tensor, weight_tensor, kEpsilon);
  CHECK(x_tensor.values() == apart.values());
}

CASE("reference.gradient of rope") {
  const auto backend = make_reference_double();
  constexpr int64_t kRows = 4, kHead = 6, kCols = 2 * kHead;
  const double frequencies[] = {1, 0.3, 0.01};
  const DeviceIndices positions(*backend, {0, 1, 17, 4000});
  const DeviceTensor cosines(*backend, kRows, kHead / 2), sines(*backend, kRows, kHead / 2);
  backend->rope_table(cosines, sines, positions, frequencies, 1.3);
  Values x = random_values(kRows * kCols, 1);
  const Values dout = random_values(kRows * kCols, 2);
  const auto objective = [&] {
    const DeviceTensor out(*backend, kRows, kCols, x);
    backend->rope(out, cosines, sines, kHead, Rotation::forward);
    return inner(dout, out.values());
  };
  const DeviceTensor dx(*backend, kRows, kCols, dout);
  backend->rope(dx, cosines, sines, kHead, Rotation::backward);
  check_gradient("dx", x, dx.values(), objective);
}

CASE("reference.gradient of gated") {
  const auto backend = make_reference_double();
  constexpr int64_t kRows = 3, kCols = 8;
  for (Activation activation : {Activation::silu, Activation::gelu_tanh}) {
    Values gate = random_values(kRows * kCols, 1), up = random_values(kRows * kCols, 2);
    for (double& value : gate) value *= 4;
    const Values dout = random_values(kRows * kCols, 3);
    const auto objective = [&] {
      const DeviceTensor out(*backend, kRows, kCols);
      backend->gated(out, DeviceTensor(*backend, kRows, kCols, gate), DeviceTensor(*backend, kRows, kCols, up), activation);
      return inner(dout, out.values());
    };
    const DeviceTensor dgate(*backend, kRows, kCols, gate), dup(*backend, kRows, kCols, up), dout_tensor(*backend, kRows, kCols, dout);
    backend->gated_backward(dgate, dup, dout_tensor, dgate, dup, activation);  // in place, as the contract allows
    check_gradient("dgate", gate, dgate.values(), objective);
    check_gradient("dup", up, dup.values(), objective);
  }
}

CASE("reference.gradient of gate and up through their products") {
  const auto backend = make_reference_double();
  constexpr int64_t kRows = 3, kInner = 6, kWidth = 5;
  const OwnedWeight gate_weight(*backend, kInner, kWidth, 1), up_weight(*backend, kInner, kWidth, 2);
  Values x = random_values(kRows * kWidth, 3);
  const Values dproduct = random_values(kRows * kInner, 4);
  const DeviceTensor gate(*backend, kRows, kInner), up(*backend, kRows, kInner), product(*backend, kRows, kInner);
  const auto objective = [&] {
    const DeviceTensor input(*backend, kRows, kWidth, x);
    backend->linear(gate, input, gate_weight.weight, Tensor{});
    backend->linear(up, input, up_weight.weight, Tensor{});
    backend->gated(product, gate, up, Activation::silu);
    return inner(dproduct, product.values());
  };
  objective();
  const DeviceTensor dx(*backend, kRows, kWidth);
  backend->gated_linear_backward(dx, DeviceTensor(*backend, kRows, kInner, dproduct), gate, up, Activation::silu, gate_weight.weight, up_weight.weight);
  check_gradient("dx", x, dx.values(), objective);
}

CASE("reference.gradient of linear") {
  const auto backend = make_reference_double();
  constexpr int64_t kRows = 3, kIn = 5, kOut = 4;
  const OwnedWeight weight(*backend, kOut, kIn, 1);
  Values x = random_values(kRows * kIn, 2);
  const Values dout = random_values(kRows * kOut, 3), bias = random_values(kOut, 4), before = random_values(kRows * kIn, 5);
  const auto objective = [&] {
    const DeviceTensor out(*backend, kRows, kOut);
    backend->linear(out, DeviceTensor(*backend, kRows, kIn, x), weight.weight, DeviceTensor(*backend, 1, kOut, bias));
    return inner(dout, out.values());
  };
  const DeviceTensor dx(*backend, kRows, kIn), added(*backend, kRows, kIn, before), dout_tensor(*backend, kRows, kOut, dout, 6);
  backend->linear_backward(dx, dout_tensor, weight.weight, Write::overwrite);
  backend->linear_backward(added, dout_tensor, weight.weight, Write::add);
  check_gradient("dx", x, dx.values(), objective);
  check_close("added", plus(before, dx.values()), added.values(), {1e-14, 0});
}

CASE("reference.gradient of lora") {
  const auto backend = make_reference_double();
  constexpr int64_t kRows = 4, kIn = 5, kOut = 6, kRank = 2;
  constexpr double kScale = 1.7;
  Values x = random_values(kRows * kIn, 1), a = random_values(kRank * kIn, 2), b = random_values(kOut * kRank, 3);
  const Values dout = random_values(kRows * kOut, 4), base = random_values(kRows * kOut, 5);
  const auto objective = [&] {
    const DeviceTensor out(*backend, kRows, kOut, base), t(*backend, kRows, kRank);
    backend->lora_forward(out, t, DeviceTensor(*backend, kRows, kIn, x), DeviceTensor(*backend, kRank, kIn, a), DeviceTensor(*backend, kOut, kRank, b), kScale);
    return inner(dout, out.values());
  };
  const DeviceTensor x_tensor(*backend, kRows, kIn, x), a_tensor(*backend, kRank, kIn, a), b_tensor(*backend, kOut, kRank, b);
  const DeviceTensor out(*backend, kRows, kOut), t(*backend, kRows, kRank), dt(*backend, kRows, kRank), dout_tensor(*backend, kRows, kOut, dout);
  backend->lora_forward(out, t, x_tensor, a_tensor, b_tensor, kScale);
  const DeviceTensor dx(*backend, kRows, kIn), da(*backend, kRank, kIn), db(*backend, kOut, kRank);
  backend->lora_backward(dx, da, db, dt, dout_tensor, x_tensor, t, a_tensor, b_tensor, kScale, Write::overwrite);
  check_gradient("dx", x, dx.values(), objective);
  check_gradient("da", a, da.values(), objective);
  check_gradient("db", b, db.values(), objective);

  const Values dx_once = dx.values(), da_once = da.values(), db_once = db.values();
  backend->lora_backward(dx, da, db, dt, dout_tensor, x_tensor, t, a_tensor, b_tensor, kScale, Write::add);
  check_close("dx twice", plus(dx_once, dx_once), dx.values(), {1e-14, 0});
  check_close("da twice", plus(da_once, da_once), da.values(), {1e-14, 0});
  check_close("db twice", plus(db_once, db_once), db.values(), {1e-14, 0});
  backend->lora_backward({}, da, db, dt, dout_tensor, x_tensor, t, a_tensor, b_tensor, kScale, Write::overwrite);
  check_close("da thrice", plus(da_once, plus(da_once, da_once)), da.values(), {1e-14, 0});
}

CASE("reference.gradient of dropout") {
  const auto backend = make_reference_double();
  constexpr int64_t kRows = 5, kCols = 11;
  const uint64_t hash = fnv1a64("row 7");
  const auto low = static_cast<int32_t>(hash), high = static_cast<int32_t>(hash >> 32);
  const DeviceIndices lows(*backend, std::vector<int32_t>(kRows, low)), highs(*backend, std::vector<int32_t>(kRows, high)), positions(*backend, {0, 1, 2, 3, 9});
  const DropoutKey key{0.4, 42, 3, 9, lows, highs, positions};
  Values x = random_values(kRows * kCols, 1);
  const Values dout = random_values(kRows * kCols, 2), before = random_values(kRows * kCols, 3);
  const auto objective = [&] {
    const DeviceTensor out(*backend, kRows, kCols, x);
    backend->dropout(out, out, key, Write::overwrite);
    return inner(dout, out.values());
  };
  const DeviceTensor dx(*backend, kRows, kCols), added(*backend, kRows, kCols, before), dout_tensor(*backend, kRows, kCols, dout);
  backend->dropout(dx, dout_tensor, key, Write::overwrite);
  backend->dropout(added, dout_tensor, key, Write::add);
  check_gradient("dx", x, dx.values(), objective);
  check_close("added", plus(before, dx.values()), added.values(), {1e-14, 0});
}

/// A tree of prompts (two answers on one root, a continuation of the first) beside a sequence of its own; rows of the step in another order.
const Segment kTree[] = {
    {-1, 2, 5, 0}, {0, 9, 3, 5}, {0, 7, 2, 5}, {1, 0, 2, 8}, {-1, 12, 4, 0},
};

CASE("reference.gradient of attention") {
  const auto backend = make_reference_double();
  constexpr int64_t kRows = 16, kHeads = 4, kGroups = 2, kSize = 3;
  const Segments segments{kTree, 5};
  for (int64_t window : {0, 1, 4}) {
    const AttentionShape shape{kHeads, kGroups, kSize, 0.7, window};
    Values q = random_values(kRows * kHeads * kSize, 1), k = random_values(kRows * kGroups * kSize, 2), v = random_values(kRows * kGroups * kSize, 3);
    const Values dout = random_values(kRows * kHeads * kSize, 4);
    const auto objective = [&] {
      const DeviceTensor out(*backend, kRows, kHeads * kSize), logsumexp(*backend, kRows, kHeads);
      backend->attention(out, logsumexp, DeviceTensor(*backend, kRows, kHeads * kSize, q), DeviceTensor(*backend, kRows, kGroups * kSize, k),
                         DeviceTensor(*backend, kRows, kGroups * kSize, v), segments, shape);
      return inner(dout, out.values());
    };
    const DeviceTensor q_tensor(*backend, kRows, kHeads * kSize, q), k_tensor(*backend, kRows, kGroups * kSize, k), v_tensor(*backend, kRows, kGroups * kSize, v);
    const DeviceTensor out(*backend, kRows, kHeads * kSize), logsumexp(*backend, kRows, kHeads), dout_tensor(*backend, kRows, kHeads * kSize, dout);
    backend->attention(out, logsumexp, q_tensor, k_tensor, v_tensor, segments, shape);
    const Values junk(kRows * kGroups * kSize, 99.0);  // gradients overwrite
    const DeviceTensor dq(*backend, kRows, kHeads * kSize), dk(*backend, kRows, kGroups * kSize, junk), dv(*backend, kRows, kGroups * kSize, junk);
    backend->attention_backward(dq, dk, dv, dout_tensor, out, logsumexp, q_tensor, k_tensor, v_tensor, segments, shape);
    check_gradient("dq", q, dq.values(), objective);
    check_gradient("dk", k, dk.values(), objective);
    check_gradient("dv", v, dv.values(), objective);
  }
}

CASE("reference.gradient of linear_cross_entropy") {
  const auto backend = make_reference_double();
  constexpr int64_t kRows = 3, kCols = 5, kVocabulary = 9;
  constexpr double kScale = 0.25;
  const OwnedWeight head(*backend, kVocabulary, kCols, 1);
  const DeviceIndices targets(*backend, {8, 0, 4});
  Values x = random_values(kRows * kCols, 2);
  const auto objective = [&] {
    const DeviceTensor loss(*backend, kRows, 1);
    backend->linear_cross_entropy(loss, {}, DeviceTensor(*backend, kRows, kCols, x), head.weight, targets, kScale);
    double sum = 0;
    for (double value : loss.values()) sum += kScale * value;
    return sum;
  };
  const DeviceTensor loss(*backend, kRows, 1), dx(*backend, kRows, kCols);
  backend->linear_cross_entropy(loss, dx, DeviceTensor(*backend, kRows, kCols, x), head.weight, targets, kScale);
  check_gradient("dx", x, dx.values(), objective);
}

}  // namespace
}  // namespace sdft::test
