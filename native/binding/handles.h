// The JavaScript objects of the engine: a model, its adapters, its trainers. Each holds a share of what it needs; dispose() gives it back, and memory goes
// when the last holder (a running call included) lets go.
#pragma once
#include <napi.h>

#include <memory>
#include <vector>

#include "binding/argument.h"
#include "binding/model_owner.h"

namespace sdft::binding {

class ModelHandle : public Napi::ObjectWrap<ModelHandle> {
 public:
  static Napi::Function define(Napi::Env env);
  static Napi::Object create(Napi::Env env, std::shared_ptr<ModelOwner> owner);
  explicit ModelHandle(const Napi::CallbackInfo& info);

 private:
  const std::shared_ptr<ModelOwner>& owner() const { return alive(owner_, "model"); }
  Napi::Value memory(const Napi::CallbackInfo& info);
  Napi::Value profile(const Napi::CallbackInfo& info);
  Napi::Value set_vocabulary(const Napi::CallbackInfo& info);
  Napi::Value create_adapter(const Napi::CallbackInfo& info);
  Napi::Value create_trainer(const Napi::CallbackInfo& info);
  Napi::Value generate(const Napi::CallbackInfo& info);
  Napi::Value score(const Napi::CallbackInfo& info);
  Napi::Value logits(const Napi::CallbackInfo& info);
  Napi::Value cancel(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  std::shared_ptr<ModelOwner> owner_;
};

class AdapterHandle : public Napi::ObjectWrap<AdapterHandle> {
 public:
  static Napi::Function define(Napi::Env env);
  static Napi::Object create(Napi::Env env, std::shared_ptr<AdapterOwner> owner);
  /// The adapter behind an argument, or null where null is given. Throws Error("adapter") when it belongs to another model.
  static std::shared_ptr<AdapterOwner> from(const Argument& argument, const std::shared_ptr<ModelOwner>& model);
  explicit AdapterHandle(const Napi::CallbackInfo& info);

 private:
  const std::shared_ptr<AdapterOwner>& owner() const { return alive(owner_, "adapter"); }
  Napi::Value rank(const Napi::CallbackInfo& info);
  Napi::Value scale(const Napi::CallbackInfo& info);
  Napi::Value tensors(const Napi::CallbackInfo& info);
  Napi::Value get(const Napi::CallbackInfo& info);
  Napi::Value set(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  std::shared_ptr<AdapterOwner> owner_;
};

class TrainerHandle : public Napi::ObjectWrap<TrainerHandle> {
 public:
  static Napi::Function define(Napi::Env env);
  static Napi::Object create(Napi::Env env, std::shared_ptr<TrainerOwner> owner);
  explicit TrainerHandle(const Napi::CallbackInfo& info);

 private:
  const std::shared_ptr<TrainerOwner>& owner() const { return alive(owner_, "trainer"); }
  Napi::Value accumulate(const Napi::CallbackInfo& info);
  Napi::Value update(const Napi::CallbackInfo& info);
  Napi::Value gradient(const Napi::CallbackInfo& info);
  Napi::Value state(const Napi::CallbackInfo& info);
  Napi::Value set_state(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  std::shared_ptr<TrainerOwner> owner_;
};

/// What the addon keeps for one JavaScript environment.
struct AddonState {
  Napi::FunctionReference model, adapter, trainer;  // constructors
  std::vector<std::weak_ptr<ModelOwner>> owners;    // told to stop when the environment goes away
};

}  // namespace sdft::binding
