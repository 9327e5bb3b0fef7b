// Checks a backend against the reference: the same calls on the same numbers, outputs compared element by element, and nothing written outside them. For the
// emulator's tests and for `sdft selftest` on a real device alike, so nothing here touches a backend's memory but through the contract.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/backend.h"

namespace sdft::checking {

/// |actual − expected| ≤ absolute + relative · |expected|, and `rounded` more on a backend whose products round their operands to bf16.
struct Tolerance {
  double absolute, relative, rounded;
};

/// Nothing is computed.
constexpr Tolerance kExact{0, 0, 0};
/// A handful of float roundings of numbers around 1.
constexpr Tolerance kElementwise{4e-6, 4e-6, 0};
/// A sum of `terms` products of numbers in [−1, 1), in float32: half a unit of partial sums of size sqrt(terms) / 3, at random, three times over. Rounded: each
/// factor is off by up to 2⁻⁸ of itself, 0.0023 of a product at random for both, products are 1/3 at random: 0.00077 · sqrt(terms); this is six of that.
Tolerance of_sum(int64_t terms);

struct Output {
  std::string name;
  std::vector<float> values;
  int64_t columns;
  Tolerance tolerance;
};

struct Case {
  std::string name;
  std::function<std::vector<Output>(Backend&)> run;
};

/// All cases, in the order of backend.h.
const std::vector<Case>& cases();

enum class Operands { f32, bf16 };

/// Throws Error("check") with the first wrong element and the worst.
void check(Backend& tested, Operands operands, const Case& one);

/// Whether a batch-invariant backend may take other kernels than its fastest: products with frozen weights, and long attention, which it does not split.
bool has_invariant_form(const Case& one);

/// Reproducible numbers, the same on every machine: uniform in [−scale, scale).
std::vector<float> random_floats(int64_t count, uint64_t seed, float scale = 1.0f);
/// Uniform in [0, bound).
std::vector<int32_t> random_integers(int64_t count, uint64_t seed, int32_t bound);

/// A tensor between guard zones; gaps between its rows are guarded too.
class Guarded {
 public:
  Guarded(Backend& backend, int64_t rows, int64_t cols, const std::vector<float>& values = {}, int64_t gap = 0);
  ~Guarded();
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  operator Tensor() const { return tensor_; }
  /// Throws Error("check") if anything around the elements was overwritten.
  std::vector<float> values(const std::string& name) const;
  Output output(const std::string& name, Tolerance tolerance) const { return {name, values(name), tensor_.cols, tolerance}; }

 private:
  Backend& backend_;
  Tensor whole_, tensor_;
};

class Integers {
 public:
  Integers(Backend& backend, const std::vector<int32_t>& values);
  ~Integers();
  Integers(const Integers&) = delete;
  Integers& operator=(const Integers&) = delete;
  operator Indices() const { return indices_; }

 private:
  Backend& backend_;
  Indices indices_;
};

// The parts of cases(), by file.
void add_row_cases(std::vector<Case>& cases);
void add_product_cases(std::vector<Case>& cases);
void add_attention_cases(std::vector<Case>& cases);
void add_loss_cases(std::vector<Case>& cases);

}  // namespace sdft::checking
