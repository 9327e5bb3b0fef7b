// A slow call on a model: marks the model busy until its promise settles.
#pragma once
#include <memory>
#include <utility>

#include "binding/model_owner.h"
#include "binding/promise_task.h"

namespace sdft::binding {

/// Starts `steps` as the model's one running call. Throws Error("busy") while another runs.
template <class Result>
Napi::Promise run_on(Napi::Env env, const std::shared_ptr<ModelOwner>& owner, typename PromiseTask<Result>::Steps steps) {
  require_idle(*owner);
  owner->cancelled = false;
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
