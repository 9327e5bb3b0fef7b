// Progress from a worker thread to a JavaScript callback. Items wait in a queue of our own, so that the task can hand over the last ones before it settles
// its promise. A callback that throws ends the work; its error becomes the promise's.
#pragma once
#include <napi.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace sdft::binding {

template <class Item>
class ProgressChannel : public std::enable_shared_from_this<ProgressChannel<Item>> {
 public:
  using Convert = std::function<Napi::Value(Napi::Env, const Item&)>;

  /// `stop` is called when the callback throws.
  ProgressChannel(Napi::Function callback, Convert convert, std::function<void()> stop)
      : convert_(std::move(convert)), stop_(std::move(stop)), wake_(Napi::ThreadSafeFunction::New(callback.Env(), callback, "sdft progress", 0, 1)),
        callback_(Napi::Persistent(callback)) {}

  /// From the worker: queues an item and wakes the event loop, unless it was just awake: it takes a processor from the engine's threads each time. What waits goes
  /// with the next item, or at the end; what must not be lost with the process is `urgent`.
  void send(Item item, bool urgent = false) {
    const auto now = std::chrono::steady_clock::now();
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      items_.push_back(std::move(item));
      if (woken_ || (!urgent && now < next_wake_)) return;
      woken_ = true;
      next_wake_ = now + kPause;
    }
    // The status is napi_closing when the environment is going away: then nobody listens any more.
    wake_.NonBlockingCall([self = this->shared_from_this()](Napi::Env env, Napi::Function) { self->deliver(env); });
  }

  /// On the main thread, when the work is over: hands over what is left. Throws what the callback threw, now or before.
  void close(Napi::Env env) {
    deliver(env);
    wake_.Release();
    callback_.Reset();
    if (failure_) throw *std::exchange(failure_, std::nullopt);
  }

 private:
  /// Between two wakings: fifty a second look like more.
  static constexpr std::chrono::milliseconds kPause{20};

  void deliver(Napi::Env env) {
    std::vector<Item> items;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      items.swap(items_);
      woken_ = false;
    }
    if (callback_.IsEmpty()) return;
    const Napi::HandleScope scope(env);
    for (const Item& item : items) {
      if (failure_) return;
      try {
        callback_.Call({convert_(env, item)});
      } catch (const Napi::Error& error) {
        failure_ = error;
        stop_();
      }
    }
  }

  Convert convert_;
  std::function<void()> stop_;
  Napi::ThreadSafeFunction wake_;
  Napi::FunctionReference callback_;
  std::mutex mutex_;
  std::vector<Item> items_;
  bool woken_ = false;  // and has not come for the items yet
  std::chrono::steady_clock::time_point next_wake_{};
  std::optional<Napi::Error> failure_;
};

}  // namespace sdft::binding
