// The thread pool: every task once, failures come out, regions of any number follow each other, the same arithmetic on every thread.
#include "base/thread_pool.h"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "base/flush_to_zero.h"
#include "harness.h"

namespace sdft::test {
namespace {

CASE("thread_pool.run calls each task once") {
  for (int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    for (ThreadPool::Order order : {ThreadPool::Order::near, ThreadPool::Order::in_turn}) {
      for (int64_t tasks : {0, 1, 2, 5, 1000}) {
        std::vector<std::atomic<int>> calls(tasks);
        std::atomic<bool> known{true};
        const auto body = [&](int64_t task, int worker) {
          calls[task]++;
          if (worker < 0 || worker >= threads) known = false;
        };
        pool.run(tasks, body, order);
        for (auto& count : calls) CHECK(count == 1);
        CHECK(known);
      }
    }
  }
}

/// Runs ten tasks on two threads, of which both begin one before either ends one, and task 0 ends last. Returns each task and its worker in the order in which they began.
std::vector<std::pair<int64_t, int>> begun(ThreadPool::Order order) {
  ThreadPool pool(2);
  std::vector<std::pair<int64_t, int>> log(10);
  std::atomic<int64_t> count{0};
  const auto body = [&](int64_t task, int worker) {
    log[count++] = {task, worker};
    while (count < (task == 0 ? 10 : 2)) std::this_thread::yield();
  };
  pool.run(10, body, order);
  return log;
}

CASE("thread_pool.run begins with a worker's own share and helps with the others'") {
  int64_t first_of[2] = {-1, -1};
  for (const auto& [task, worker] : begun(ThreadPool::Order::near)) {
    if (first_of[worker] < 0) first_of[worker] = task;
    CHECK(worker == (task == 0 ? 0 : 1));
  }
  CHECK(first_of[0] == 0);
  CHECK(first_of[1] == 5);
}

CASE("thread_pool.run takes tasks in turn where their order matters") {
  int64_t next = 1;
  for (const auto& [task, worker] : begun(ThreadPool::Order::in_turn)) {
    if (task != 0) CHECK(task == next++);
  }
  CHECK(next == 10);
}

CASE("thread_pool.run holds through many short regions") {
  ThreadPool pool(3);
  int64_t total = 0;
  for (int region = 0; region < 20000; ++region) {
    int64_t parts[4] = {0, 0, 0, 0};
    pool.run(4, [&](int64_t task, int) { parts[task] = task + region; });
    total += parts[0] + parts[1] + parts[2] + parts[3];
  }
  CHECK(total == int64_t{20000} * 6 + 4 * (int64_t{19999} * 20000 / 2));
}

CASE("thread_pool.run rethrows the failure of a task and works on") {
  ThreadPool pool(2);
  bool thrown = false;
  try {
    pool.run(100, [](int64_t task, int) {
      if (task == 37) throw std::runtime_error("task 37");
    });
  } catch (const std::runtime_error& error) {
    thrown = std::string(error.what()) == "task 37";
  }
  CHECK(thrown);
  std::atomic<int> calls{0};
  pool.run(10, [&](int64_t, int) { calls++; });
  CHECK(calls == 10);
}

/// The product of two floats, made when the program runs.
float product(float a, float b) {
  volatile float x = a, y = b;
  return x * y;
}

CASE("thread_pool.run flushes to zero what is too small for a normal float, on all threads and nowhere else") {
  constexpr float kSmall = 1e-20f, kTooSmall = 1e-40f;
  const float expected = FlushToZero::kEffective ? 0.0f : product(kSmall, kSmall);
  CHECK(product(kSmall, kSmall) > 0);
  for (int threads : {1, 3}) {
    ThreadPool pool(threads);
    std::vector<float> results(threads, -1), operands(threads, -1);
    std::atomic<int> begun{0};
    pool.run(threads, [&](int64_t, int worker) {
      begun++;
      while (begun < threads) std::this_thread::yield();  // until each thread has one
      results[worker] = product(kSmall, kSmall);
      operands[worker] = product(kTooSmall, 1e30f);
    });
    for (float result : results) CHECK(result == expected);
    for (float operand : operands) CHECK(operand > 0);  // is read as it is
    CHECK(product(kSmall, kSmall) > 0);
    try {
      pool.run(2, [](int64_t, int) { throw std::runtime_error("a task"); });
    } catch (const std::runtime_error&) {
    }
    CHECK(product(kSmall, kSmall) > 0);
  }
}

CASE("thread_pool refuses a senseless number of threads") {
  check_throws("threads", [] { ThreadPool pool(0); });
  check_throws("threads", [] { ThreadPool pool(-3); });
}

}  // namespace
}  // namespace sdft::test
