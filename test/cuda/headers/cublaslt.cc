// Compiles only where cublaslt_api.h says what NVIDIA's cublasLt.h says: values, layouts, and of each entry point the number of arguments and how each is passed
// (a pointer, or an integer of the same size). Compiled by .ci/cublaslt.sh; it makes nothing.
#include <cublasLt.h>

#include <cstddef>
#include <type_traits>

#include "kernels/cuda/cublaslt_api.h"

using namespace sdft::cuda::lt;

static_assert(kNotSupported == CUBLAS_STATUS_NOT_SUPPORTED && CUBLAS_STATUS_SUCCESS == 0);
static_assert(kCompute32F == CUBLAS_COMPUTE_32F && kReal32F == CUDA_R_32F && kReal16BF == CUDA_R_16BF);
static_assert(kTranspose == CUBLAS_OP_T && kPlain == CUBLAS_OP_N);
static_assert(kTransposeA == CUBLASLT_MATMUL_DESC_TRANSA && kTransposeB == CUBLASLT_MATMUL_DESC_TRANSB);
static_assert(kEpilogue == CUBLASLT_MATMUL_DESC_EPILOGUE && kBiasPointer == CUBLASLT_MATMUL_DESC_BIAS_POINTER && kEpilogueBias == CUBLASLT_EPILOGUE_BIAS);
static_assert(kWorkspaceBytes == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
static_assert(kAlignmentA == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES && kAlignmentA + 1 == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES &&
              kAlignmentA + 2 == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES && kAlignmentA + 3 == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);

static_assert(sizeof(Algorithm) == sizeof(cublasLtMatmulAlgo_t));
static_assert(sizeof(Heuristic) == sizeof(cublasLtMatmulHeuristicResult_t));
static_assert(offsetof(Heuristic, algorithm) == offsetof(cublasLtMatmulHeuristicResult_t, algo));
static_assert(offsetof(Heuristic, workspace) == offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize));
static_assert(offsetof(Heuristic, state) == offsetof(cublasLtMatmulHeuristicResult_t, state));
static_assert(offsetof(Heuristic, waves) == offsetof(cublasLtMatmulHeuristicResult_t, wavesCount));

template <class Ours, class Theirs>
constexpr bool passed_alike() {
  if (std::is_pointer_v<Ours> || std::is_pointer_v<Theirs>) return std::is_pointer_v<Ours> && std::is_pointer_v<Theirs>;
  return (std::is_integral_v<Theirs> || std::is_enum_v<Theirs>) && sizeof(Ours) == sizeof(Theirs);
}

template <class Ours, class Theirs>
struct Alike : std::false_type {};
template <class Result, class... Ours, class TheirResult, class... Theirs>
struct Alike<Result (*)(Ours...), TheirResult (*)(Theirs...)> {
  static constexpr bool value = [] {
    if constexpr (sizeof...(Ours) == sizeof...(Theirs)) return passed_alike<Result, TheirResult>() && (passed_alike<Ours, Theirs>() && ...);
    return false;
  }();
};

#define SAME(name) static_assert(Alike<decltype(Functions::name), decltype(&cublasLt##name)>::value, #name)
SAME(GetVersion);
SAME(Create);
SAME(Destroy);
SAME(MatmulDescCreate);
SAME(MatmulDescDestroy);
SAME(MatmulDescSetAttribute);
SAME(MatrixLayoutCreate);
SAME(MatrixLayoutDestroy);
SAME(MatmulPreferenceCreate);
SAME(MatmulPreferenceDestroy);
SAME(MatmulPreferenceSetAttribute);
SAME(MatmulAlgoGetHeuristic);
SAME(Matmul);
