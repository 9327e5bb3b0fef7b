#include "kernels/cuda/replay.h"

#include <utility>

#include "base/error.h"

namespace sdft::cuda {
namespace {

/// Steps that are kept; more come only where batches shrink, and then the oldest are of no use.
constexpr size_t kMostSteps = 96;

/// The walk that is under way on this thread.
struct Walk {
  bool launches;                            // whether they are made
  const std::vector<uint64_t>* expected;    // what they are compared with, or null
  std::vector<uint64_t> seen;
  bool alike;
};
thread_local Walk* walk = nullptr;

/// Ends a walk whatever happens in it.
struct Walking {
  explicit Walking(Walk& begun) { walk = &begun; }
  ~Walking() { walk = nullptr; }
  Walking(const Walking&) = delete;
  Walking& operator=(const Walking&) = delete;
};

}  // namespace

bool note_launch(uint64_t print) {
  if (walk == nullptr) return true;
  const size_t at = walk->seen.size();
  walk->seen.push_back(print);
  if (walk->expected != nullptr && (at >= walk->expected->size() || (*walk->expected)[at] != print)) walk->alike = false;
  return walk->launches;
}

Replay::~Replay() {
  for (auto& [key, step] : steps_) forget(step);
  if (recording_ != nullptr) cudaStreamDestroy(recording_);
}

void Replay::forget(Step& step) {
  if (step.graph != nullptr) cudaGraphExecDestroy(step.graph);
  step.graph = nullptr;
}

void Replay::run(uint64_t key, const std::function<void()>& body) {
  if (refused_ || walk != nullptr) return body();
  if (steps_.size() >= kMostSteps && steps_.count(key) == 0) {
    for (auto& [other, step] : steps_) forget(step);
    steps_.clear();
  }
  Step& step = steps_[key];
  if (step.launches.empty() || !walk_alike(step, body)) return run_noting(step, body);
  if (step.graph == nullptr && !record(step, body)) return body();
  check(cudaGraphLaunch(step.graph, stream_), "a recorded step");
}

void Replay::run_noting(Step& step, const std::function<void()>& body) {
  forget(step);
  step.launches.clear();
  Walk noting{true, nullptr, {}, true};
  const Walking walking(noting);
  body();
  step.launches = std::move(noting.seen);
}

bool Replay::walk_alike(const Step& step, const std::function<void()>& body) {
  Walk dry{false, &step.launches, {}, true};
  const Walking walking(dry);
  staging_.watch();
  body();
  // Uploads all come before the launches now: two to one place can't.
  return staging_.stop_watching() && dry.alike && dry.seen.size() == step.launches.size();
}

bool Replay::record(Step& step, const std::function<void()>& body) {
  if (recording_ == nullptr && cudaStreamCreateWithFlags(&recording_, cudaStreamNonBlocking) != cudaSuccess) return refused_ = true, false;
  cudaGraph_t graph = nullptr;
  bool recorded = cudaStreamBeginCapture(recording_, cudaStreamCaptureModeRelaxed) == cudaSuccess;
  if (recorded) {
    Walk capturing{true, &step.launches, {}, true};
    const Walking walking(capturing);
    set_stream_(recording_);
    staging_.pause(true);  // the walk before has sent everything
    try {
      body();
    } catch (const Error&) {
      recorded = false;  // such as a launch that can't be recorded: it shows again, or doesn't, when the step is run as it is
    }
    staging_.pause(false);
    set_stream_(stream_);
    recorded = cudaStreamEndCapture(recording_, &graph) == cudaSuccess && recorded && capturing.alike;
  }
  if (recorded) recorded = cudaGraphInstantiate(&step.graph, graph, 0) == cudaSuccess;
  if (graph != nullptr) cudaGraphDestroy(graph);
  if (recorded) return true;
  cudaGetLastError();
  step.graph = nullptr;
  refused_ = true;
  return false;
}

}  // namespace sdft::cuda
