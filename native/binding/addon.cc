// The addon's entries: info(), loadModel(), loadEncoder() and measureKernels().
#include <napi.h>

#include "base/revision.h"
#include "binding/handles.h"
#include "binding/load_options.h"
#include "binding/measure_kernels.h"
#include "binding/promise_task.h"
#include "binding/self_test.h"
#include "kernels/backends.h"
#include "kernels/cuda_library.h"

namespace sdft::binding {

namespace {

#if defined(__clang__)
constexpr const char* kCompiler = "Clang " __clang_version__;
#elif defined(__GNUC__)
constexpr const char* kCompiler = "GCC " __VERSION__;
#else
constexpr const char* kCompiler = "unknown";
#endif

/// Null without a library.
Napi::Value planned_sizes(Napi::Env env, const CudaFacts& facts) {
  if (facts.planned.page_rows == 0) return env.Null();
  Napi::Object sizes = Napi::Object::New(env);
  sizes.Set("pageRows", static_cast<double>(facts.planned.page_rows));
  sizes.Set("logitBytes", static_cast<double>(facts.planned.logit_bytes));
  sizes.Set("sumRows", static_cast<double>(facts.planned.sum_rows));
  sizes.Set("workspaceBytes", static_cast<double>(facts.planned.workspace_bytes));
  sizes.Set("tileRows", static_cast<double>(facts.planned.tile_rows));
  sizes.Set("splitKeys", static_cast<double>(facts.planned.split_keys));
  sizes.Set("splitBlocks", static_cast<double>(facts.planned.split_blocks));
  Napi::Array heads = Napi::Array::New(env);
  for (int64_t size : facts.planned.flash_heads)
    if (size > 0) heads.Set(heads.Length(), Napi::Number::New(env, static_cast<double>(size)));
  sizes.Set("flashHeads", heads);
  sizes.Set("flashGroup", static_cast<double>(facts.planned.flash_group));
  sizes.Set("largestHead", static_cast<double>(facts.planned.largest_head));
  return sizes;
}

Napi::Value info(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  return guarded(env, [&] {
    Napi::Object result = Napi::Object::New(env);
    result.Set("revision", kRevision);
    result.Set("compiler", kCompiler);
    Napi::Array backends = Napi::Array::New(env);
    for (const BackendInfo& backend : list_backends()) {
      Napi::Object entry = Napi::Object::New(env);
      entry.Set("name", backend.name);
      entry.Set("available", backend.available);
      entry.Set("detail", backend.detail);
      backends.Set(backends.Length(), entry);
    }
    result.Set("backends", backends);
    const CudaFacts cuda_found = cuda_facts();
    Napi::Object cuda = Napi::Object::New(env);
    cuda.Set("library", cuda_found.library);
    cuda.Set("driver", cuda_found.driver);
    Napi::Array devices = Napi::Array::New(env);
    for (const std::string& device : cuda_found.devices) devices.Set(devices.Length(), Napi::String::New(env, device));
    cuda.Set("devices", devices);
    Napi::Value memory = env.Null();
    if (cuda_found.usable) {
      Napi::Object bytes = Napi::Object::New(env);
      bytes.Set("freeBytes", static_cast<double>(cuda_found.free_bytes));
      bytes.Set("totalBytes", static_cast<double>(cuda_found.total_bytes));
      memory = bytes;
    }
    cuda.Set("memory", memory);
    cuda.Set("planned", planned_sizes(env, cuda_found));
    cuda.Set("used", cuda_found.usable ? Napi::Value(Napi::String::New(env, cuda_found.used)) : env.Null());
    cuda.Set("exact", !cuda_rounds());
    result.Set("cuda", cuda);
    Napi::Array features = Napi::Array::New(env);
    for (const std::string& feature : cpu_features()) features.Set(features.Length(), Napi::String::New(env, feature));
    result.Set("cpuFeatures", features);
    const std::string instruction_set = cpu_instruction_set();
    result.Set("instructionSet", instruction_set.empty() ? env.Null() : Napi::Value(Napi::String::New(env, instruction_set)));
    result.Set("physicalCores", physical_cores());
    return result;
  });
}

Napi::Value load_model_call(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  return promised(env, [&]() -> Napi::Value {
    auto options = std::make_shared<const LoadOptions>(parse_load_options(Argument(call[0], "options")));
    using Loaded = std::shared_ptr<ModelOwner>;
    return PromiseTask<Loaded>::start(env, {[options] { return std::make_shared<ModelOwner>(load_model(*options)); },
                                            [](Napi::Env then, Loaded& owner) -> Napi::Value { return ModelHandle::create(then, std::move(owner)); }});
  });
}

Napi::Value load_encoder_call(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  return promised(env, [&]() -> Napi::Value {
    auto options = std::make_shared<const EncoderLoadOptions>(parse_encoder_load_options(Argument(call[0], "options")));
    using Loaded = std::shared_ptr<EncoderOwner>;
    return PromiseTask<Loaded>::start(env, {[options] { return std::make_shared<EncoderOwner>(load_encoder(*options)); },
                                            [](Napi::Env then, Loaded& owner) -> Napi::Value { return EncoderHandle::create(then, std::move(owner)); }});
  });
}

/// Tells running calls to stop.
void stop_all(AddonState* state) {
  for (const std::weak_ptr<std::atomic<bool>>& weak : state->cancelled) {
    if (const std::shared_ptr<std::atomic<bool>> cancelled = weak.lock()) *cancelled = true;
  }
}

/// At the end of the process or worker Node waits for running calls, so they are told. process.exit() runs no cleanup hooks, and a worker that is
/// terminated emits no exit event: both are needed.
void stop_at_exit(Napi::Env env, AddonState* state) {
  env.AddCleanupHook(stop_all, state);
  const Napi::Object process = env.Global().Get("process").As<Napi::Object>();
  const auto stop = Napi::Function::New(env, [state](const Napi::CallbackInfo&) { stop_all(state); }, "stopEngine");
  process.Get("once").As<Napi::Function>().Call(process, {Napi::String::New(env, "exit"), stop});
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  auto state = std::make_unique<AddonState>();
  state->model = Napi::Persistent(ModelHandle::define(env));
  state->adapter = Napi::Persistent(AdapterHandle::define(env));
  state->trainer = Napi::Persistent(TrainerHandle::define(env));
  state->encoder = Napi::Persistent(EncoderHandle::define(env));
  AddonState* kept = state.release();
  env.SetInstanceData(kept);  // deletes it with the environment
  stop_at_exit(env, kept);
  exports.Set("info", Napi::Function::New<info>(env, "info"));
  exports.Set("loadModel", Napi::Function::New<load_model_call>(env, "loadModel"));
  exports.Set("loadEncoder", Napi::Function::New<load_encoder_call>(env, "loadEncoder"));
  exports.Set("selfTest", Napi::Function::New<self_test>(env, "selfTest"));
  exports.Set("measureKernels", Napi::Function::New<measure_kernels>(env, "measureKernels"));
  return exports;
}

}  // namespace

}  // namespace sdft::binding

static Napi::Object Initialize(Napi::Env env, Napi::Object exports) { return sdft::binding::initialize(env, exports); }
NODE_API_MODULE(sdft, Initialize)
