#include "binding/reals.h"

#include <algorithm>

#include "base/error.h"

namespace sdft::binding {

Reals download(Backend& backend, Tensor tensor) {
  const size_t count = static_cast<size_t>(tensor.rows * tensor.cols);
  if (backend.real_bytes() == sizeof(double)) {
    std::vector<double> values(count);
    backend.download(values.data(), tensor);
    return values;
  }
  std::vector<float> values(count);
  backend.download(values.data(), tensor);
  return values;
}

void upload(Backend& backend, const std::string& name, Tensor tensor, const std::vector<double>& values) {
  require(static_cast<int64_t>(values.size()) == tensor.rows * tensor.cols, "adapter",
          "Expected " + std::to_string(tensor.rows) + " × " + std::to_string(tensor.cols) + " values for " + name + " but received " +
              std::to_string(values.size()));
  backend.upload(tensor, values.data());
}

Reals narrowed(Backend& backend, std::vector<double> values) {
  if (backend.real_bytes() == sizeof(double)) return values;
  return std::vector<float>(values.begin(), values.end());
}

Napi::Value to_js(Napi::Env env, const Reals& reals) {
  if (const auto* wide = std::get_if<std::vector<double>>(&reals)) {
    auto array = Napi::Float64Array::New(env, wide->size());
    std::copy(wide->begin(), wide->end(), array.Data());
    return array;
  }
  const auto& values = std::get<std::vector<float>>(reals);
  auto array = Napi::Float32Array::New(env, values.size());
  std::copy(values.begin(), values.end(), array.Data());
  return array;
}

}  // namespace sdft::binding
