// Numbers of a backend on their way to JavaScript: floats, or doubles on reference-double.
#pragma once
#include <napi.h>

#include <string>
#include <variant>
#include <vector>

#include "kernels/backend.h"

namespace sdft::binding {

using Reals = std::variant<std::vector<float>, std::vector<double>>;

/// A copy of a tensor, row-major.
Reals download(Backend& backend, Tensor tensor);
/// Writes values into a tensor called `name`. Throws Error("adapter") for another count.
void upload(Backend& backend, const std::string& name, Tensor tensor, const std::vector<double>& values);
/// Values computed in double, in the backend's own precision.
Reals narrowed(Backend& backend, std::vector<double> values);
/// A Float32Array or Float64Array.
Napi::Value to_js(Napi::Env env, const Reals& reals);

}  // namespace sdft::binding
