// generate() of src/native/types.ts: its arguments, its progress, its results.
#pragma once
#include <memory>
#include <vector>

#include "binding/argument.h"
#include "binding/model_owner.h"
#include "sampling/scheduler.h"

namespace sdft::binding {

/// A parsed call; holds what its work needs.
struct GenerateCall {
  std::vector<GenerateRequest> requests;
  GenerateOptions options;
  std::shared_ptr<AdapterOwner> adapter;
  std::shared_ptr<const Vocabulary> vocabulary;
};

Compute parse_compute(const Argument& compute);
GenerateCall parse_generate(const Argument& requests, const Argument& options, const std::shared_ptr<ModelOwner>& owner);
Napi::Value to_js(Napi::Env env, const GenerateProgress& progress);
Napi::Value to_js(Napi::Env env, const std::vector<GenerateResult>& results);

}  // namespace sdft::binding
