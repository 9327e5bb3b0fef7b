// LoRA (Hu et al. 2021), in float32: adapters are trained, so their own products are not rounded.
#include "kernels/cuda/float_product.h"

namespace sdft::cuda {
namespace {

Strided by_rows(Tensor x) { return {static_cast<const float*>(x.data), x.stride, 1}; }
Strided by_columns(Tensor x) { return {static_cast<const float*>(x.data), 1, x.stride}; }

FloatProduct product(Tensor out, Strided a, Strided b, int64_t k, double alpha, Write write) {
  return {a, b, out.rows, out.cols, k, static_cast<float*>(out.data), out.stride, static_cast<float>(alpha), write, nullptr};
}

}  // namespace

void lora_forward_group(const Context& context, const std::vector<LoraPart>& parts, Tensor x, double scale) {
  std::vector<FloatProduct> down, up;
  for (const LoraPart& part : parts) {
    down.push_back(product(part.t, by_rows(x), by_rows(part.a), x.cols, 1, Write::overwrite));
    up.push_back(product(part.out, by_rows(part.t), by_rows(part.b), part.t.cols, scale, Write::add));
  }
  float_products(context, down);
  float_products(context, up);
}

void lora_backward(const Context& context, Tensor dx, Tensor da, Tensor db, Tensor dt, Tensor dout, Tensor x, Tensor t, Tensor a, Tensor b, double scale,
                   Write write) {
  float_product(context, product(dt, by_rows(dout), by_columns(b), dout.cols, scale, Write::overwrite), Order::one_sum);
  float_product(context, product(db, by_columns(dout), by_columns(t), dout.rows, scale, Write::add), Order::in_chunks);
  float_product(context, product(da, by_columns(dt), by_columns(x), x.rows, 1, Write::add), Order::in_chunks);
  if (dx) float_product(context, product(dx, by_rows(dt), by_columns(a), dt.cols, 1, write), Order::one_sum);
}

}  // namespace sdft::cuda
