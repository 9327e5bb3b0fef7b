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

void lora_forward(const Context& context, Tensor out, Tensor t, Tensor x, Tensor a, Tensor b, double scale) {
  float_product(context, product(t, by_rows(x), by_rows(a), x.cols, 1, Write::overwrite), Order::one_sum);
  float_product(context, product(out, by_rows(t), by_rows(b), t.cols, scale, Write::add), Order::one_sum);
}

void lora_backward(const Context& context, Tensor dx, Tensor da, Tensor db, Tensor dt, Tensor dout, Tensor x, Tensor t, Tensor a, Tensor b, double scale,
                   Write write) {
  float_product(context, product(dt, by_rows(dout), by_columns(b), dout.cols, scale, Write::overwrite), Order::one_sum);
  float_product(context, product(db, by_columns(dout), by_columns(t), dout.rows, scale, Write::add), Order::in_chunks);
  float_product(context, product(da, by_columns(dt), by_columns(x), x.rows, 1, Write::add), Order::in_chunks);
  if (dx) float_product(context, product(dx, by_rows(dt), by_columns(a), dt.cols, 1, write), Order::one_sum);
}

}  // namespace sdft::cuda
