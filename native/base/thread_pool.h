// A few threads that share out numbered pieces of work. They spin briefly between regions, so that a step of many short ones costs well under a
// microsecond each, and park when nothing comes, so that an idle engine takes no processor time.
#pragma once
#include <cstdint>
#include <memory>

namespace sdft {

class ThreadPool {
 public:
  /// `threads` counts the calling thread; 1 starts none. Throws Error("threads") below 1 or above 1024.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  /// Calls body(task, worker) once for each task in [0, tasks), worker in [0, threads), in no fixed order, and returns when all are done. Which thread
  /// takes a task must not matter to the result; all compute under FlushToZero. The first exception of a body comes out here. One caller at a time; not from inside a body.
  template <class Body>
  void run(int64_t tasks, const Body& body) {
    run(tasks, [](const void* context, int64_t task, int worker) { (*static_cast<const Body*>(context))(task, worker); }, &body);
  }

  using Function = void (*)(const void* context, int64_t task, int worker);
  void run(int64_t tasks, Function function, const void* context);

 private:
  struct Shared;
  int threads_;
  std::unique_ptr<Shared> shared_;
};

}  // namespace sdft
