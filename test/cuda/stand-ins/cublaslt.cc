// A stand-in for libcublasLt on the emulator: the thirteen entry points that we use, with their meaning, on host memory and in the emulator's streams. It checks
// its arguments as the real one does, and asks for strides of 16 bytes where that would only be slower. Every product overwrites the workspace that it asked
// for. Outputs of 72 columns from 64 have no algorithm for 41, 43 and 47 rows, said in three ways. Constants as in NVIDIA's cublasLt.h, written out anew.
#include <cstdint>
#include <cstring>
#include <vector>

#include "cuda_emulator.h"

namespace {

enum Status { success = 0, invalid_value = 7, not_supported = 15 };
enum DataType { real_32f = 0, real_16bf = 14 };
struct Description {
  int compute, scale, transpose_a = 0, transpose_b = 0, epilogue = 1;
  const float* bias = nullptr;
};
struct Layout {
  int type;
  uint64_t rows, cols;
  int64_t stride;
};
struct Preference {
  uint64_t workspace = 0;
  int set = 0;
};
struct Algorithm {
  uint64_t data[8];
};
struct Heuristic {
  Algorithm algorithm;
  size_t workspace;
  int state;
  float waves;
  int reserved[4];
};
constexpr uint64_t kMark = 0x5df75df7;
constexpr size_t kWorkspaceAlignment = 256;

/// For tests: descriptions and layouts that live, and how often an algorithm was asked for.
int living = 0, questions = 0;

size_t bytes_of(int type) { return type == real_32f ? 4 : type == real_16bf ? 2 : 0; }

float read(const void* data, int type, int64_t at) {
  if (type == real_32f) return static_cast<const float*>(data)[at];
  return __uint_as_float(uint32_t{static_cast<const uint16_t*>(data)[at]} << 16);
}

struct Sizes {
  uint64_t m, n, k;
  bool fit;
};
Sizes sizes_of(const Description& product, const Layout& a, const Layout& b, const Layout& c) {
  const uint64_t m = product.transpose_a ? a.cols : a.rows, k = product.transpose_a ? a.rows : a.cols;
  const uint64_t n = product.transpose_b ? b.rows : b.cols, other = product.transpose_b ? b.cols : b.rows;
  return {m, n, k, k == other && c.rows == m && c.cols == n && a.type == b.type && product.compute == 68 && product.scale == real_32f};
}

/// What a product asks for: more than any size of its own, and for rows of 40 all it may have.
uint64_t workspace_of(const Sizes& sizes, uint64_t limit) { return sizes.n == 40 ? limit : 4096 + 4 * sizes.m * sizes.n; }

template <class T>
Status make(void** out, T value) {
  *out = new T(value);
  ++living;
  return success;
}
template <class T>
Status destroy(void* it) {
  delete static_cast<T*>(it);
  --living;
  return success;
}

}  // namespace

extern "C" {

int stand_in_living() { return living; }
int stand_in_questions() { return questions; }

size_t cublasLtGetVersion() { return 130100; }
int cublasLtCreate(void** handle) {
  *handle = new int(1);
  return success;
}
int cublasLtDestroy(void* handle) {
  delete static_cast<int*>(handle);
  return success;
}
int cublasLtMatmulDescCreate(void** out, int compute, int scale) { return make(out, Description{compute, scale}); }
int cublasLtMatmulDescDestroy(void* it) { return destroy<Description>(it); }
int cublasLtMatmulDescSetAttribute(void* it, int attribute, const void* value, size_t bytes) {
  auto* product = static_cast<Description*>(it);
  if (attribute == 8) {
    if (bytes != sizeof(void*)) return invalid_value;
    std::memcpy(&product->bias, value, sizeof(void*));
    return success;
  }
  if (bytes != 4) return invalid_value;
  int* field = attribute == 3 ? &product->transpose_a : attribute == 4 ? &product->transpose_b : attribute == 7 ? &product->epilogue : nullptr;
  if (field == nullptr) return not_supported;
  std::memcpy(field, value, 4);
  return success;
}
int cublasLtMatrixLayoutCreate(void** out, int type, uint64_t rows, uint64_t cols, int64_t stride) {
  if (bytes_of(type) == 0 || stride < static_cast<int64_t>(rows)) return invalid_value;
  return make(out, Layout{type, rows, cols, stride});
}
int cublasLtMatrixLayoutDestroy(void* it) { return destroy<Layout>(it); }
int cublasLtMatmulPreferenceCreate(void** out) { return make(out, Preference{}); }
int cublasLtMatmulPreferenceDestroy(void* it) { return destroy<Preference>(it); }
int cublasLtMatmulPreferenceSetAttribute(void* it, int attribute, const void* value, size_t bytes) {
  auto* preference = static_cast<Preference*>(it);
  ++preference->set;
  if (attribute == 1 && bytes == 8) return std::memcpy(&preference->workspace, value, 8), success;
  return attribute >= 5 && attribute <= 8 && bytes == 4 ? success : invalid_value;
}
int cublasLtMatmulAlgoGetHeuristic(void*, void* it, void* a, void* b, void* c, void*, void* preference, int wanted, void* result, int* found) {
  ++questions;
  const Layout *left = static_cast<Layout*>(a), *right = static_cast<Layout*>(b), *out = static_cast<Layout*>(c);
  *found = 0;
  const Sizes sizes = sizes_of(*static_cast<Description*>(it), *left, *right, *out);
  if (wanted < 1 || !sizes.fit) return invalid_value;
  for (const Layout* layout : {left, right, out})
    if (layout->stride * static_cast<int64_t>(bytes_of(layout->type)) % 16 != 0) return not_supported;
  const uint64_t limit = static_cast<Preference*>(preference)->workspace, workspace = workspace_of(sizes, limit);
  if (workspace > limit) return not_supported;
  const bool marked = sizes.m == 72 && sizes.k == 64;
  if (marked && sizes.n == 41) return not_supported;
  if (marked && sizes.n == 43) return success;  // and none found
  Heuristic heuristic{};
  heuristic.workspace = workspace;
  if (marked && sizes.n == 47)
    heuristic.state = not_supported;
  else
    heuristic.algorithm = {{kMark, workspace, limit}};
  std::memcpy(result, &heuristic, sizeof heuristic);
  *found = 1;
  return success;
}
int cublasLtMatmul(void*, void* it, const void* alpha, const void* a_data, void* a, const void* b_data, void* b, const void* beta, const void* c_data, void* c, void* d_data,
                   void* d, const void* algorithm, void* workspace, size_t workspace_bytes, cudaStream_t stream) {
  const Description product = *static_cast<Description*>(it);
  const Layout left = *static_cast<Layout*>(a), right = *static_cast<Layout*>(b), out = *static_cast<Layout*>(c);
  const Sizes sizes = sizes_of(product, left, right, out);
  const uint64_t* chosen = static_cast<const Algorithm*>(algorithm)->data;
  const uint64_t promised = chosen[1], limit = chosen[2];
  if (!sizes.fit || d != c || chosen[0] != kMark || promised != workspace_of(sizes, limit)) return invalid_value;
  if (workspace_bytes < promised || workspace_bytes > limit || emulator::device_bytes_at(workspace) < workspace_bytes) return invalid_value;
  if (reinterpret_cast<uintptr_t>(workspace) % kWorkspaceAlignment != 0) return invalid_value;
  for (const void* data : {a_data, b_data, c_data, static_cast<const void*>(d_data)})
    if (reinterpret_cast<uintptr_t>(data) % 16 != 0) return invalid_value;
  if (product.epilogue != 1 && (product.epilogue != 4 || product.bias == nullptr)) return not_supported;
  float scale, kept;
  std::memcpy(&scale, alpha, 4);
  std::memcpy(&kept, beta, 4);
  emulator::enqueue(stream, [=] {
    std::memset(workspace, 0xff, promised);
    for (uint64_t j = 0; j < sizes.n; ++j)
      for (uint64_t i = 0; i < sizes.m; ++i) {
        float sum = 0;
        for (uint64_t k = 0; k < sizes.k; ++k) {
          const auto at = static_cast<int64_t>(product.transpose_a ? k + i * static_cast<uint64_t>(left.stride) : i + k * static_cast<uint64_t>(left.stride));
          const auto bt = static_cast<int64_t>(product.transpose_b ? j + k * static_cast<uint64_t>(right.stride) : k + j * static_cast<uint64_t>(right.stride));
          sum += read(a_data, left.type, at) * read(b_data, right.type, bt);
        }
        float* to = static_cast<float*>(d_data) + i + j * static_cast<uint64_t>(out.stride);
        float value = scale * sum + (kept != 0 ? kept * static_cast<const float*>(c_data)[i + j * static_cast<uint64_t>(out.stride)] : 0);
        if (product.epilogue == 4) value += product.bias[i];
        *to = value;
      }
  });
  return success;
}

}  // extern "C"
