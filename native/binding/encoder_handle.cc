// NativeEncoder of src/native/types.ts.
#include "binding/failure.h"
#include "binding/handles.h"
#include "binding/reals.h"
#include "binding/running_call.h"
#include "sampling/embedder.h"

namespace sdft::binding {

Napi::Function EncoderHandle::define(Napi::Env env) {
  return DefineClass(env, "NativeEncoder",
                     {InstanceAccessor<&EncoderHandle::memory>("memory"), InstanceMethod<&EncoderHandle::embed>("embed", napi_default_method),
                      InstanceMethod<&EncoderHandle::cancel>("cancel", napi_default_method), InstanceMethod<&EncoderHandle::dispose>("dispose", napi_default_method),
                      InstanceMethod<&EncoderHandle::dispose>(Napi::Symbol::WellKnown(env, "dispose"), napi_default_method)});
}

EncoderHandle::EncoderHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EncoderHandle>(info) {}

Napi::Object EncoderHandle::create(Napi::Env env, std::shared_ptr<EncoderOwner> owner) {
  AddonState& state = *env.GetInstanceData<AddonState>();
  const Napi::Object object = state.encoder.New({});
  state.watch(owner);
  Unwrap(object)->owner_ = std::move(owner);
  return object;
}

Napi::Value EncoderHandle::memory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&] {
    const EncoderModel& model = *owner()->model;
    Napi::Object result = Napi::Object::New(env);
    result.Set("weights", static_cast<double>(model.weight_bytes()));
    result.Set("mapped", static_cast<double>(model.mapped_bytes()));
    return result;
  });
}

Napi::Value EncoderHandle::embed(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promised(env, [&]() -> Napi::Value {
    const std::shared_ptr<EncoderOwner> encoder = owner();
    const auto texts = std::make_shared<std::vector<std::vector<int32_t>>>();
    for (const Argument& text : Argument(info[0], "texts").elements()) texts->push_back(text.integers());
    const int64_t rows = Argument(info[1], "options")["rowsPerStep"].integer(1, int64_t{1} << 20);
    require_idle(*encoder);
    auto channel = open_counter(Argument(info[2], "onProgress"), encoder);
    return run_on<Reals>(env, encoder,
                         {[encoder, texts, rows, channel] {
                            EmbedHooks hooks{nullptr, encoder->cancelled};
                            if (channel) hooks.progress = [&](int64_t done) { channel->send(done); };
                            const auto encoder_for = [&](int64_t needed) -> Encoder& { return encoder->encoder_for(needed); };
                            return narrowed(encoder->model->backend(), sdft::embed(*encoder->model, encoder_for, *texts, rows, hooks));
                          },
                          [](Napi::Env then, Reals& reals) { return to_js(then, reals); }, close_channel(channel)});
  });
}

Napi::Value EncoderHandle::cancel(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    owner()->cancelled = true;
    return info.Env().Undefined();
  });
}

Napi::Value EncoderHandle::dispose(const Napi::CallbackInfo& info) {
  // A running call keeps the encoder until it ends; nobody will want its result.
  if (owner_) owner_->cancelled = true;
  owner_.reset();
  return info.Env().Undefined();
}

}  // namespace sdft::binding
