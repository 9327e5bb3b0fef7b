// The part of cublasLt.h that we use, declared by ourselves: its header comes only with a wheel of 423 MB. The same values in CUDA 12 and 13; .ci/cublaslt.sh
// compares them with the real header.
#pragma once
#include <cstddef>
#include <cstdint>

namespace sdft::cuda::lt {

using Status = int;

/// cublasLtMatmulAlgo_t and cublasLtMatmulHeuristicResult_t.
struct Algorithm {
  uint64_t data[8];
};
struct Heuristic {
  Algorithm algorithm;
  size_t workspace;
  Status state;
  float waves;
  int reserved[4];
};

constexpr int kNotSupported = 15;
constexpr int kCompute32F = 68, kReal32F = 0, kReal16BF = 14, kTranspose = 1, kPlain = 0;
constexpr int kTransposeA = 3, kTransposeB = 4, kEpilogue = 7, kBiasPointer = 8;  // of a product's description
constexpr int kEpilogueBias = 4;
constexpr int kWorkspaceBytes = 1, kAlignmentA = 5;  // of a preference; B, C, D follow

/// Handles, descriptions and streams are pointers here; enums are int.
struct Functions {
  void* library = nullptr;  // that holds them
  size_t (*GetVersion)();
  Status (*Create)(void**);
  Status (*Destroy)(void*);
  Status (*MatmulDescCreate)(void**, int, int);
  Status (*MatmulDescDestroy)(void*);
  Status (*MatmulDescSetAttribute)(void*, int, const void*, size_t);
  Status (*MatrixLayoutCreate)(void**, int, uint64_t, uint64_t, int64_t);
  Status (*MatrixLayoutDestroy)(void*);
  Status (*MatmulPreferenceCreate)(void**);
  Status (*MatmulPreferenceDestroy)(void*);
  Status (*MatmulPreferenceSetAttribute)(void*, int, const void*, size_t);
  Status (*MatmulAlgoGetHeuristic)(void*, void*, void*, void*, void*, void*, void*, int, Heuristic*, int*);
  Status (*Matmul)(void*, void*, const void*, const void*, void*, const void*, void*, const void*, const void*, void*, void*, void*, const Algorithm*, void*, size_t,
                   void*);
};

}  // namespace sdft::cuda::lt
