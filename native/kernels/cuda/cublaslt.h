// NVIDIA's own products, opened at run time: libcublasLt is never linked, so the library loads without it. The entry points and the few constants that we use
// are declared in cublaslt_api.h.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "kernels/cuda/runtime.h"

namespace sdft::cuda {

namespace lt {
struct Functions;
}
struct Context;
struct TileProduct;

/// Memory that its products may use.
constexpr size_t kWorkspace = size_t{32} << 20;

class CublasLt {
 public:
  /// Opens $SDFT_CUBLASLT (`off`: none), else libcublasLt.so.13 or .12. Null, with the reason in `why`, where there is none or it does not start.
  static std::unique_ptr<CublasLt> open(std::string& why);
  ~CublasLt();
  CublasLt(const CublasLt&) = delete;
  CublasLt& operator=(const CublasLt&) = delete;

  size_t version() const { return version_; }
  /// Whether the operands lie as it likes them.
  bool takes(const TileProduct& product) const;
  /// False, with nothing done, where it has no algorithm for the shape. Plans are kept by shape, some hundreds of them. Throws Error("device") where it fails.
  [[nodiscard]] bool multiply(const Context& context, const TileProduct& product);

 private:
  using Entry = lt::Functions;
  struct Plan;
  CublasLt();
  const Plan& plan_of(const TileProduct& product);

  using Shape = std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, bool, bool>;
  std::unique_ptr<Entry> entry_;
  void* handle_ = nullptr;
  size_t version_ = 0;
  void* workspace_ = nullptr;
  std::shared_ptr<Arena> arena_;  // of the workspace
  std::map<Shape, std::unique_ptr<Plan>> plans_;
};

}  // namespace sdft::cuda
