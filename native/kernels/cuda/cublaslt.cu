#include "kernels/cuda/cublaslt.h"

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "kernels/cuda/cublaslt_api.h"
#include "kernels/cuda/tiles.h"

namespace sdft::cuda {

using namespace lt;

namespace {

constexpr int kAlignment = 16;

/// Plans that are kept: ragged batches bring new shapes for ever.
constexpr size_t kMostPlans = 512;

void need(Status status, const char* call) {
  if (status != 0) throw Error("device", std::string("Expected cuBLASLt to run ") + call + " but it reported status " + std::to_string(status));
}

}  // namespace

struct CublasLt::Plan {
  const Entry* entry;
  void *product = nullptr, *a = nullptr, *b = nullptr, *c = nullptr;
  Heuristic heuristic{};
  bool has_algorithm = false;
  ~Plan() {
    if (c) entry->MatrixLayoutDestroy(c);
    if (b) entry->MatrixLayoutDestroy(b);
    if (a) entry->MatrixLayoutDestroy(a);
    if (product) entry->MatmulDescDestroy(product);
  }
};

CublasLt::CublasLt() : entry_(std::make_unique<Entry>()) {}

CublasLt::~CublasLt() {
  plans_.clear();
  if (handle_ != nullptr) entry_->Destroy(handle_);
  if (workspace_ != nullptr) arena_->give_back(workspace_);
  if (entry_->library != nullptr) dlclose(entry_->library);
}

std::unique_ptr<CublasLt> CublasLt::open(std::string& why) {
  std::unique_ptr<CublasLt> lt(new CublasLt());
  Entry& entry = *lt->entry_;
  const char* chosen = std::getenv("SDFT_CUBLASLT");
  if (chosen != nullptr && *chosen == '\0') chosen = nullptr;
  if (chosen != nullptr && std::strcmp(chosen, "off") == 0) {
    why = "off (SDFT_CUBLASLT)";
    return nullptr;
  }
  for (const char* name : {"libcublasLt.so.13", "libcublasLt.so.12"})
    if (entry.library == nullptr) entry.library = dlopen(chosen != nullptr ? chosen : name, RTLD_NOW | RTLD_LOCAL);
  if (entry.library == nullptr) {
    // The loader names the file, or another one that it needs.
    const char* said = chosen != nullptr ? dlerror() : nullptr;
    why = chosen != nullptr ? std::string("cannot be opened: ") + (said != nullptr ? said : chosen) : "libcublasLt.so.13 and .12 not found";
    return nullptr;
  }
  bool whole = true;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(entry.library, (std::string("cublasLt") + name).c_str()));
    if (function == nullptr && whole) why = std::string("lacks cublasLt") + name;
    whole = whole && function != nullptr;
  };
  find(entry.GetVersion, "GetVersion");
  find(entry.Create, "Create");
  find(entry.Destroy, "Destroy");
  find(entry.MatmulDescCreate, "MatmulDescCreate");
  find(entry.MatmulDescDestroy, "MatmulDescDestroy");
  find(entry.MatmulDescSetAttribute, "MatmulDescSetAttribute");
  find(entry.MatrixLayoutCreate, "MatrixLayoutCreate");
  find(entry.MatrixLayoutDestroy, "MatrixLayoutDestroy");
  find(entry.MatmulPreferenceCreate, "MatmulPreferenceCreate");
  find(entry.MatmulPreferenceDestroy, "MatmulPreferenceDestroy");
  find(entry.MatmulPreferenceSetAttribute, "MatmulPreferenceSetAttribute");
  find(entry.MatmulAlgoGetHeuristic, "MatmulAlgoGetHeuristic");
  find(entry.Matmul, "Matmul");
  if (!whole) return nullptr;
  const Status status = entry.Create(&lt->handle_);
  if (status != 0) {
    lt->handle_ = nullptr;
    why = "does not start (status " + std::to_string(status) + ")";
    return nullptr;
  }
  lt->version_ = entry.GetVersion();
  return lt;
}

bool CublasLt::takes(const TileProduct& p) const {
  const auto aligned = [](const void* pointer, int64_t bytes) { return reinterpret_cast<uintptr_t>(pointer) % kAlignment == 0 && bytes % kAlignment == 0; };
  const bool bias = p.bias == nullptr || (reinterpret_cast<uintptr_t>(p.bias) % kAlignment == 0 && p.write == Write::overwrite);
  return p.m > 0 && p.n > 0 && p.k > 0 && aligned(p.a, 2 * p.a_stride) && aligned(p.b, 2 * p.b_stride) && aligned(p.c, 4 * p.stride) && bias;
}

/// Its matrices stand column after column, so it is asked for cᵀ (n, m) = b' (n, k) · aᵀ (k, m).
const CublasLt::Plan& CublasLt::plan_of(const TileProduct& p) {
  const Shape shape{p.m, p.n, p.k, p.a_stride, p.b_stride, p.stride, p.across != 0, p.bias != nullptr};
  const auto known = plans_.find(shape);
  if (known != plans_.end()) return *known->second;
  auto plan = std::make_unique<Plan>();
  plan->entry = entry_.get();
  const Entry& lt = *entry_;
  need(lt.MatmulDescCreate(&plan->product, kCompute32F, kReal32F), "a description");
  const int left = p.across ? kPlain : kTranspose, right = kPlain;
  need(lt.MatmulDescSetAttribute(plan->product, kTransposeA, &left, sizeof left), "a description");
  need(lt.MatmulDescSetAttribute(plan->product, kTransposeB, &right, sizeof right), "a description");
  if (p.bias != nullptr) need(lt.MatmulDescSetAttribute(plan->product, kEpilogue, &kEpilogueBias, sizeof kEpilogueBias), "a description");
  const auto rows = static_cast<uint64_t>(p.across ? p.n : p.k), cols = static_cast<uint64_t>(p.across ? p.k : p.n);
  need(lt.MatrixLayoutCreate(&plan->a, kReal16BF, rows, cols, p.b_stride), "a layout");
  need(lt.MatrixLayoutCreate(&plan->b, kReal16BF, static_cast<uint64_t>(p.k), static_cast<uint64_t>(p.m), p.a_stride), "a layout");
  need(lt.MatrixLayoutCreate(&plan->c, kReal32F, static_cast<uint64_t>(p.n), static_cast<uint64_t>(p.m), p.stride), "a layout");
  void* preference = nullptr;
  need(lt.MatmulPreferenceCreate(&preference), "a preference");
  const uint64_t workspace = kWorkspace;
  Status status = lt.MatmulPreferenceSetAttribute(preference, kWorkspaceBytes, &workspace, sizeof workspace);
  for (int operand = 0; operand < 4 && status == 0; ++operand) {
    const uint32_t alignment = kAlignment;
    status = lt.MatmulPreferenceSetAttribute(preference, kAlignmentA + operand, &alignment, sizeof alignment);
  }
  int found = 0;
  if (status == 0) status = lt.MatmulAlgoGetHeuristic(handle_, plan->product, plan->a, plan->b, plan->c, plan->c, preference, 1, &plan->heuristic, &found);
  lt.MatmulPreferenceDestroy(preference);
  if (status != kNotSupported) need(status, "the choice of an algorithm");
  plan->has_algorithm = status == 0 && found > 0 && plan->heuristic.state == 0;
  // Nothing holds a plan: a product in flight or in a recorded step was read from it when it was launched, and is known by its own numbers. Asked for again, it is
  // the same.
  if (plans_.size() >= kMostPlans) plans_.clear();
  return *(plans_[shape] = std::move(plan));
}

bool CublasLt::multiply(const Context& context, const TileProduct& p) {
  const Plan& plan = plan_of(p);
  if (!plan.has_algorithm) return false;
  if (workspace_ == nullptr) {
    arena_ = context.arena;
    workspace_ = arena_->take(static_cast<int64_t>(kWorkspace));
  }
  if (p.bias != nullptr) need(entry_->MatmulDescSetAttribute(plan.product, kBiasPointer, &p.bias, sizeof p.bias), "a bias");
  if (!note_launch(print_of(handle_, p))) return true;
  const float one = 1, kept = p.write == Write::add ? 1.0f : 0.0f;
  need(entry_->Matmul(handle_, plan.product, &one, p.b, plan.a, p.a, plan.b, &kept, p.c, plan.c, p.c, plan.c, &plan.heuristic.algorithm, workspace_, kWorkspace,
                      context.stream),
       "a product");
  return true;
}

}  // namespace sdft::cuda
