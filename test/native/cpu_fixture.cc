#include "cpu_fixture.h"

#include <cstdlib>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/features.h"
#include "kernels/reference/reference.h"

namespace sdft::test {
namespace {

constexpr int64_t kGuard = 64;  // floats before and after
constexpr float kSentinel = -12345.678f;

}  // namespace

Guarded::Guarded(Backend& backend, int64_t rows, int64_t cols, const std::vector<float>& values, int64_t gap) : backend_(backend) {
  const int64_t stride = cols + gap, floats = rows * stride + 2 * kGuard;
  memory_ = backend.allocate(floats * int64_t{sizeof(float)});
  float* data = static_cast<float*>(memory_);
  for (int64_t i = 0; i < floats; ++i) data[i] = kSentinel;
  tensor_ = {data + kGuard, rows, cols, stride};
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c) data[kGuard + r * stride + c] = values.empty() ? 0.0f : values[static_cast<size_t>(r * cols + c)];
}

std::vector<float> Guarded::values(const std::string& name) const {
  const float* data = static_cast<const float*>(memory_);
  std::vector<float> inside(static_cast<size_t>(tensor_.rows * tensor_.cols));
  for (int64_t i = 0; i < tensor_.rows * tensor_.stride + 2 * kGuard; ++i) {
    const int64_t at = i - kGuard, row = at >= 0 ? at / tensor_.stride : -1, col = at >= 0 ? at % tensor_.stride : -1;
    if (at >= 0 && row < tensor_.rows && col < tensor_.cols)
      inside[static_cast<size_t>(row * tensor_.cols + col)] = data[i];
    else if (data[i] != kSentinel)
      fail(name + ": the float at (" + std::to_string(row) + ", " + std::to_string(col) + "), outside the tensor, was overwritten");
  }
  return inside;
}

Integers::Integers(Backend& backend, std::vector<int32_t> values) : backend_(backend) {
  indices_ = {static_cast<int32_t*>(backend.allocate(static_cast<int64_t>(values.size() * sizeof(int32_t)))), static_cast<int64_t>(values.size())};
  backend.upload(indices_, values.data());
}

std::vector<std::string> levels() {
  std::vector<std::string> names;
  for (cpu::InstructionSet set : cpu::available_instruction_sets()) names.push_back(cpu::instruction_set_name(set));
  return names;
}

Backend& cpu_backend(const std::string& level, int threads) {
  static std::map<std::pair<std::string, int>, std::unique_ptr<Backend>> known;
  std::unique_ptr<Backend>& backend = known[{level, threads}];
  if (!backend) {
    setenv("SDFT_CPU", level.c_str(), 1);
    backend = make_cpu(threads);
    unsetenv("SDFT_CPU");
  }
  return *backend;
}

Backend& reference_backend() {
  static const std::unique_ptr<Backend> backend = make_reference_float();
  return *backend;
}

void compare_with_reference(const std::string& what, const Operation& operation) {
  const std::vector<Output> expected = operation(reference_backend());
  for (const std::string& level : levels()) {
    const std::vector<Output> alone = operation(cpu_backend(level, 1));
    CHECK(alone.size() == expected.size());
    for (size_t i = 0; i < expected.size(); ++i)
      check_close(what + ", " + level + ": " + expected[i].name, expected[i].values, alone[i].values, expected[i].tolerance, expected[i].columns);
    for (int threads : {2, 3}) {
      const std::vector<Output> together = operation(cpu_backend(level, threads));
      for (size_t i = 0; i < expected.size(); ++i)
        check_same_bits(what + ", " + level + ", " + std::to_string(threads) + " threads against 1: " + expected[i].name, alone[i].values, together[i].values,
                        expected[i].columns);
    }
  }
}

bool takes_digits(const std::string& level) { return level == "avx512digits" || level == "avx512amx"; }

void for_each_level(const std::function<void(Backend&, const std::string&)>& body) {
  for (const std::string& level : levels()) body(cpu_backend(level, 2), level);
}

std::unique_ptr<Stored> random_stored(DType type, int64_t rows, int64_t cols, uint64_t seed, RowOrder order, int64_t head_size) {
  auto stored = std::make_unique<Stored>();
  const int64_t count = rows * cols, blocks = count / block_elements(type), block = block_bytes(type);
  stored->bytes.resize(static_cast<size_t>(stored_bytes(type, count)));
  const std::vector<float> values = random_floats(count, seed);
  const std::vector<int32_t> noise = random_integers(blocks * block, seed + 1, 256);
  for (int64_t b = 0; b < blocks; ++b) {
    uint8_t* out = stored->bytes.data() + b * block;
    if (type == DType::f32) {
      std::memcpy(out, &values[static_cast<size_t>(b)], 4);
      continue;
    }
    for (int64_t i = 0; i < block; ++i) out[i] = static_cast<uint8_t>(noise[static_cast<size_t>(b * block + i)]);
    // A small half-precision number wherever one stands, of either sign, so that weights stay below 1: 2⁻⁷ to 2⁻⁵, less where 6- or 8-bit scales multiply it.
    const int exponent = block_elements(type) == 256 ? 0x04 : type == DType::q8_0 ? 0x18 : 0x20;
    auto half = [&](int64_t at) { out[at + 1] = static_cast<uint8_t>((out[at + 1] & 0x87) | exponent); };
    switch (type) {
      case DType::bf16: out[1] = static_cast<uint8_t>((out[1] & 0x80) | 0x3E); break;
      case DType::f16: out[1] = static_cast<uint8_t>((out[1] & 0x87) | 0x30); break;
      case DType::q4_1:
      case DType::q5_1:
      case DType::q4_k:
      case DType::q5_k: half(2); [[fallthrough]];
      case DType::q4_0:
      case DType::q5_0:
      case DType::q8_0: half(0); break;
      case DType::q6_k: half(208); break;
      default: break;
    }
  }
  stored->source = {stored->bytes.data(), type, rows, cols, order, head_size};
  return stored;
}

}  // namespace sdft::test
