// The kernels by the names of backend.h, as host functions that launch and return. Shapes and aliasing as there; what they are handed is already checked.
#pragma once
#include <cstdint>

#include "kernels/backend.h"
#include "kernels/cuda/device_weight.h"
#include "kernels/cuda/runtime.h"

namespace sdft::cuda {

/// What every launch needs. `exact`: products and attention in float32 throughout, for checking; `batch_invariant`: only kernels whose order of summation
/// does not depend on the number of rows.
class CublasLt;
struct Context {
  Stream stream;
  Scratch* scratch;
  Staging* staging;
  std::shared_ptr<Arena> arena;
  CublasLt* lt;  // null: own products only
  bool exact, batch_invariant;
};

// ---- plain
void zero(const Context& context, Tensor out);
void copy(const Context& context, Tensor out, Tensor x);
void add(const Context& context, Tensor out, Tensor x, Tensor y);
void gather_rows(const Context& context, Tensor out, Tensor x, Indices rows);
void scatter_rows(const Context& context, Tensor out, Tensor x, Indices rows);
void embed(const Context& context, Tensor out, const DeviceWeight& table, Indices tokens, double scale);

// ---- norm, rotation, activation
void rms_norm(const Context& context, Tensor out, Tensor x, Tensor weight, double epsilon);
void add_rms_norm(const Context& context, Tensor out, Tensor sum, Tensor x, Tensor y, Tensor weight, double epsilon);
void rms_norm_backward(const Context& context, Tensor dx, Tensor dout, Tensor x, Tensor weight, double epsilon, Write write);
/// frequencies: (D/2) on the device.
void rope_table(const Context& context, Tensor cosines, Tensor sines, Indices positions, const double* frequencies, double scale);
void rope(const Context& context, Tensor x, Tensor cosines, Tensor sines, int64_t head_size, Rotation rotation);
void gated(const Context& context, Tensor out, Tensor gate, Tensor up, Activation activation);
void gated_backward(const Context& context, Tensor dgate, Tensor dup, Tensor dout, Tensor gate, Tensor up, Activation activation);
void layer_norm(const Context& context, Tensor out, Tensor x, Tensor weight, Tensor bias, double epsilon);
void gelu(const Context& context, Tensor out, Tensor x);
void dropout(const Context& context, Tensor out, Tensor x, const DropoutKey& key, Write write);

// ---- products
void linear(const Context& context, Tensor out, Tensor x, const DeviceWeight& weight, Tensor bias);
void linear_group(const Context& context, const std::vector<LinearPart>& parts, Tensor x);
void linear_backward(const Context& context, Tensor dx, Tensor dout, const DeviceWeight& weight, Write write);
void linear_integer(const Context& context, Tensor out, Tensor x, const DeviceWeight& weight, Tensor bias);
void lora_forward_group(const Context& context, const std::vector<LoraPart>& parts, Tensor x, double scale);
void lora_backward(const Context& context, Tensor dx, Tensor da, Tensor db, Tensor dt, Tensor dout, Tensor x, Tensor t, Tensor a, Tensor b, double scale,
                   Write write);

// ---- loss and optimizer
/// Memory for logits that are made together. Rows come in multiples of 64.
constexpr int64_t kLogitBytes = int64_t{128} << 20;
void linear_cross_entropy(const Context& context, Tensor loss, Tensor dx, Tensor x, const DeviceWeight& head, Indices targets, double scale, bool integer);
void linear_divergence(const Context& context, Tensor kl, Tensor from, Tensor to, const DeviceWeight& head, bool integer);
/// sum (1): of all tensors, in their order, on the device.
void sum_of_squares(const Context& context, double* sum, KeptTable& table, const std::vector<Tensor>& tensors);
/// One launch. `clear`: gradients become zero.
void adamw(const Context& context, KeptTable& table, const std::vector<TrainedTensor>& tensors, const AdamWStep& step, bool clear);

}  // namespace sdft::cuda
