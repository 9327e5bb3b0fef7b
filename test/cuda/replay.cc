// Steps that come again: recorded once, replayed with the same results, and recorded anew when an address has changed. And that the emulator's graphs mean what
// the driver's do.
#include "checking/check.h"
#include "emulated.h"
#include "kernels/cuda/device.cuh"

namespace sdft::test {
namespace {

__global__ void add_to(float* place, float value) {
  if (threadIdx.x == 0) *place = *place * 2 + value;
}

CASE("cuda replay.the emulator records without running, and replays in order") {
  for (size_t schedule : {size_t{0}, size_t{1}}) {
    emulator::settings = schedules()[schedule].settings;
    cudaStream_t stream = nullptr;
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess);
    float value = 1;
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed) == cudaSuccess);
    SDFT_START(add_to, dim3(1), dim3(32), 0, stream, &value, 1.0f);
    SDFT_START(add_to, dim3(1), dim3(32), 0, stream, &value, 5.0f);
    cudaGraph_t graph = nullptr;
    CHECK(cudaStreamEndCapture(stream, &graph) == cudaSuccess);
    CHECK(cudaStreamSynchronize(stream) == cudaSuccess);
    CHECK(value == 1);
    cudaGraphExec_t exec = nullptr;
    CHECK(cudaGraphInstantiate(&exec, graph, 0) == cudaSuccess);
    for (float expected : {11.0f, 51.0f}) {
      CHECK(cudaGraphLaunch(exec, stream) == cudaSuccess);
      CHECK(cudaStreamSynchronize(stream) == cudaSuccess);
      CHECK(value == expected);
    }
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed) == cudaSuccess);
    CHECK(cudaStreamSynchronize(stream) == cudaErrorStreamCaptureUnsupported);
    cudaGraph_t spoiled = nullptr;
    CHECK(cudaStreamEndCapture(stream, &spoiled) == cudaErrorStreamCaptureInvalidated && spoiled == nullptr);
    cudaGraphExecDestroy(exec);
    cudaGraphDestroy(graph);
    cudaStreamDestroy(stream);
  }
}

/// A step that sends three numbers and doubles them.
struct Doubling {
  explicit Doubling(Backend& given) : backend(given) {}
  Backend& backend;
  checking::Guarded x{backend, 1, 3}, out{backend, 1, 3}, other{backend, 1, 3};
  std::vector<float> step(const std::vector<float>& numbers, Tensor to, bool twice = false) {
    backend.repeated(7, [&] {
      backend.upload(x, numbers.data());
      backend.add(to, x, x);
      if (!twice) return;
      backend.upload(x, numbers.data());
      backend.add(to, to, x);
    });
    std::vector<float> result(3);
    backend.download(result.data(), to);
    return result;
  }
};

CASE("cuda replay.a step's uploads are its own each time") {
  for (const Schedule& schedule : schedules()) {
    emulator::settings = schedule.settings;
    const std::unique_ptr<Backend> backend = emulated_backend();
    Doubling doubling(*backend);
    emulator::counts = {};
    for (float i = 1; i < 6; ++i) CHECK((doubling.step({i, -i, 3 * i}, doubling.out) == std::vector<float>{2 * i, -2 * i, 6 * i}));
    CHECK(emulator::counts.captures == 1 && emulator::counts.replays == 4);
  }
}

CASE("cuda replay.a step whose addresses have changed is recorded again") {
  emulator::settings = schedules()[1].settings;
  const std::unique_ptr<Backend> backend = emulated_backend();
  Doubling doubling(*backend);
  for (float i = 1; i < 4; ++i) doubling.step({i, i, i}, doubling.out);
  emulator::counts = {};
  CHECK((doubling.step({9, 8, 7}, doubling.other) == std::vector<float>{18, 16, 14}));
  CHECK(emulator::counts.captures == 0 && emulator::counts.replays == 0);
  CHECK((doubling.out.values("the first place") == std::vector<float>{6, 6, 6}));
  for (float i = 1; i < 3; ++i) CHECK((doubling.step({i, 0, 0}, doubling.other) == std::vector<float>{2 * i, 0, 0}));
  CHECK(emulator::counts.captures == 1 && emulator::counts.replays == 2);
}

CASE("cuda replay.a step that sends twice to one place is run as it is") {
  emulator::settings = schedules()[1].settings;
  const std::unique_ptr<Backend> backend = emulated_backend();
  Doubling doubling(*backend);
  emulator::counts = {};
  for (float i = 1; i < 5; ++i) CHECK((doubling.step({i, i, i}, doubling.out, true) == std::vector<float>{3 * i, 3 * i, 3 * i}));
  CHECK(emulator::counts.captures == 0 && emulator::counts.replays == 0);
}

CASE("cuda replay.a driver that does not record changes no result") {
  emulator::settings = schedules()[1].settings;
  emulator::device.refuses_capture = true;
  const std::unique_ptr<Backend> backend = emulated_backend();
  Doubling doubling(*backend);
  emulator::counts = {};
  for (float i = 1; i < 5; ++i) CHECK((doubling.step({i, 2 * i, i}, doubling.out) == std::vector<float>{2 * i, 4 * i, 2 * i}));
  emulator::device.refuses_capture = false;
  CHECK(emulator::counts.captures == 0 && emulator::counts.replays == 0);
}

}  // namespace
}  // namespace sdft::test
