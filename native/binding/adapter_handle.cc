// NativeAdapter of src/native/types.ts.
#include "binding/failure.h"
#include "binding/handles.h"
#include "binding/reals.h"
#include "binding/running_call.h"

namespace sdft::binding {

namespace {

constexpr napi_type_tag kAdapterTag = {0x5d0f7a3c11e94b02, 0xa1c6bb35270f4e91};

}  // namespace

Napi::Function AdapterHandle::define(Napi::Env env) {
  return DefineClass(env, "NativeAdapter",
                     {InstanceAccessor<&AdapterHandle::rank>("rank"), InstanceAccessor<&AdapterHandle::scale>("scale"),
                      InstanceMethod<&AdapterHandle::tensors>("tensors", napi_default_method), InstanceMethod<&AdapterHandle::get>("get", napi_default_method),
                      InstanceMethod<&AdapterHandle::set>("set", napi_default_method), InstanceMethod<&AdapterHandle::dispose>("dispose", napi_default_method),
                      InstanceMethod<&AdapterHandle::dispose>(Napi::Symbol::WellKnown(env, "dispose"), napi_default_method)});
}

AdapterHandle::AdapterHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<AdapterHandle>(info) {
  info.This().As<Napi::Object>().TypeTag(&kAdapterTag);
}

Napi::Object AdapterHandle::create(Napi::Env env, std::shared_ptr<AdapterOwner> owner) {
  const Napi::Object object = env.GetInstanceData<AddonState>()->adapter.New({});
  Unwrap(object)->owner_ = std::move(owner);
  return object;
}

std::shared_ptr<AdapterOwner> AdapterHandle::from(const Argument& argument, const std::shared_ptr<ModelOwner>& model) {
  if (argument.is_null()) return nullptr;
  const Napi::Object object = argument.object();
  if (!object.CheckTypeTag(&kAdapterTag)) argument.fail("an adapter made by createAdapter");
  std::shared_ptr<AdapterOwner> owner = Unwrap(object)->owner();
  require(owner->owner == model, "adapter", "The adapter given as " + argument.path() + " belongs to another loaded model");
  return owner;
}

Napi::Value AdapterHandle::rank(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return Napi::Number::New(info.Env(), static_cast<double>(owner()->adapter.shape().rank)); });
}

Napi::Value AdapterHandle::scale(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return Napi::Number::New(info.Env(), owner()->adapter.shape().scale); });
}

Napi::Value AdapterHandle::tensors(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&] {
    Napi::Array list = Napi::Array::New(env);
    for (const AdapterTensors::Named& named : owner()->adapter.tensors().all()) {
      Napi::Object entry = Napi::Object::New(env);
      entry.Set("name", named.name);
      entry.Set("rows", static_cast<double>(named.tensor.rows));
      entry.Set("columns", static_cast<double>(named.tensor.cols));
      list.Set(list.Length(), entry);
    }
    return list;
  });
}

Napi::Value AdapterHandle::get(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&] {
    const AdapterOwner& adapter = *owner();
    require_idle(*adapter.owner);
    return to_js(env, download(adapter.owner->model->backend(), adapter.adapter.tensors().find(Argument(info[0], "name").text())));
  });
}

Napi::Value AdapterHandle::set(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const AdapterOwner& adapter = *owner();
    require_idle(*adapter.owner);
    const std::string name = Argument(info[0], "name").text();
    upload(adapter.owner->model->backend(), name, adapter.adapter.tensors().find(name), Argument(info[1], "values").reals());
    return info.Env().Undefined();
  });
}

Napi::Value AdapterHandle::dispose(const Napi::CallbackInfo& info) {
  owner_.reset();
  return info.Env().Undefined();
}

}  // namespace sdft::binding
