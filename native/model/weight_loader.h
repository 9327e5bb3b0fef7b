// From the table of stored tensors to what a backend works with: every tensor by its name, its shape checked.
#pragma once
#include <string>

#include "kernels/owned_tensor.h"
#include "storage/weight_table.h"

namespace sdft {

struct LinearWeight {
  Weight weight;
  OwnedTensor bias;  // (1, O) or empty
};

enum class WeightUse { products, rows };

/// For the time of loading. Throws Error("weights") for a tensor that is missing or of another shape than asked for.
class WeightLoader {
 public:
  /// head_size: of interleaved rows.
  WeightLoader(const WeightTable& table, Backend& backend, WeightFormat format, int64_t head_size)
      : table_(table), backend_(backend), format_(format), head_size_(head_size) {}

  /// (1, length), `offset` added to each value.
  OwnedTensor vector(const std::string& name, int64_t length, double offset = 0) const;
  Weight matrix(const std::string& name, int64_t rows, int64_t cols, WeightUse use) const;
  /// `name`.weight (out, in), and `name`.bias where the table has one.
  LinearWeight linear(const std::string& name, int64_t out, int64_t in) const;

 private:
  const WeightTable& table_;
  Backend& backend_;
  WeightFormat format_;
  int64_t head_size_;
};

}  // namespace sdft
