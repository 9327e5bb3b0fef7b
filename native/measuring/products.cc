#include "measuring/products.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/error.h"
#include "kernels/owned_tensor.h"
#include "measuring/clock.h"
#include "measuring/roof.h"

namespace sdft::measuring {
namespace {

constexpr int64_t kColdBytes = 128 << 20;
constexpr int kLeastCalls = 3;
constexpr double kSeconds = 0.15;
/// So many rows and more are taken as training takes them.
constexpr int64_t kTrainingRows = 128;

/// A cheap sequence of 32-bit words, the same everywhere.
class Words {
 public:
  uint32_t next() { return state_ = state_ * 1664525u + 1013904223u; }
  /// Within ±1.
  float number() { return static_cast<float>(static_cast<int32_t>(next())) * (1.0f / 2147483648.0f); }

 private:
  uint32_t state_ = 1;
};

std::vector<float> numbers(int64_t count) {
  Words words;
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = words.number();
  return values;
}

/// Scales at the head of a block, as f16: 1/128, and for q4_1 the minimum −1/16.
constexpr uint16_t kScale = 0x2000, kMinimum = 0xAC00;

int block_head(DType type) { return type == DType::q4_1 ? 4 : 2; }

/// (outputs, inputs) as it would stand in a file, within about ±1.
std::vector<uint8_t> stored_matrix(const ProductSpec& product) {
  const int64_t count = product.inputs * product.outputs;
  std::vector<uint8_t> bytes(static_cast<size_t>(stored_bytes(product.type, count)));
  Words words;
  if (product.type == DType::f32) {
    for (size_t at = 0; at < bytes.size(); at += 4) {
      const float value = words.number();
      std::memcpy(bytes.data() + at, &value, sizeof value);
    }
    return bytes;
  }
  if (product.type == DType::bf16) {
    for (size_t at = 0; at < bytes.size(); at += 2) {
      const float value = words.number();
      std::memcpy(bytes.data() + at, reinterpret_cast<const char*>(&value) + 2, 2);  // cut to its upper half
    }
    return bytes;
  }
  const size_t block = static_cast<size_t>(stored_bytes(product.type, 32));
  for (size_t at = 0; at < bytes.size(); ++at) bytes[at] = static_cast<uint8_t>(words.next() >> 24);
  for (size_t at = 0; at < bytes.size(); at += block) {
    std::memcpy(bytes.data() + at, &kScale, 2);
    if (block_head(product.type) == 4) std::memcpy(bytes.data() + at + 2, &kMinimum, 2);
  }
  return bytes;
}

bool same_weight(const ProductSpec& a, const ProductSpec& b) { return a.inputs == b.inputs && a.outputs == b.outputs && a.type == b.type; }

/// Copies of one frozen matrix, taken in turn.
class ColdWeight {
 public:
  ColdWeight(Backend& backend, const ProductSpec& product) : source_(stored_matrix(product)) {
    const int64_t copies = std::max<int64_t>(2, kColdBytes / static_cast<int64_t>(source_.size()));
    const WeightSource source{source_.data(), product.type, product.outputs, product.inputs, RowOrder::natural, 0};
    for (int64_t i = 0; i < copies; ++i) weights_.push_back(backend.prepare_weight(source, WeightFormat::native));
  }

  const Weight& next() { return weights_[turn_++ % weights_.size()]; }
  double bytes() const { return weights_[0].bytes > 0 ? static_cast<double>(weights_[0].bytes) : static_cast<double>(source_.size()); }

 private:
  std::vector<uint8_t> source_;
  std::vector<Weight> weights_;
  size_t turn_ = 0;
};

ProductTime measure(Backend& backend, int threads, const ProductSpec& product, ColdWeight& weight) {
  const OwnedTensor x(backend, product.rows, product.inputs), out(backend, product.rows, product.outputs);
  backend.upload(x.view(), numbers(product.rows * product.inputs).data());
  backend.upload(out.view(), numbers(product.rows * product.outputs).data());
  const double before = multiply_adds_now(threads);
  const double seconds = median_seconds(kLeastCalls, kSeconds, [&] {
    if (product.pass == Pass::forward) backend.linear_group({{out.view(), &weight.next(), {}}}, x.view(), product.rows < kTrainingRows ? Compute::f32 : Compute::f32_tall);
    else backend.linear_backward(x.view(), out.view(), weight.next(), Write::overwrite);
    backend.synchronize();
  });
  return {seconds, weight.bytes(), std::max(before, multiply_adds_now(threads))};
}

}  // namespace

std::vector<ProductTime> measure_products(Backend& backend, int threads, const std::vector<ProductSpec>& products) {
  std::vector<ProductTime> times;
  std::unique_ptr<ColdWeight> weight;
  for (size_t i = 0; i < products.size(); ++i) {
    const ProductSpec& product = products[i];
    const bool has_blocks = product.type == DType::q8_0 || product.type == DType::q4_0 || product.type == DType::q4_1;
    require(has_blocks || product.type == DType::f32 || product.type == DType::bf16, "measuring",
            std::string("Expected weights of f32, bf16, q8_0, q4_0 or q4_1 to measure but received ") + dtype_name(product.type) + ".");
    require(!has_blocks || product.inputs % 32 == 0, "measuring",
            "Expected a multiple of 32 inputs for weights in blocks but received " + std::to_string(product.inputs) + ".");
    if (!weight || !same_weight(products[i - 1], product)) {
      weight.reset();
      weight = std::make_unique<ColdWeight>(backend, product);
    }
    times.push_back(measure(backend, threads, product, *weight));
  }
  return times;
}

}  // namespace sdft::measuring
