// Moving and adding rows. A block takes a stretch of columns of some rows; rows that lie well are moved 16 bytes a thread.
#include "kernels/cuda/kernels.h"

namespace sdft::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostBlockRows = 32768;

struct Quad {
  float4 value;
};

__device__ __forceinline__ float plus(float a, float b) { return a + b; }
__device__ __forceinline__ Quad plus(Quad a, Quad b) {
  return {make_float4(a.value.x + b.value.x, a.value.y + b.value.y, a.value.z + b.value.z, a.value.w + b.value.w)};
}

template <class Element>
struct Move {
  Rows out, x;
  __device__ void operator()(int64_t r, int64_t c) const {
    reinterpret_cast<Element*>(out.row(r))[c] = reinterpret_cast<const Element*>(x.row(r))[c];
  }
};

template <class Element>
struct Clear {
  Rows out;
  __device__ void operator()(int64_t r, int64_t c) const { reinterpret_cast<Element*>(out.row(r))[c] = Element{}; }
};

template <class Element>
struct Sum {
  Rows out, x, y;
  __device__ void operator()(int64_t r, int64_t c) const {
    reinterpret_cast<Element*>(out.row(r))[c] = plus(reinterpret_cast<const Element*>(x.row(r))[c], reinterpret_cast<const Element*>(y.row(r))[c]);
  }
};

template <class Element>
struct Gather {
  Rows out, x;
  const int32_t* rows;
  __device__ void operator()(int64_t r, int64_t c) const {
    reinterpret_cast<Element*>(out.row(r))[c] = reinterpret_cast<const Element*>(x.row(rows[r]))[c];
  }
};

template <class Element>
struct Scatter {
  Rows out, x;
  const int32_t* rows;
  __device__ void operator()(int64_t r, int64_t c) const {
    reinterpret_cast<Element*>(out.row(rows[r]))[c] = reinterpret_cast<const Element*>(x.row(r))[c];
  }
};

template <class Body>
__global__ void __launch_bounds__(kThreads) by_elements_kernel(Body body, int64_t rows, int64_t cols) {
  const int64_t c = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (c >= cols) return;
  for (int64_t r = blockIdx.y; r < rows; r += gridDim.y) body(r, c);
}

template <class Body>
void by_elements(const Context& context, const Body& body, int64_t rows, int64_t cols) {
  if (rows == 0 || cols == 0) return;
  const auto kernel = by_elements_kernel<Body>;
  SDFT_LAUNCH(kernel, dim3(blocks_for(cols, kThreads), static_cast<unsigned>(rows < kMostBlockRows ? rows : kMostBlockRows)), dim3(kThreads), 0, context.stream,
              body, rows, cols);
  check_launch("a pass over rows");
}

/// One row of the table as the file holds it.
__global__ void __launch_bounds__(kThreads) embed_kernel(Rows out, DeviceWeight table, const int32_t* tokens, float scale) {
  const int64_t token = tokens[blockIdx.x];
  float* row = out.row(blockIdx.x);
  for (int64_t c = threadIdx.x; c < out.cols; c += kThreads) row[c] = scale * weight_value(table, token, c);
}

}  // namespace

void zero(const Context& context, Tensor out) {
  const Rows o = rows_of(out);
  if (in_quads(o)) by_elements(context, Clear<Quad>{o}, o.rows, o.cols / 4);
  else by_elements(context, Clear<float>{o}, o.rows, o.cols);
}

void copy(const Context& context, Tensor out, Tensor x) {
  const Rows o = rows_of(out), from = rows_of(x);
  if (in_quads(o) && in_quads(from)) by_elements(context, Move<Quad>{o, from}, o.rows, o.cols / 4);
  else by_elements(context, Move<float>{o, from}, o.rows, o.cols);
}

void add(const Context& context, Tensor out, Tensor x, Tensor y) {
  const Rows o = rows_of(out), a = rows_of(x), b = rows_of(y);
  if (in_quads(o) && in_quads(a) && in_quads(b)) by_elements(context, Sum<Quad>{o, a, b}, o.rows, o.cols / 4);
  else by_elements(context, Sum<float>{o, a, b}, o.rows, o.cols);
}

void gather_rows(const Context& context, Tensor out, Tensor x, Indices rows) {
  const Rows o = rows_of(out), from = rows_of(x);
  if (in_quads(o) && in_quads(from)) by_elements(context, Gather<Quad>{o, from, rows.data}, o.rows, o.cols / 4);
  else by_elements(context, Gather<float>{o, from, rows.data}, o.rows, o.cols);
}

void scatter_rows(const Context& context, Tensor out, Tensor x, Indices rows) {
  zero(context, out);
  const Rows o = rows_of(out), from = rows_of(x);
  if (in_quads(o) && in_quads(from)) by_elements(context, Scatter<Quad>{o, from, rows.data}, from.rows, o.cols / 4);
  else by_elements(context, Scatter<float>{o, from, rows.data}, from.rows, o.cols);
}

void embed(const Context& context, Tensor out, const DeviceWeight& table, Indices tokens, double scale) {
  if (tokens.count == 0) return;
  SDFT_LAUNCH(embed_kernel, dim3(static_cast<unsigned>(tokens.count)), dim3(kThreads), 0, context.stream, rows_of(out), table, tokens.data, static_cast<float>(scale));
  check_launch("embed");
}

}  // namespace sdft::cuda
