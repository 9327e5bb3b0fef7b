// A slow call on a model: marks the model busy until its promise settles.
#pragma once
#include <chrono>
#include <memory>
#include <utility>

#include "binding/model_owner.h"
#include "binding/promise_task.h"

namespace sdft::binding {

/// Adds its lifetime to the model's seconds.
class CallClock {
 public:
  explicit CallClock(ModelOwner& owner) : owner_(owner) {}
  ~CallClock() { owner_.call_seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count(); }
  CallClock(const CallClock&) = delete;
  CallClock& operator=(const CallClock&) = delete;

 private:
  ModelOwner& owner_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

/// Starts `steps` as the model's one running call. Throws Error("busy") while another runs.
template <class Result>
Napi::Promise run_on(Napi::Env env, const std::shared_ptr<ModelOwner>& owner, typename PromiseTask<Result>::Steps steps) {
  require_idle(*owner);
  owner->cancelled = false;
  auto execute = std::move(steps.execute);
  steps.execute = [owner, execute = std::move(execute)] {
    const CallClock clock(*owner);
    return execute();
  };
  auto finish = std::move(steps.finish);
  steps.finish = [owner, finish = std::move(finish)](Napi::Env env_then) {
    owner->busy = false;
    finish(env_then);
  };
  Napi::Promise promise = PromiseTask<Result>::start(env, std::move(steps));
  owner->busy = true;
  return promise;
}

}  // namespace sdft::binding
