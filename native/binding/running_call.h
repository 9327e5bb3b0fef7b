// A slow call on a model or an encoder: marks its owner busy until its promise settles. An Owner has cancelled, busy and call_seconds.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "binding/argument.h"
#include "binding/progress_channel.h"
#include "binding/promise_task.h"

namespace sdft::binding {

template <class Owner>
void require_idle(const Owner& owner) {
  require(!owner.busy, "busy", "Another call is still running on this model: await it before the next one");
}

/// A progress callback, or none where the argument is null. A throwing callback cancels the call.
template <class Item, class Owner>
std::shared_ptr<ProgressChannel<Item>> open_channel(const Argument& callback, const std::shared_ptr<Owner>& owner,
                                                    typename ProgressChannel<Item>::Convert convert) {
  if (callback.is_null()) return nullptr;
  return std::make_shared<ProgressChannel<Item>>(callback.function(), std::move(convert), [owner] { owner->cancelled = true; });
}

/// A channel of how many things are done.
template <class Owner>
std::shared_ptr<ProgressChannel<int64_t>> open_counter(const Argument& callback, const std::shared_ptr<Owner>& owner) {
  return open_channel<int64_t>(callback, owner, [](Napi::Env then, const int64_t& done) -> Napi::Value {
    return Napi::Number::New(then, static_cast<double>(done));
  });
}

template <class Item>
std::function<void(Napi::Env)> close_channel(std::shared_ptr<ProgressChannel<Item>> channel) {
  return [channel](Napi::Env env) {
    if (channel) channel->close(env);
  };
}

/// Adds its lifetime to the owner's seconds.
class CallClock {
 public:
  explicit CallClock(double& seconds) : seconds_(seconds) {}
  ~CallClock() { seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count(); }
  CallClock(const CallClock&) = delete;
  CallClock& operator=(const CallClock&) = delete;

 private:
  double& seconds_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

/// Starts `steps` as the owner's one running call. Throws Error("busy") while another runs.
template <class Result, class Owner>
Napi::Promise run_on(Napi::Env env, const std::shared_ptr<Owner>& owner, typename PromiseTask<Result>::Steps steps) {
  require_idle(*owner);
  owner->cancelled = false;
  auto execute = std::move(steps.execute);
  steps.execute = [owner, execute = std::move(execute)] {
    const CallClock clock(owner->call_seconds);
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
