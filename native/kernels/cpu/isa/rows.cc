// Kernels that go row by row: copies, norm, rotation, gated activation, dropout, optimizer.
#include "kernels/cpu/isa/activation.h"
#include "kernels/cpu/isa/parallel.h"
#include "kernels/cpu/isa/table.h"

namespace sdft::SDFT_ISA {

using cpu::Context;

void zero(const Context& context, Tensor out) {
  over_rows(context, out.rows, out.cols, [&](int64_t row) { std::memset(row_of(out, row), 0, static_cast<size_t>(out.cols) * sizeof(float)); });
}

void copy(const Context& context, Tensor out, Tensor x) {
  over_rows(context, out.rows, out.cols, [&](int64_t row) { std::memmove(row_of(out, row), row_of(x, row), static_cast<size_t>(out.cols) * sizeof(float)); });
}

void scale(const Context& context, Tensor out, float factor) {
  over_rows(context, out.rows, out.cols, [&](int64_t row) {
    float* to = row_of(out, row);
    over_vectors(out.cols, [&](int64_t i, int lanes) { store_part(to + i, load_part(to + i, lanes) * broadcast(factor), lanes); });
  });
}

void gather_rows(const Context& context, Tensor out, Tensor x, Indices rows) {
  over_rows(context, out.rows, out.cols,
            [&](int64_t row) { std::memcpy(row_of(out, row), row_of(x, rows.data[row]), static_cast<size_t>(out.cols) * sizeof(float)); });
}

void scatter_rows(const Context& context, Tensor out, Tensor x, Indices rows) {
  zero(context, out);
  over_rows(context, x.rows, x.cols,
            [&](int64_t row) { std::memcpy(row_of(out, rows.data[row]), row_of(x, row), static_cast<size_t>(x.cols) * sizeof(float)); });
}

namespace {

/// 1 / sqrt(mean(x²) + epsilon)
float inverse_root(const float* x, int64_t columns, double epsilon) {
  Vec even{}, odd{};
  int64_t i = 0;
  for (; i + 2 * kLanes <= columns; i += 2 * kLanes) {
    const Vec a = load(x + i), b = load(x + i + kLanes);
    even = fma(a, a, even);
    odd = fma(b, b, odd);
  }
  for (; i < columns; i += kLanes) {
    const Vec a = load_part(x + i, lanes_of(columns - i, 0));
    even = fma(a, a, even);
  }
  return static_cast<float>(1.0 / __builtin_sqrt(static_cast<double>(sum(even + odd)) / static_cast<double>(columns) + epsilon));
}

inline void add_row(float* to, const float* a, const float* b, int64_t columns) {
  over_vectors(columns, [&](int64_t i, int lanes) { store_part(to + i, load_part(a + i, lanes) + load_part(b + i, lanes), lanes); });
}

inline void norm_row(float* to, const float* from, const float* weight, int64_t columns, double epsilon) {
  const Vec r = broadcast(inverse_root(from, columns, epsilon));
  over_vectors(columns, [&](int64_t i, int lanes) { store_part(to + i, load_part(from + i, lanes) * r * load_part(weight + i, lanes), lanes); });
}

}  // namespace

void add(const Context& context, Tensor out, Tensor x, Tensor y) {
  over_rows(context, out.rows, out.cols, [&](int64_t row) { add_row(row_of(out, row), row_of(x, row), row_of(y, row), out.cols); });
}

void rms_norm(const Context& context, Tensor out, Tensor x, Tensor weight, double epsilon) {
  over_rows(context, x.rows, x.cols, [&](int64_t row) { norm_row(row_of(out, row), row_of(x, row), row_of(weight, 0), x.cols, epsilon); });
}

void add_rms_norm(const Context& context, Tensor out, Tensor sum, Tensor x, Tensor y, Tensor weight, double epsilon) {
  over_rows(context, x.rows, 2 * x.cols, [&](int64_t row) {
    add_row(row_of(sum, row), row_of(x, row), row_of(y, row), x.cols);
    norm_row(row_of(out, row), row_of(sum, row), row_of(weight, 0), x.cols, epsilon);
  });
}

void rms_norm_backward(const Context& context, Tensor dx, Tensor dout, Tensor x, Tensor weight, double epsilon, Write write) {
  const float* w = row_of(weight, 0);
  over_rows(context, x.rows, 2 * x.cols, [&](int64_t row) {
    const float *from = row_of(x, row), *d = row_of(dout, row);
    float* to = row_of(dx, row);
    const float r = inverse_root(from, x.cols, epsilon);
    Vec along{};
    over_vectors(x.cols, [&](int64_t i, int lanes) { along = fma(load_part(d + i, lanes) * load_part(w + i, lanes), load_part(from + i, lanes), along); });
    const Vec scale = broadcast(r), back = broadcast(-(r * r * r) * (sum(along) / static_cast<float>(x.cols)));
    over_vectors(x.cols, [&](int64_t i, int lanes) {
      const Vec g = load_part(d + i, lanes) * load_part(w + i, lanes);
      Vec value = fma(load_part(from + i, lanes), back, g * scale);
      if (write == Write::add) value += load_part(to + i, lanes);
      store_part(to + i, value, lanes);
    });
  });
}

void rope(const Context& context, Tensor x, Tensor cosines, Tensor sines, int64_t head_size, Rotation rotation) {
  const int64_t half = head_size / 2, heads = x.cols / head_size;
  const Vec sign = broadcast(rotation == Rotation::forward ? 1.0f : -1.0f);
  over_rows(context, x.rows, x.cols, [&](int64_t row) {
    const float *cosine = row_of(cosines, row), *sine = row_of(sines, row);
    for (int64_t head = 0; head < heads; ++head) {
      float *low = row_of(x, row) + head * head_size, *high = low + half;
      over_vectors(half, [&](int64_t i, int lanes) {
        const Vec a = load_part(low + i, lanes), b = load_part(high + i, lanes);
        const Vec c = load_part(cosine + i, lanes), s = load_part(sine + i, lanes) * sign;
        store_part(low + i, fma(a, c, Vec{} - b * s), lanes);
        store_part(high + i, fma(b, c, a * s), lanes);
      });
    }
  });
}

void gated(const Context& context, Tensor out, Tensor gate, Tensor up, Activation activation) {
  over_rows(context, out.rows, 4 * out.cols, [&](int64_t row) { activate(row_of(gate, row), row_of(up, row), out.cols, activation, row_of(out, row)); });
}

void gated_backward(const Context& context, Tensor dgate, Tensor dup, Tensor dout, Tensor gate, Tensor up, Activation activation) {
  over_rows(context, dout.rows, 6 * dout.cols, [&](int64_t row) {
    activate_backward(row_of(dout, row), row_of(gate, row), row_of(up, row), dout.cols, activation, row_of(dgate, row), row_of(dup, row));
  });
}

double sum_of_squares(const Context& context, Tensor x) {
  // Pieces of fixed size, each summed in doubles; then the pieces in order.
  constexpr int64_t kPiece = 4096;
  const int64_t by_row = parts(x.cols, kPiece), pieces = x.rows * by_row;
  double* sums = reinterpret_cast<double*>(context.workspace->shared(0, 2 * pieces));
  context.pool->run(pieces, [&](int64_t piece, int) {
    const float* from = row_of(x, piece / by_row) + piece % by_row * kPiece;
    const int64_t count = smaller(kPiece, x.cols - piece % by_row * kPiece);
    double lanes[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
      for (int j = 0; j < 8; ++j) lanes[j] += static_cast<double>(from[i + j]) * static_cast<double>(from[i + j]);
    for (; i < count; ++i) lanes[0] += static_cast<double>(from[i]) * static_cast<double>(from[i]);
    sums[piece] = ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
  });
  double total = 0;
  for (int64_t piece = 0; piece < pieces; ++piece) total += sums[piece];
  return total;
}

void adamw(const Context& context, Tensor parameter, Tensor gradient, Tensor first_moment, Tensor second_moment, const AdamWStep& step) {
  const double correction1 = 1 - __builtin_pow(step.beta1, static_cast<double>(step.step));
  const double correction2 = 1 - __builtin_pow(step.beta2, static_cast<double>(step.step));
  const Vec keep = broadcast(static_cast<float>(1 - step.learning_rate * step.weight_decay));
  const Vec rate = broadcast(static_cast<float>(-step.learning_rate / correction1));
  const Vec root = broadcast(static_cast<float>(1 / __builtin_sqrt(correction2)));
  const Vec beta1 = broadcast(static_cast<float>(step.beta1)), rest1 = broadcast(static_cast<float>(1 - step.beta1));
  const Vec beta2 = broadcast(static_cast<float>(step.beta2)), rest2 = broadcast(static_cast<float>(1 - step.beta2));
  const Vec epsilon = broadcast(static_cast<float>(step.epsilon)), clip = broadcast(static_cast<float>(step.gradient_scale));
  over_rows(context, parameter.rows, 4 * parameter.cols, [&](int64_t row) {
    float *p = row_of(parameter, row), *m = row_of(first_moment, row), *v = row_of(second_moment, row);
    const float* g = row_of(gradient, row);
    over_vectors(parameter.cols, [&](int64_t i, int lanes) {
      const Vec d = load_part(g + i, lanes) * clip;
      const Vec first = fma(load_part(m + i, lanes), beta1, d * rest1);
      const Vec second = fma(load_part(v + i, lanes), beta2, d * d * rest2);
      store_part(m + i, first, lanes);
      store_part(v + i, second, lanes);
      store_part(p + i, fma(rate, first / fma(sqrt(second), root, epsilon), load_part(p + i, lanes) * keep), lanes);
    });
  });
}

}  // namespace sdft::SDFT_ISA
