// Losses from logits that stand in memory, for scoring with integer products.
#include "kernels/cpu/isa/exponential.h"
#include "kernels/cpu/isa/parallel.h"
#include "kernels/cpu/isa/table.h"

namespace sdft::SDFT_ISA {

void logit_loss(const cpu::Context& context, Tensor loss, Tensor logits, Indices targets) {
  context.pool->run(logits.rows, [&](int64_t row, int) {
    const float* values = row_of(logits, row);
    Vec top = broadcast(-INFINITY);
    over_vectors(logits.cols, [&](int64_t i, int lanes) {
      Vec v = load_part(values + i, lanes);
      for (int lane = lanes; lane < kLanes; ++lane) v[lane] = -INFINITY;
      top = max(top, v);
    });
    const float most = largest(top);
    // A thousand numbers at a time in float, those sums in double: long sums of floats would round away a vocabulary's tail.
    constexpr int64_t kRun = 1024;
    double total = 0;
    for (int64_t begin = 0; begin < logits.cols; begin += kRun) {
      Vec part{};
      over_vectors(smaller(kRun, logits.cols - begin), [&](int64_t i, int lanes) {
        Vec v = load_part(values + begin + i, lanes) - broadcast(most);
        for (int lane = lanes; lane < kLanes; ++lane) v[lane] = -INFINITY;
        part += exp(v);
      });
      total += static_cast<double>(sum(part));
    }
    *row_of(loss, row) = static_cast<float>(__builtin_log(total) + static_cast<double>(most) - static_cast<double>(values[targets.data[row]]));
  });
}

}  // namespace sdft::SDFT_ISA
