#include "products.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "kernels/backend.h"
#include "kernels/backends.h"
#include "kernels/owned_tensor.h"
#include "measurement.h"

namespace sdft::bench {
namespace {

struct Shape {
  const char* model;
  int64_t inputs, outputs;
};

// Every different linear layer; of the heads only the smallest model's, the others' being as long as tall products get anyway.
constexpr Shape kShapes[] = {
    {"SmolLM2-135M", 576, 576},    {"SmolLM2-135M", 576, 192},    {"SmolLM2-135M", 576, 1536},   {"SmolLM2-135M", 1536, 576},
    {"SmolLM2-135M", 576, 49152},  {"Llama-3.2-1B", 2048, 2048},  {"Llama-3.2-1B", 2048, 512},   {"Llama-3.2-1B", 2048, 8192},
    {"Llama-3.2-1B", 8192, 2048},  {"Llama-2-7B", 4096, 4096},    {"Llama-2-7B", 4096, 11008},   {"Llama-2-7B", 11008, 4096},
};

constexpr int64_t kColdBytes = 128 << 20;

/// A cheap sequence of numbers within ±1, the same everywhere.
std::vector<float> numbers(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int32_t>(state)) * (1.0f / 2147483648.0f);
  }
  return values;
}

/// (outputs, inputs) as it would stand in a file. Rounding to bf16 is by cutting: its values don't matter here.
std::vector<uint8_t> stored_matrix(const Shape& shape, DType type) {
  const std::vector<float> values = numbers(shape.inputs * shape.outputs);
  std::vector<uint8_t> bytes(static_cast<size_t>(stored_bytes(type, shape.inputs * shape.outputs)));
  if (type == DType::f32) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    uint32_t word;
    std::memcpy(&word, &values[i], sizeof word);
    const auto half = static_cast<uint16_t>(word >> 16);
    std::memcpy(bytes.data() + 2 * i, &half, sizeof half);
  }
  return bytes;
}

class Product {
 public:
  Product(Backend& backend, const Shape& shape, DType type, int64_t most_rows)
      : backend_(backend), shape_(shape), type_(type), source_(stored_matrix(shape, type)), x_(backend, most_rows, shape.inputs),
        out_(backend, most_rows, shape.outputs) {
    const int64_t copies = std::max<int64_t>(1, kColdBytes / static_cast<int64_t>(source_.size()));
    for (int64_t i = 0; i < copies; ++i) {
      const WeightSource source{source_.data(), type, shape.outputs, shape.inputs, RowOrder::natural, 0};
      weights_.push_back(backend.prepare_weight(source, WeightFormat::native));
    }
    backend.upload(x_.view(), numbers(most_rows * shape.inputs).data());
    backend.upload(out_.view(), numbers(most_rows * shape.outputs).data());
  }

  void measure(int64_t rows, int threads) {
    report("linear", rows, threads, [&] { backend_.linear(out_.top(rows), x_.top(rows), next_weight(), {}); });
    report("gradient", rows, threads,
           [&] { backend_.linear_backward(x_.top(rows), out_.top(rows), next_weight(), Write::overwrite); });
  }

 private:
  const Weight& next_weight() { return weights_[turn_++ % weights_.size()]; }

  template <typename Work>
  void report(const char* what, int64_t rows, int threads, Work work) {
    const double seconds = median_seconds(5, [&] {
      work();
      backend_.synchronize();
    });
    const double flops = 2.0 * static_cast<double>(rows * shape_.inputs * shape_.outputs);
    char metric[160];
    std::snprintf(metric, sizeof metric, "%s %s %lld to %lld, %s, %lld rows, %s", shape_.model, what,
                  static_cast<long long>(shape_.inputs), static_cast<long long>(shape_.outputs), dtype_name(type_),
                  static_cast<long long>(rows), thread_words(threads).c_str());
    char details[96];
    std::snprintf(details, sizeof details, "{\"seconds\":%.4g,\"weight_gb_per_second\":%.4g}", seconds,
                  static_cast<double>(source_.size()) / seconds / 1e9);
    print_measurement("sdft", metric, "GFLOP/s", flops / seconds / 1e9, details);
  }

  Backend& backend_;
  const Shape& shape_;
  DType type_;
  std::vector<uint8_t> source_;
  std::vector<Weight> weights_;
  OwnedTensor x_, out_;  // (most rows, inputs), (most rows, outputs)
  size_t turn_ = 0;
};

}  // namespace

void measure_products(const ProductOptions& options) {
  const std::unique_ptr<Backend> backend = make_backend("cpu", options.threads);
  const int64_t most_rows = *std::max_element(options.rows.begin(), options.rows.end());
  for (const Shape& shape : kShapes) {
    Product product(*backend, shape, options.stored, most_rows);
    for (const int rows : options.rows) product.measure(rows, options.threads);
  }
}

}  // namespace sdft::bench
