// The one way that slow calls run: arguments are parsed on the main thread, the work runs on a libuv worker, its result is converted back on the main
// thread and settles a promise. Nothing that the work touches may be a JavaScript value.
#pragma once
#include <napi.h>

#include <exception>
#include <functional>
#include <optional>

#include "binding/failure.h"

namespace sdft::binding {

/// Result of work that has none.
struct Nothing {};

template <class Result>
class PromiseTask : public Napi::AsyncWorker {
 public:
  struct Steps {
    std::function<Result()> execute;                              // on a worker thread
    std::function<Napi::Value(Napi::Env, Result&)> convert;       // on the main thread, after success
    std::function<void(Napi::Env)> finish = [](Napi::Env) {};     // on the main thread, always, before convert; may throw Napi::Error
  };

  /// Starts the work; the task deletes itself when the promise is settled.
  static Napi::Promise start(Napi::Env env, Steps steps) {
    auto* task = new PromiseTask(env, std::move(steps));
    Napi::Promise promise = task->deferred_.Promise();
    task->Queue();
    return promise;
  }

 private:
  PromiseTask(Napi::Env env, Steps steps) : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), steps_(std::move(steps)) {}

  void Execute() override {
    try {
      result_.emplace(steps_.execute());
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  void OnOK() override {
    const Napi::Env env = Env();
    try {
      steps_.finish(env);
      if (failure_) std::rethrow_exception(failure_);
      deferred_.Resolve(steps_.convert(env, *result_));
    } catch (...) {
      deferred_.Reject(to_js_error(env, std::current_exception()).Value());
    }
  }

  Napi::Promise::Deferred deferred_;
  Steps steps_;
  std::optional<Result> result_;
  std::exception_ptr failure_;
};

/// Runs `body`, which parses and returns a promise; what it throws comes back as a rejected promise.
template <class Body>
Napi::Value promised(Napi::Env env, Body&& body) {
  try {
    return body();
  } catch (...) {
    auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Reject(to_js_error(env, std::current_exception()).Value());
    return deferred.Promise();
  }
}

}  // namespace sdft::binding
