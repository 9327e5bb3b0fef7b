// The kernels of one instruction set as plain functions, and what they are handed. Everything here is plain data: code compiled for one instruction set
// must not carry inline functions of the library into the program.
#pragma once
#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/backend.h"
#include "kernels/cpu/attention_plan.h"
#include "kernels/cpu/packed_weight.h"
#include "kernels/cpu/workspace.h"

namespace sdft::cpu {

/// Threads and scratch memory of a backend.
struct Context {
  ThreadPool* pool;
  Workspace* workspace;
};

/// Products that share their x.
struct LinearParts {
  static constexpr int64_t kMost = 4;
  struct Part {
    Tensor out;
    const PackedWeight* weight;
    Tensor bias;
  } parts[kMost];
  int64_t count;
};

/// Same names, same meaning as in backend.h, where the contract stands.
struct Kernels {
  const char* name;
  int64_t panel_columns;

  void (*zero)(const Context&, Tensor out);
  void (*copy)(const Context&, Tensor out, Tensor x);
  void (*add)(const Context&, Tensor out, Tensor x, Tensor y);
  void (*scale)(const Context&, Tensor out, float factor);
  void (*gather_rows)(const Context&, Tensor out, Tensor x, Indices rows);
  void (*scatter_rows)(const Context&, Tensor out, Tensor x, Indices rows);
  void (*rms_norm)(const Context&, Tensor out, Tensor x, Tensor weight, double epsilon);
  void (*add_rms_norm)(const Context&, Tensor out, Tensor sum, Tensor x, Tensor y, Tensor weight, double epsilon);
  void (*rms_norm_backward)(const Context&, Tensor dx, Tensor dout, Tensor x, Tensor weight, double epsilon, Write write);
  void (*rope)(const Context&, Tensor x, Tensor cosines, Tensor sines, int64_t head_size, Rotation rotation);
  void (*gated)(const Context&, Tensor out, Tensor gate, Tensor up, Activation activation);
  void (*gated_backward)(const Context&, Tensor dgate, Tensor dup, Tensor dout, Tensor gate, Tensor up, Activation activation);
  void (*layer_norm)(const Context&, Tensor out, Tensor x, Tensor weight, Tensor bias, double epsilon);
  void (*gelu)(const Context&, Tensor out, Tensor x);
  void (*dropout)(const Context&, Tensor out, Tensor x, const DropoutKey& key, Write write);
  double (*sum_of_squares)(const Context&, Tensor x);
  void (*adamw)(const Context&, Tensor parameter, Tensor gradient, Tensor first_moment, Tensor second_moment, const AdamWStep& step);

  void (*linear)(const Context&, const LinearParts& parts, Tensor x);
  void (*linear_tall)(const Context&, const LinearParts& parts, Tensor x);     // Compute::f32_tall
  void (*linear_integer)(const Context&, const LinearParts& parts, Tensor x);  // all of one kind of panel
  void (*logit_loss)(const Context&, Tensor loss, Tensor logits, Indices targets);  // loss (M, 1) = log Σ e^logits − logits[target]
  void (*linear_backward)(const Context&, Tensor dx, Tensor dout, const PackedWeight& weight, Write write);
  void (*gated_linear)(const Context&, Tensor out, Tensor gate, Tensor up, Activation activation, const PackedWeight& weight, Tensor bias);
  void (*gated_linear_backward)(const Context&, Tensor dx, Tensor dproduct, Tensor gate, Tensor up, Activation activation, const PackedWeight& gate_weight,
                                const PackedWeight& up_weight);
  void (*lora_forward)(const Context&, Tensor out, Tensor t, Tensor x, Tensor a, Tensor b, double scale);
  void (*lora_backward)(const Context&, Tensor dx, Tensor da, Tensor db, Tensor dt, Tensor dout, Tensor x, Tensor t, Tensor a, Tensor b, double scale,
                        Write write);
  void (*linear_cross_entropy)(const Context&, Tensor loss, Tensor dx, Tensor x, const PackedWeight& head, Indices targets, double scale);
  void (*linear_divergence)(const Context&, Tensor kl, Tensor from, Tensor to, const PackedWeight& head);
  void (*logit_divergence)(const Context&, Tensor kl, Tensor from, Tensor to);  // kl (M, 1) of logits (M, V) that stand in memory

  void (*store_runs)(const Context&, const PageRuns& runs, const PageMemory& memory, Tensor k, Tensor v, const AttentionShape& shape);
  void (*attend)(const Context&, Tensor out, Tensor logsumexp, Tensor q, const AttentionTasks& tasks, const PageMemory& memory, const AttentionShape& shape);
  void (*attend_backward)(const Context&, Tensor dq, Tensor dk, Tensor dv, Tensor dout, Tensor out, Tensor logsumexp, Tensor q, const BackwardTasks& tasks,
                          const PageMemory& memory, const AttentionShape& shape);
  // CacheForm::halves
  void (*store_half_runs)(const Context&, const PageRuns& runs, const HalfPageMemory& memory, Tensor k, Tensor v, const AttentionShape& shape);
  void (*attend_halves)(const Context&, Tensor out, Tensor q, const AttentionTasks& tasks, const HalfPageMemory& memory, const AttentionShape& shape);
};

}  // namespace sdft::cpu

#define SDFT_DECLARE_KERNELS(isa) \
  namespace sdft::isa {           \
  const cpu::Kernels& kernels();  \
  }
SDFT_DECLARE_KERNELS(plain)
SDFT_DECLARE_KERNELS(neon)
SDFT_DECLARE_KERNELS(avx2)
SDFT_DECLARE_KERNELS(avx512)
#undef SDFT_DECLARE_KERNELS

/// AVX-512 with VNNI differs in its integer products only.
namespace sdft::avx512vnni {
void linear_integer(const cpu::Context&, const cpu::LinearParts& parts, Tensor x);
}

/// AVX-512 with VNNI whose products of floats with weights of 4 and 8 bits are made of digits.
namespace sdft::avx512digits {
void linear(const cpu::Context&, const cpu::LinearParts& parts, Tensor x);
void gated_linear(const cpu::Context&, Tensor out, Tensor gate, Tensor up, Activation activation, const cpu::PackedWeight& weight, Tensor bias);
}

/// For those that take over some products.
namespace sdft::avx512 {
void linear(const cpu::Context&, const cpu::LinearParts& parts, Tensor x);
void gated_linear(const cpu::Context&, Tensor out, Tensor gate, Tensor up, Activation activation, const cpu::PackedWeight& weight, Tensor bias);
}

/// Products on the matrix unit (AMX); fewer rows with weights of few bits are avx512digits', the rest is AVX-512's with VNNI.
namespace sdft::avx512amx {
void linear(const cpu::Context&, const cpu::LinearParts& parts, Tensor x);
void linear_integer(const cpu::Context&, const cpu::LinearParts& parts, Tensor x);
void linear_tall(const cpu::Context&, const cpu::LinearParts& parts, Tensor x);
void gated_linear(const cpu::Context&, Tensor out, Tensor gate, Tensor up, Activation activation, const cpu::PackedWeight& weight, Tensor bias);
void linear_backward(const cpu::Context&, Tensor dx, Tensor dout, const cpu::PackedWeight& weight, Write write);
void gated_linear_backward(const cpu::Context&, Tensor dx, Tensor dproduct, Tensor gate, Tensor up, Activation activation, const cpu::PackedWeight& gate_weight,
                           const cpu::PackedWeight& up_weight);
void linear_cross_entropy(const cpu::Context&, Tensor loss, Tensor dx, Tensor x, const cpu::PackedWeight& head, Indices targets, double scale);
void linear_divergence(const cpu::Context&, Tensor kl, Tensor from, Tensor to, const cpu::PackedWeight& head);
}
