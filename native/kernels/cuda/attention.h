// Attention's parts. Pages of keys and of values alike: [page][kv head][kPageRows][D], in bf16 where the tensor cores take the head size, else in float32.
#pragma once
#include "kernels/cuda/attention_tables.h"
#include "kernels/cuda/kernels.h"

namespace sdft::cuda {

/// Query heads to a key-value head that the tensor-core kernels take.
constexpr int64_t kLargestFlashGroup = 32;
/// Whether the tensor-core kernels take heads of this size.
inline bool flash_takes(int64_t head_size, int64_t group) {
  return (head_size == 64 || head_size == 80 || head_size == 96 || head_size == 128 || head_size == 256) && group <= kLargestFlashGroup;
}
/// Others up to this go in float32.
constexpr int64_t kLargestHead = 256;

struct Pages {
  void *keys, *values;
  int64_t step;  // elements from page to page
};

/// What all attention kernels are told.
struct AttentionCall {
  AttentionTables tables;
  const void *keys, *values;  // pages
  int64_t page_step;
  int heads, kv_heads, group, head_size;
  float scale;
  int32_t unused;  // in place of padding: launches are known again by their bytes
  int64_t window;
};

// ---- float32, any head size (attention_plain.cu)
void store_pages_plain(const Context& context, const AttentionTables& tables, Pages pages, Tensor k, Tensor v, const AttentionShape& shape);
/// logsumexp may be empty.
void attend_plain(const Context& context, Tensor out, Tensor logsumexp, Tensor q, const AttentionCall& call);
/// along (N, H) = Σ dout · out over each head.
void attention_along(const Context& context, float* along, Tensor dout, Tensor out, int64_t heads);
void attend_backward_plain(const Context& context, Tensor dq, Tensor dk, Tensor dv, Tensor dout, const float* along, Tensor logsumexp, Tensor q, Tensor k, Tensor v,
                           const AttentionCall& call);

// ---- tensor cores (flash.cu, flash_backward.cu)
void store_pages_flash(const Context& context, const AttentionTables& tables, Pages pages, Tensor k, Tensor v, const AttentionShape& shape);
void attend_flash(const Context& context, Tensor out, Tensor logsumexp, Tensor q, const AttentionCall& call);
void attend_backward_flash(const Context& context, Tensor dq, Tensor dk, Tensor dv, Tensor dout, const float* along, Tensor logsumexp, Tensor q, Tensor k, Tensor v,
                           const AttentionCall& call);

}  // namespace sdft::cuda
