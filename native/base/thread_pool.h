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

  /// near: a worker begins with a share of its own of consecutive tasks, the same in every region of as many tasks, and helps others when it has done with it. So where
  /// tasks are in the order of rows it finds in its own caches what it wrote in the region before; between cores that share no cache that is a sixth of the time.
  /// in_turn: the first task first, whoever takes it; for tasks that are ordered by their length.
  enum class Order { near, in_turn };

  /// Calls body(task, worker) once for each task in [0, tasks), worker in [0, threads), and returns when all are done. Which thread
  /// takes a task must not matter to the result; all compute under FlushToZero. The first exception of a body comes out here. One caller at a time; not from inside a body.
  template <class Body>
  void run(int64_t tasks, const Body& body, Order order = Order::near) {
    run(tasks, order, [](const void* context, int64_t task, int worker) { (*static_cast<const Body*>(context))(task, worker); }, &body);
  }

  using Function = void (*)(const void* context, int64_t task, int worker);
  void run(int64_t tasks, Order order, Function function, const void* context);

 private:
  struct Shared;
  int threads_;
  std::unique_ptr<Shared> shared_;
};

}  // namespace sdft
