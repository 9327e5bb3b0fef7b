// A region opens with an odd epoch and closes with an even one. A worker joins only while it is open and the caller waits only for those who joined: a
// thread that the system has put aside never holds up a region whose tasks the others have finished.
#include "base/thread_pool.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/flush_to_zero.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace sdft {
namespace {

/// How long a worker spins before it parks; waking a parked one costs 40-60 µs, so it should outlast the gaps between the regions of a step.
constexpr std::chrono::microseconds kSpin{200};

inline void relax() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

struct ThreadPool::Shared {
  /// The tasks that a worker takes before it helps others: next … end.
  struct alignas(64) Share {
    std::atomic<int64_t> next{0};  // first that nobody has taken
    int64_t end = 0;
  };

  alignas(64) std::atomic<uint64_t> epoch{0};
  alignas(64) std::atomic<int> joined{0};     // workers inside the region
  alignas(64) std::atomic<int> parked{0};
  std::atomic<bool> stop{false};
  Function function = nullptr;
  const void* context = nullptr;
  std::vector<Share> shares;    // one for each worker
  std::mutex mutex;  // guards parking and `failure`
  std::condition_variable wake;
  std::exception_ptr failure;
  std::vector<std::thread> workers;

  void share_out(int64_t tasks, Order order) {
    const auto count = static_cast<int64_t>(shares.size());
    for (int64_t i = 0; i < count; ++i) {
      shares[i].next.store(order == Order::near ? tasks * i / count : 0, std::memory_order_relaxed);
      shares[i].end = order == Order::near ? tasks * (i + 1) / count : i == 0 ? tasks : 0;
    }
  }

  void take_tasks(int worker) {
    const size_t count = shares.size();
    for (size_t i = 0; i < count; ++i) take_tasks_of(shares[(static_cast<size_t>(worker) + i) % count], worker);
  }

  void take_tasks_of(Share& share, int worker) {
    while (share.next.load(std::memory_order_relaxed) < share.end) {
      const int64_t task = share.next.fetch_add(1, std::memory_order_relaxed);
      if (task >= share.end) return;
      try {
        function(context, task, worker);
      } catch (...) {
        std::lock_guard<std::mutex> lock(mutex);
        if (!failure) failure = std::current_exception();
      }
    }
  }

  /// Waits until the epoch is no longer `seen`: spins, then parks.
  uint64_t wait_for_change(uint64_t seen) {
    const auto limit = std::chrono::steady_clock::now() + kSpin;
    for (int turn = 1;; ++turn) {
      const uint64_t now = epoch.load(std::memory_order_acquire);
      if (now != seen) return now;
      relax();
      if (turn % 64 == 0 && std::chrono::steady_clock::now() > limit) break;
    }
    std::unique_lock<std::mutex> lock(mutex);
    parked.fetch_add(1);
    wake.wait(lock, [&] { return epoch.load() != seen; });
    parked.fetch_sub(1);
    return epoch.load();
  }

  void work(int worker) {
    const FlushToZero flush;
    uint64_t seen = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      seen = wait_for_change(seen);
      if (seen % 2 == 0) continue;
      joined.fetch_add(1);
      // Sequentially consistent with the closing in run(): either the caller sees us inside, or we see the region closed.
      if (epoch.load() == seen && !stop.load()) take_tasks(worker);
      joined.fetch_sub(1, std::memory_order_release);
    }
  }

  void advance() {
    epoch.fetch_add(1);
    if (parked.load() == 0) return;
    std::lock_guard<std::mutex> lock(mutex);
    wake.notify_all();
  }
};

ThreadPool::ThreadPool(int threads) : threads_(threads), shared_(new Shared) {
  require(threads >= 1 && threads <= 1024, "threads", "Expected between 1 and 1024 threads but received " + std::to_string(threads));
  shared_->shares = std::vector<Shared::Share>(static_cast<size_t>(threads));
  for (int worker = 1; worker < threads; ++worker) shared_->workers.emplace_back([this, worker] { shared_->work(worker); });
}

ThreadPool::~ThreadPool() {
  shared_->stop.store(true);
  shared_->advance();
  for (std::thread& worker : shared_->workers) worker.join();
}

void ThreadPool::run(int64_t tasks, Order order, Function function, const void* context) {
  const FlushToZero flush;  // on the caller's thread, which need not be ours, only as long as it works for us
  if (threads_ == 1 || tasks <= 1) {
    for (int64_t task = 0; task < tasks; ++task) function(context, task, 0);
    return;
  }
  Shared& shared = *shared_;
  shared.function = function;
  shared.context = context;
  shared.share_out(tasks, order);
  shared.advance();
  shared.take_tasks(0);
  shared.epoch.fetch_add(1);
  while (shared.joined.load() != 0) relax();
  if (shared.failure) {
    std::exception_ptr failure;
    std::swap(failure, shared.failure);
    std::rethrow_exception(failure);
  }
}

}  // namespace sdft
