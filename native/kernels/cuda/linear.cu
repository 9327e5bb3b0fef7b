// Products with frozen weights: which kernel takes them. Weights kept as f32 (and everything, in exact mode) are multiplied in float32; otherwise both sides are
// rounded to bf16 for the tensor cores, but for a few rows, where the weights' memory decides and nothing is rounded.
#include <algorithm>

#include "kernels/cuda/cublaslt.h"
#include "kernels/cuda/float_product.h"
#include "kernels/cuda/operands.h"
#include "kernels/cuda/skinny.h"
#include "kernels/cuda/tiles.h"

namespace sdft::cuda {
namespace {

/// Up to these rows packed weights are unpacked in registers, once for each eight rows, rather than into memory.
constexpr int64_t kUnpackInRegisters = 32;
/// Up to these rows a product is cut along k too, so that all of the device takes part.
constexpr int64_t kFewRows = 64;
constexpr int64_t kSplitLength = 512;

bool in_floats(const Context& context, const DeviceWeight& weight) { return context.exact || weight.kind == WeightKind::f32; }

bool takes_skinny(const Context& context, const DeviceWeight& weight, Tensor x) {
  if (context.batch_invariant || in_floats(context, weight) || !fits_skinny(weight, x)) return false;
  return x.rows <= (weight.kind == WeightKind::bf16 ? kSkinnyRows : kUnpackInRegisters);
}

void multiply_floats(const Context& context, Tensor out, Tensor x, const DeviceWeight& weight, Tensor bias) {
  const FloatOperand w = float_weight(context, weight);
  float_product(context,
                {{static_cast<const float*>(x.data), x.stride, 1}, {w.data, w.stride, 1}, x.rows, weight.rows, weight.cols, static_cast<float*>(out.data), out.stride, 1,
                 Write::overwrite, static_cast<const float*>(bias.data)},
                Order::one_sum);
}

void multiply_tiles(const Context& context, const TileProduct& product) {
  if (!context.batch_invariant && context.lt != nullptr && context.lt->takes(product) && context.lt->multiply(context, product)) return;
  const bool few = product.m <= kFewRows && !context.batch_invariant;
  tile_product(context, product, few ? std::max<int64_t>(1, product.k / kSplitLength) : 1);
}

void multiply_rounded(const Context& context, Tensor out, Operand x, int64_t rows, const DeviceWeight& weight, Tensor bias) {
  const Operand w = bf16_weight(context, weight);
  multiply_tiles(context, {x.data, w.data, x.stride, w.stride, rows, weight.rows, weight.cols, static_cast<float*>(out.data), out.stride, 0, Write::overwrite,
                           static_cast<const float*>(bias.data)});
}

}  // namespace

void linear(const Context& context, Tensor out, Tensor x, const DeviceWeight& weight, Tensor bias) {
  if (x.rows == 0) return;
  if (in_floats(context, weight)) return multiply_floats(context, out, x, weight, bias);
  if (takes_skinny(context, weight, x)) return skinny_product(context, out, x, weight, bias);
  multiply_rounded(context, out, round_rows(context, x, Scratch::activations), x.rows, weight, bias);
}

void linear_group(const Context& context, const std::vector<LinearPart>& parts, Tensor x) {
  if (x.rows == 0) return;
  Operand rounded{nullptr, 0};
  for (const LinearPart& part : parts) {
    const DeviceWeight& weight = device_weight(*part.weight);
    if (in_floats(context, weight) || takes_skinny(context, weight, x)) {
      linear(context, part.out, x, weight, part.bias);
      continue;
    }
    if (rounded.data == nullptr) rounded = round_rows(context, x, Scratch::activations);
    multiply_rounded(context, part.out, rounded, x.rows, weight, part.bias);
  }
}

void linear_backward(const Context& context, Tensor dx, Tensor dout, const DeviceWeight& weight, Write write) {
  if (dout.rows == 0) return;
  if (in_floats(context, weight)) {
    const FloatOperand w = float_weight(context, weight);
    return float_product(context,
                         {{static_cast<const float*>(dout.data), dout.stride, 1}, {w.data, 1, w.stride}, dout.rows, weight.cols, weight.rows,
                          static_cast<float*>(dx.data), dx.stride, 1, write, nullptr},
                         Order::one_sum);
  }
  const Operand gradient = round_rows(context, dout, Scratch::activations), w = bf16_weight(context, weight);
  multiply_tiles(context, {gradient.data, w.data, gradient.stride, w.stride, dout.rows, weight.cols, weight.rows, static_cast<float*>(dx.data), dx.stride, 1, write,
                           nullptr});
}

}  // namespace sdft::cuda
