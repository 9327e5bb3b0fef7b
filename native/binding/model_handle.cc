// NativeModel of src/native/types.ts; its score and divergence are in model_scores.cc.
#include <numeric>

#include "binding/generate_call.h"
#include "binding/handles.h"
#include "binding/reals.h"
#include "binding/running_call.h"
#include "kernels/profiled.h"
#include "sampling/check_tokens.h"

namespace sdft::binding {

Napi::Function ModelHandle::define(Napi::Env env) {
  return DefineClass(env, "NativeModel",
                     {InstanceAccessor<&ModelHandle::memory>("memory"), InstanceMethod<&ModelHandle::profile>("profile", napi_default_method),
                      InstanceMethod<&ModelHandle::set_vocabulary>("setVocabulary", napi_default_method),
                      InstanceMethod<&ModelHandle::create_adapter>("createAdapter", napi_default_method), InstanceMethod<&ModelHandle::create_trainer>("createTrainer", napi_default_method),
                      InstanceMethod<&ModelHandle::generate>("generate", napi_default_method), InstanceMethod<&ModelHandle::score>("score", napi_default_method),
                      InstanceMethod<&ModelHandle::divergence>("divergence", napi_default_method),
                      InstanceMethod<&ModelHandle::logits>("logits", napi_default_method), InstanceMethod<&ModelHandle::cancel>("cancel", napi_default_method),
                      InstanceMethod<&ModelHandle::dispose>("dispose", napi_default_method),
                      InstanceMethod<&ModelHandle::dispose>(Napi::Symbol::WellKnown(env, "dispose"), napi_default_method)});
}

ModelHandle::ModelHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ModelHandle>(info) {}

Napi::Object ModelHandle::create(Napi::Env env, std::shared_ptr<ModelOwner> owner) {
  AddonState& state = *env.GetInstanceData<AddonState>();
  const Napi::Object object = state.model.New({});
  state.watch(owner);
  Unwrap(object)->owner_ = std::move(owner);
  return object;
}

Napi::Value ModelHandle::memory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&] {
    const Model& model = *owner()->model;
    Napi::Object result = Napi::Object::New(env);
    result.Set("weights", static_cast<double>(model.weight_bytes()));
    result.Set("mapped", static_cast<double>(model.mapped_bytes()));
    return result;
  });
}

Napi::Value ModelHandle::profile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&] {
    const std::shared_ptr<ModelOwner> model = owner();
    require_idle(*model);
    Napi::Array kernels = Napi::Array::New(env);
    for (const ProfileRow& row : profile_of(model->model->backend())) {
      Napi::Object entry = Napi::Object::New(env);
      entry.Set("kernel", row.kernel);
      entry.Set("calls", static_cast<double>(row.calls));
      entry.Set("rows", static_cast<double>(row.rows));
      entry.Set("seconds", row.seconds);
      entry.Set("flop", row.flop);
      entry.Set("bytes", row.bytes);
      kernels.Set(kernels.Length(), entry);
    }
    Napi::Object result = Napi::Object::New(env);
    result.Set("seconds", model->call_seconds);
    result.Set("kernels", kernels);
    return result;
  });
}

Napi::Value ModelHandle::set_vocabulary(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    ModelOwner& model = *owner();
    require_idle(model);
    model.vocabulary = std::make_shared<Vocabulary>(Argument(info[0], "bytes").bytes(), Argument(info[1], "offsets").integers(),
                                                    model.model->spec().vocab_size);
    return info.Env().Undefined();
  });
}

Napi::Value ModelHandle::create_adapter(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const std::shared_ptr<ModelOwner> model = owner();
    require_idle(*model);
    const Argument options(info[0], "options");
    AdapterShape shape{options["rank"].integer(1, 65536), options["scale"].number(), {}};
    for (const Argument& target : options["targets"].elements()) shape.targets.push_back(parse_target(target.text()));
    return AdapterHandle::create(info.Env(), std::make_shared<AdapterOwner>(model, std::move(shape)));
  });
}

Napi::Value ModelHandle::create_trainer(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const std::shared_ptr<ModelOwner> model = owner();
    require_idle(*model);
    const Argument options(info[0], "options");
    std::shared_ptr<AdapterOwner> adapter = AdapterHandle::from(options["adapter"], model);
    if (!adapter) options["adapter"].fail("an adapter made by createAdapter");
    const double dropout = options["dropout"].number();
    if (!(dropout >= 0 && dropout < 1)) options["dropout"].fail("a number from 0 to below 1");
    const uint64_t seed = static_cast<uint64_t>(options["seed"].integer(0));
    const int64_t stored_rows = options["storedRows"].integer(0, int64_t{1} << 30);
    LargestBatch largest;
    if (const Argument given = options["largestBatch"]; !given.is_null()) {
      largest.rows = given["rows"].integer(0, int64_t{1} << 30);
      largest.wanted = given["labelledRows"].integer(0, largest.rows);
      largest.prefix = given["prefixRows"].integer(0, largest.rows);
    }
    return TrainerHandle::create(info.Env(), std::make_shared<TrainerOwner>(std::move(adapter), dropout, seed, stored_rows, largest));
  });
}

Napi::Value ModelHandle::generate(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promised(env, [&]() -> Napi::Value {
    const std::shared_ptr<ModelOwner> model = owner();
    auto call = std::make_shared<const GenerateCall>(parse_generate(Argument(info[0], "requests"), Argument(info[1], "options"), model));
    require_idle(*model);
    auto channel = open_channel<GenerateProgress>(Argument(info[2], "onProgress"), model,
                                                  [](Napi::Env then, const GenerateProgress& progress) { return to_js(then, progress); });
    using Results = std::vector<GenerateResult>;
    return run_on<Results>(env, model,
                           {[model, call, channel] {
                              GenerateHooks hooks{nullptr, model->cancelled};
                              if (channel) hooks.progress = [&](GenerateProgress progress) {
                                const bool answers = !progress.finished.empty();  // which are written down
                                channel->send(std::move(progress), answers);
                              };
                              return sdft::generate(model->decoder_for(call->options.rows_per_step), *model->model, call->requests, call->options,
                                                    call->vocabulary.get(), hooks);
                            },
                            [](Napi::Env then, Results& results) { return to_js(then, results); }, close_channel(channel)});
  });
}

Napi::Value ModelHandle::logits(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promised(env, [&]() -> Napi::Value {
    const std::shared_ptr<ModelOwner> model = owner();
    const auto tokens = std::make_shared<const std::vector<int32_t>>(Argument(info[0], "tokens").integers());
    const std::shared_ptr<AdapterOwner> adapter = AdapterHandle::from(Argument(info[1], "adapter"), model);
    return run_on<Reals>(env, model,
                         {[model, tokens, adapter] {
                            check_tokens(*tokens, model->model->spec(), "tokens");
                            const int64_t rows = static_cast<int64_t>(tokens->size());
                            check_length(rows, model->model->spec(), "tokens");
                            Step step;
                            step.tokens = *tokens;
                            step.segments = {{-1, 0, rows, 0, nullptr}};
                            step.sequence_lengths = {rows};
                            step.wanted.resize(tokens->size());
                            std::iota(step.wanted.begin(), step.wanted.end(), 0);
                            step.adapter = adapter ? &adapter->adapter : nullptr;
                            return download(model->model->backend(), model->decoder_for(rows).logits(step));
                          },
                          [](Napi::Env then, Reals& reals) { return to_js(then, reals); }});
  });
}

Napi::Value ModelHandle::cancel(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    owner()->cancelled = true;
    return info.Env().Undefined();
  });
}

Napi::Value ModelHandle::dispose(const Napi::CallbackInfo& info) {
  // A running call keeps the model until it ends; nobody will want its result.
  if (owner_) owner_->cancelled = true;
  owner_.reset();
  return info.Env().Undefined();
}

}  // namespace sdft::binding
