// The JavaScript objects of the engine: a model, its adapters, its trainers; a sentence encoder. Each holds a share of what it needs; dispose() gives it back, and memory goes
// when the last holder (a running call included) lets go.
#pragma once
#include <napi.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "binding/argument.h"
#include "binding/encoder_owner.h"
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
  Napi::Value divergence(const Napi::CallbackInfo& info);
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

class EncoderHandle : public Napi::ObjectWrap<EncoderHandle> {
 public:
  static Napi::Function define(Napi::Env env);
  static Napi::Object create(Napi::Env env, std::shared_ptr<EncoderOwner> owner);
  explicit EncoderHandle(const Napi::CallbackInfo& info);

 private:
  const std::shared_ptr<EncoderOwner>& owner() const { return alive(owner_, "encoder"); }
  Napi::Value memory(const Napi::CallbackInfo& info);
  Napi::Value embed(const Napi::CallbackInfo& info);
  Napi::Value cancel(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  std::shared_ptr<EncoderOwner> owner_;
};

/// What the addon keeps for one JavaScript environment.
struct AddonState {
  Napi::FunctionReference model, adapter, trainer, encoder;  // constructors
  std::vector<std::weak_ptr<std::atomic<bool>>> cancelled;   // flags of all models and encoders: set when the environment goes away

  template <class Owner>
  void watch(const std::shared_ptr<Owner>& owner) {
    cancelled.erase(std::remove_if(cancelled.begin(), cancelled.end(), [](const auto& other) { return other.expired(); }), cancelled.end());
    cancelled.push_back(std::shared_ptr<std::atomic<bool>>(owner, &owner->cancelled));
  }
};

}  // namespace sdft::binding
