// NativeTrainer of src/native/types.ts.
#include "binding/handles.h"
#include "binding/reals.h"
#include "binding/running_call.h"
#include "binding/train_batch.h"

namespace sdft::binding {

namespace {

Napi::Object named_reals(Napi::Env env, Backend& backend, const AdapterTensors& tensors) {
  Napi::Object result = Napi::Object::New(env);
  for (const AdapterTensors::Named& named : tensors.all()) result.Set(named.name, to_js(env, download(backend, named.tensor)));
  return result;
}

/// The values of every tensor, in the order of all().
std::vector<std::vector<double>> parse_moments(const Argument& moments, const AdapterTensors& tensors) {
  std::vector<std::vector<double>> result;
  for (const AdapterTensors::Named& named : tensors.all()) {
    const Argument values = moments[named.name.c_str()];
    result.push_back(values.reals());
    if (static_cast<int64_t>(result.back().size()) != named.tensor.rows * named.tensor.cols) {
      values.fail(std::to_string(named.tensor.rows) + " × " + std::to_string(named.tensor.cols) + " values");
    }
  }
  return result;
}

void upload_all(Backend& backend, const AdapterTensors& tensors, const std::vector<std::vector<double>>& values) {
  for (size_t i = 0; i < values.size(); ++i) backend.upload(tensors.all()[i].tensor, values[i].data());
}

}  // namespace

Napi::Function TrainerHandle::define(Napi::Env env) {
  return DefineClass(env, "NativeTrainer",
                     {InstanceMethod<&TrainerHandle::accumulate>("accumulate", napi_default_method), InstanceMethod<&TrainerHandle::update>("update", napi_default_method),
                      InstanceMethod<&TrainerHandle::gradient>("gradient", napi_default_method), InstanceMethod<&TrainerHandle::state>("state", napi_default_method),
                      InstanceMethod<&TrainerHandle::set_state>("setState", napi_default_method), InstanceMethod<&TrainerHandle::dispose>("dispose", napi_default_method),
                      InstanceMethod<&TrainerHandle::dispose>(Napi::Symbol::WellKnown(env, "dispose"), napi_default_method)});
}

TrainerHandle::TrainerHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TrainerHandle>(info) {}

Napi::Object TrainerHandle::create(Napi::Env env, std::shared_ptr<TrainerOwner> owner) {
  const Napi::Object object = env.GetInstanceData<AddonState>()->trainer.New({});
  Unwrap(object)->owner_ = std::move(owner);
  return object;
}

Napi::Value TrainerHandle::accumulate(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promised(env, [&]() -> Napi::Value {
    const std::shared_ptr<TrainerOwner> trainer = owner();
    const std::shared_ptr<ModelOwner> model = trainer->adapter->owner;
    auto batch = std::make_shared<TrainingBatch>(parse_train_batch(Argument(info[0], "batch"), model->model->spec()));
    return run_on<double>(env, model,
                          {[trainer, batch] { return trainer->trainer.accumulate(*batch); },
                           [](Napi::Env env_then, double& loss) -> Napi::Value {
                             Napi::Object result = Napi::Object::New(env_then);
                             result.Set("loss", loss);
                             return result;
                           }});
  });
}

Napi::Value TrainerHandle::update(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promised(env, [&]() -> Napi::Value {
    const std::shared_ptr<TrainerOwner> trainer = owner();
    const Argument options(info[0], "options");
    const UpdateOptions update{options["learningRate"].number(), options["beta1"].number(),       options["beta2"].number(),
                               options["epsilon"].number(),      options["weightDecay"].number(), options["maxGradNorm"].number()};
    return run_on<double>(env, trainer->adapter->owner,
                          {[trainer, update] { return trainer->trainer.update(update); },
                           [](Napi::Env env_then, double& norm) -> Napi::Value {
                             Napi::Object result = Napi::Object::New(env_then);
                             result.Set("gradNorm", norm);
                             return result;
                           }});
  });
}

Napi::Value TrainerHandle::gradient(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&] {
    const TrainerOwner& trainer = *owner();
    require_idle(*trainer.adapter->owner);
    return to_js(env, download(trainer.adapter->owner->model->backend(), trainer.trainer.gradients().find(Argument(info[0], "name").text())));
  });
}

Napi::Value TrainerHandle::state(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&] {
    const TrainerOwner& trainer = *owner();
    require_idle(*trainer.adapter->owner);
    Backend& backend = trainer.adapter->owner->model->backend();
    Napi::Object result = Napi::Object::New(env);
    result.Set("step", static_cast<double>(trainer.trainer.step()));
    result.Set("firstMoments", named_reals(env, backend, trainer.trainer.first_moments()));
    result.Set("secondMoments", named_reals(env, backend, trainer.trainer.second_moments()));
    return result;
  });
}

Napi::Value TrainerHandle::set_state(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    TrainerOwner& trainer = *owner();
    require_idle(*trainer.adapter->owner);
    Backend& backend = trainer.adapter->owner->model->backend();
    const Argument state(info[0], "state");
    // All of it is read before any of it is written.
    const int64_t step = state["step"].integer(0);
    const auto first = parse_moments(state["firstMoments"], trainer.trainer.first_moments());
    const auto second = parse_moments(state["secondMoments"], trainer.trainer.second_moments());
    upload_all(backend, trainer.trainer.first_moments(), first);
    upload_all(backend, trainer.trainer.second_moments(), second);
    trainer.trainer.set_step(step);
    return info.Env().Undefined();
  });
}

Napi::Value TrainerHandle::dispose(const Napi::CallbackInfo& info) {
  owner_.reset();
  return info.Env().Undefined();
}

}  // namespace sdft::binding
