#include "model/weight_loader.h"

#include <vector>

#include "base/error.h"

namespace sdft {

namespace {

std::string shape_text(int64_t rows, int64_t cols) { return "(" + std::to_string(rows) + ", " + std::to_string(cols) + ")"; }

}  // namespace

OwnedTensor WeightLoader::vector(const std::string& name, int64_t length, double offset) const {
  const StoredTensor& stored = table_.get(name);
  require(stored.rows * stored.cols == length, "weights",
          "Expected " + std::to_string(length) + " values in " + name + " but the file has " + std::to_string(stored.rows * stored.cols) + ".");
  std::vector<float> values = read_vector(stored, head_size_);
  for (float& value : values) value = static_cast<float>(value + offset);
  OwnedTensor out(backend_, 1, length);
  backend_.upload(out.view(), values.data());
  return out;
}

Weight WeightLoader::matrix(const std::string& name, int64_t rows, int64_t cols, WeightUse use) const {
  const StoredTensor& stored = table_.get(name);
  require(stored.rows == rows && stored.cols == cols, "weights",
          "Expected shape " + shape_text(rows, cols) + " for " + name + " but the file has " + shape_text(stored.rows, stored.cols) + ".");
  const WeightSource source{stored.data, stored.type, rows, cols, stored.order, head_size_};
  Weight weight = use == WeightUse::rows ? backend_.prepare_table(source, format_) : backend_.prepare_weight(source, format_);
  table_.forget(stored);  // what the backend still reads of it, such as rows of the embedding, comes back by itself
  return weight;
}

LinearWeight WeightLoader::linear(const std::string& name, int64_t out, int64_t in) const {
  LinearWeight linear;
  linear.weight = matrix(name + ".weight", out, in, WeightUse::products);
  if (table_.has(name + ".bias")) linear.bias = vector(name + ".bias", out);
  return linear;
}

}  // namespace sdft
