#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "cuda_emulator.h"

namespace emulator {

namespace {

/// Settable from outside too, for tests of the library as a whole.
Device first_device() {
  Device found;
  found.present = std::getenv("SDFT_TEST_NO_DEVICE") == nullptr;
  // In MB: how large the card is, and what another program holds.
  const char *total = std::getenv("SDFT_TEST_TOTAL_MB"), *used = std::getenv("SDFT_TEST_USED_MB");
  if (total != nullptr) found.total_bytes = static_cast<size_t>(std::atoll(total)) * 1000000;
  if (used != nullptr) found.used_bytes = static_cast<size_t>(std::atoll(used)) * 1000000;
  const char* capability = std::getenv("SDFT_TEST_CAPABILITY");
  if (capability != nullptr) found.capability = std::atoi(capability);
  return found;
}

}  // namespace

Device device = first_device();
/// Until the device is lost; −1: for ever.
long long launches_left = -1;

/// Recorded work, in order.
struct Graph {
  std::vector<std::function<void()>> nodes;
};

/// Work that waits for its turn, in order.
struct Stream {
  std::deque<std::function<void()>> work;
  Graph* captured = nullptr;  // while recording
  bool spoiled = false;
  void drain() {
    while (!work.empty()) {
      const std::function<void()> next = std::move(work.front());
      work.pop_front();
      next();
    }
  }
};
struct Event {
  Stream* stream = nullptr;
};

namespace {

struct Piece {
  void* block;
  size_t bytes;
};
/// What was handed out: of the device by address, and of the host.
std::map<void*, Piece> device_pieces, pinned_pieces;
std::set<Stream*> streams;

size_t bytes_at(const std::map<void*, Piece>& pieces, const void* memory) {
  const auto above = pieces.upper_bound(const_cast<void*>(memory));
  if (above == pieces.begin()) return 0;
  const auto piece = std::prev(above);
  const auto offset = static_cast<size_t>(static_cast<const char*>(memory) - static_cast<const char*>(piece->first));
  return piece->second.bytes - std::min(offset, piece->second.bytes);
}

bool is_pinned(const void* memory) { return bytes_at(pinned_pieces, memory) > 0; }

/// `from` belongs to the host's caller, who may reuse it at once: the runtime reads pageable memory before it returns.
std::function<void()> copy_of(void* to, const void* from, size_t bytes, bool read_now) {
  if (!read_now) return [=] { std::memmove(to, from, bytes); };
  std::string kept(static_cast<const char*>(from), bytes);
  return [to, kept = std::move(kept)] { std::memcpy(to, kept.data(), kept.size()); };
}

}  // namespace

size_t device_bytes_at(const void* memory) { return bytes_at(device_pieces, memory); }

void enqueue(Stream* stream, std::function<void()> work) {
  if (stream->captured != nullptr) return stream->captured->nodes.push_back(std::move(work));
  if (settings.streams == Timing::eager) {
    stream->drain();  // of what was enqueued under other settings
    return work();
  }
  stream->work.push_back(std::move(work));
}

void enqueue_launch(Stream* stream, const Launch& launch, std::function<void()> body) {
  if (launches_left == 0) device.lost = true;
  if (device.lost) return;
  if (launches_left > 0) --launches_left;
  enqueue(stream, [launch, body = std::move(body)] { run(launch, body); });
}

}  // namespace emulator

using emulator::device;

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  if (device.lost) return cudaErrorLaunchFailure;
  if (bytes > device.total_bytes - std::min(device.total_bytes, device.used_bytes)) return cudaErrorMemoryAllocation;
  *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (*memory == nullptr) return cudaErrorMemoryAllocation;
  std::memset(*memory, 0xff, bytes);
  device.used_bytes += bytes;
  ++emulator::counts.allocations;
  emulator::device_pieces[*memory] = {*memory, bytes};
  return cudaSuccess;
}

cudaError_t cudaFree(void* memory) {
  if (memory == nullptr) return cudaSuccess;
  const auto piece = emulator::device_pieces.find(memory);
  if (piece == emulator::device_pieces.end()) emulator::fail("cudaFree of memory that cudaMalloc did not give");
  device.used_bytes -= piece->second.bytes;
  emulator::device_pieces.erase(piece);
  std::free(memory);
  return device.lost ? cudaErrorLaunchFailure : cudaSuccess;
}

cudaError_t cudaMallocHost(void** memory, size_t bytes) {
  *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (*memory == nullptr) return cudaErrorMemoryAllocation;
  emulator::pinned_pieces[*memory] = {*memory, bytes};
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* memory) {
  emulator::pinned_pieces.erase(memory);
  std::free(memory);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (device.lost) return cudaErrorLaunchFailure;
  if (kind == cudaMemcpyHostToDevice) ++emulator::counts.uploads;
  emulator::enqueue(stream, emulator::copy_of(to, from, bytes, kind == cudaMemcpyHostToDevice && !emulator::is_pinned(from)));
  return cudaSuccess;
}

cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width, size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
  for (size_t row = 0; row < height; ++row) {
    const cudaError_t status = cudaMemcpyAsync(static_cast<char*>(to) + row * to_pitch, static_cast<const char*>(from) + row * from_pitch, width, kind, stream);
    if (status != cudaSuccess) return status;
  }
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream) {
  if (device.lost) return cudaErrorLaunchFailure;
  emulator::enqueue(stream, [=] { std::memset(memory, value, bytes); });
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *total = device.total_bytes;
  *free = device.total_bytes - std::min(device.total_bytes, device.used_bytes);
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new emulator::Stream();
  emulator::streams.insert(*stream);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  stream->drain();
  emulator::streams.erase(stream);
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  if (device.lost) return cudaErrorLaunchFailure;
  for (emulator::Stream* stream : emulator::streams) stream->drain();
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (device.lost) return cudaErrorLaunchFailure;
  if (device.refuses_capture || stream->captured != nullptr) return cudaErrorStreamCaptureUnsupported;
  stream->captured = new emulator::Graph();
  stream->spoiled = false;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  if (stream->captured == nullptr) return cudaErrorInvalidValue;
  *graph = std::exchange(stream->captured, nullptr);
  if (!stream->spoiled) return ++emulator::counts.captures, cudaSuccess;
  delete std::exchange(*graph, nullptr);
  return cudaErrorStreamCaptureInvalidated;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new emulator::Graph(*graph);
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  if (device.lost) return cudaErrorLaunchFailure;
  ++emulator::counts.replays;
  for (const std::function<void()>& node : exec->nodes) emulator::enqueue(stream, node);
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (device.lost) return cudaErrorLaunchFailure;
  if (stream->captured != nullptr) {
    stream->spoiled = true;
    return cudaErrorStreamCaptureUnsupported;
  }
  stream->drain();
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new emulator::Event();
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  event->stream = stream;
  return device.lost ? cudaErrorLaunchFailure : cudaSuccess;
}

/// Later work than the event may run too: allowed, and earlier than lazy.
cudaError_t cudaEventSynchronize(cudaEvent_t event) { return event->stream != nullptr ? cudaStreamSynchronize(event->stream) : cudaSuccess; }

cudaError_t cudaGetLastError() { return device.lost ? cudaErrorLaunchFailure : cudaSuccess; }

const char* cudaGetErrorString(cudaError_t status) {
  switch (status) {
    case cudaSuccess: return "no error";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorNoDevice: return "no CUDA-capable device is detected";
    case cudaErrorInvalidValue: return "invalid argument";
    case cudaErrorStreamCaptureUnsupported: return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated: return "operation failed due to a previous error during capture";
    case cudaErrorLaunchFailure: break;
  }
  return "unspecified launch failure";
}

/// A backend begins with a device in the health that the environment asks for: SDFT_TEST_LOSE_DEVICE_AFTER so many launches.
cudaError_t cudaSetDevice(int number) {
  const char* launches = std::getenv("SDFT_TEST_LOSE_DEVICE_AFTER");
  emulator::launches_left = launches != nullptr ? std::atoll(launches) : -1;
  device.lost = false;
  return device.present && number == 0 ? cudaSuccess : cudaErrorNoDevice;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = device.present ? 1 : 0;
  return device.present ? cudaSuccess : cudaErrorNoDevice;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  std::snprintf(properties->name, sizeof properties->name, "emulated on the processor, for tests");
  properties->major = device.capability / 10;
  properties->minor = device.capability % 10;
  properties->multiProcessorCount = 1;
  properties->totalGlobalMem = device.total_bytes;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
