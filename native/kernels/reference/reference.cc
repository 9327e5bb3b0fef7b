#include "kernels/reference/reference.h"

#include <cstring>
#include <limits>
#include <new>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "kernels/expect.h"
#include "kernels/reference/adamw.h"
#include "kernels/reference/attention.h"
#include "kernels/reference/cross_entropy.h"
#include "kernels/reference/divergence.h"
#include "kernels/reference/dropout.h"
#include "kernels/reference/gated.h"
#include "kernels/reference/gelu.h"
#include "kernels/reference/integer.h"
#include "kernels/reference/layer_norm.h"
#include "kernels/reference/linear.h"
#include "kernels/reference/lora.h"
#include "kernels/reference/norm.h"
#include "kernels/reference/plain.h"
#include "kernels/reference/rope.h"
#include "kernels/reference/weight.h"

namespace sdft {
namespace {

constexpr std::align_val_t kAlignment{64};

constexpr int64_t kAnyIndex = std::numeric_limits<int64_t>::max();

template <class Real>
class ReferenceBackend final : public Backend {
 public:
  const char* name() const override { return std::is_same_v<Real, double> ? "reference-double" : "reference"; }
  int64_t real_bytes() const override { return sizeof(Real); }

  void* allocate(int64_t bytes) override {
    void* memory = bytes < 0 ? nullptr : ::operator new(static_cast<size_t>(bytes), kAlignment, std::nothrow);
    require(memory != nullptr, "memory", "Expected " + std::to_string(bytes) + " bytes of memory but the system gave none");
    std::memset(memory, 0, static_cast<size_t>(bytes));
    return memory;
  }
  void release(void* memory) override { ::operator delete(memory, kAlignment); }
  void upload(Tensor destination, const float* source) override { fill(destination, source); }
  void upload(Tensor destination, const double* source) override { fill(destination, source); }
  void upload(Indices destination, const int32_t* source) override { std::copy_n(source, destination.count, destination.data); }
  void download(float* destination, Tensor source) override { read(destination, source); }
  void download(double* destination, Tensor source) override { read(destination, source); }
  void synchronize() override {}
  float* host_view(Tensor tensor) override {
    if constexpr (std::is_same_v<Real, float>) return static_cast<float*>(tensor.data);
    return nullptr;
  }
  Weight prepare_weight(const WeightSource& source, WeightFormat format) override { return reference::prepare_weight(source, format); }
  bool has_integer_form(const Weight& weight) const override { return reference::stored(weight).form != QuantForm::none; }

  void zero(Tensor out) override { reference::zero(view(out)); }
  void copy(Tensor out, Tensor x) override {
    expect("copy out", out, x.rows, x.cols);
    reference::copy(view(out), view(x));
  }
  void add(Tensor out, Tensor x, Tensor y) override {
    expect("add out", out, x.rows, x.cols);
    expect("add y", y, x.rows, x.cols);
    reference::add(view(out), view(x), view(y));
  }
  void gather_rows(Tensor out, Tensor x, Indices rows) override {
    expect("gather_rows out", out, rows.count, x.cols);
    expect("gather_rows rows", rows, rows.count, x.rows);
    reference::gather_rows(view(out), view(x), rows.data);
  }
  void scatter_rows(Tensor out, Tensor x, Indices rows) override {
    expect("scatter_rows out", out, out.rows, x.cols);
    expect("scatter_rows rows", rows, x.rows, out.rows);
    reference::scatter_rows(view(out), view(x), rows.data);
  }
  void embed(Tensor out, const Weight& table, Indices tokens, double scale) override {
    expect("embed out", out, tokens.count, table.cols);
    expect("embed tokens", tokens, tokens.count, table.rows);
    reference::embed(view(out), reference::matrix(table), tokens.data, scale);
  }

  void rms_norm(Tensor out, Tensor x, Tensor weight, double epsilon) override {
    expect("rms_norm out", out, x.rows, x.cols);
    expect("rms_norm weight", weight, 1, x.cols);
    reference::rms_norm(view(out), view(x), view(weight), epsilon);
  }
  void rms_norm_backward(Tensor dx, Tensor dout, Tensor x, Tensor weight, double epsilon, Write write) override {
    expect("rms_norm_backward dx", dx, x.rows, x.cols);
    expect("rms_norm_backward dout", dout, x.rows, x.cols);
    expect("rms_norm_backward weight", weight, 1, x.cols);
    reference::rms_norm_backward(view(dx), view(dout), view(x), view(weight), epsilon, write);
  }
  void rope_table(Tensor cosines, Tensor sines, Indices positions, const double* frequencies, double scale) override {
    expect("rope_table cosines", cosines, positions.count, cosines.cols);
    expect("rope_table sines", sines, positions.count, cosines.cols);
    expect("rope_table positions", positions, positions.count, kAnyIndex);
    reference::rope_table(view(cosines), view(sines), positions.data, frequencies, scale);
  }
  void rope(Tensor x, Tensor cosines, Tensor sines, int64_t head_size, Rotation rotation) override {
    expect("rope x", x, x.rows, x.cols / head_size * head_size);
    expect("rope cosines", cosines, x.rows, head_size / 2);
    expect("rope sines", sines, x.rows, head_size / 2);
    reference::rope(view(x), view(cosines), view(sines), head_size, rotation);
  }
  void gated(Tensor out, Tensor gate, Tensor up, Activation activation) override {
    expect("gated gate", gate, out.rows, out.cols);
    expect("gated up", up, out.rows, out.cols);
    reference::gated(view(out), view(gate), view(up), activation);
  }
  void gated_backward(Tensor dgate, Tensor dup, Tensor dout, Tensor gate, Tensor up, Activation activation) override {
    for (Tensor tensor : {dgate, dup, gate, up}) expect("gated_backward tensors", tensor, dout.rows, dout.cols);
    reference::gated_backward(view(dgate), view(dup), view(dout), view(gate), view(up), activation);
  }
  void layer_norm(Tensor out, Tensor x, Tensor weight, Tensor bias, double epsilon) override {
    expect("layer_norm out", out, x.rows, x.cols);
    for (Tensor tensor : {weight, bias}) expect("layer_norm weight, bias", tensor, 1, x.cols);
    reference::layer_norm(view(out), view(x), view(weight), view(bias), epsilon);
  }
  void gelu(Tensor out, Tensor x) override {
    expect("gelu out", out, x.rows, x.cols);
    reference::gelu(view(out), view(x));
  }

  void linear(Tensor out, Tensor x, const Weight& weight, Tensor bias) override {
    expect("linear x", x, x.rows, weight.cols);
    expect("linear out", out, x.rows, weight.rows);
    if (bias) expect("linear bias", bias, 1, weight.rows);
    reference::linear(view(out), view(x), reference::matrix(weight), static_cast<const Real*>(bias.data));
  }
  void linear_integer(Tensor out, Tensor x, const Weight& weight, Tensor bias) override {
    expect("linear_integer x", x, x.rows, weight.cols);
    expect("linear_integer out", out, x.rows, weight.rows);
    if (bias) expect("linear_integer bias", bias, 1, weight.rows);
    require_integers(weight);
    reference::linear_integer(view(out), view(x), reference::stored(weight), static_cast<const Real*>(bias.data));
  }
  void linear_backward(Tensor dx, Tensor dout, const Weight& weight, Write write) override {
    expect("linear_backward dout", dout, dout.rows, weight.rows);
    expect("linear_backward dx", dx, dout.rows, weight.cols);
    reference::linear_backward(view(dx), view(dout), reference::matrix(weight), write);
  }
  void lora_forward(Tensor out, Tensor t, Tensor x, Tensor a, Tensor b, double scale) override {
    expect("lora_forward a", a, a.rows, x.cols);
    expect("lora_forward b", b, out.cols, a.rows);
    expect("lora_forward t", t, x.rows, a.rows);
    expect("lora_forward out", out, x.rows, b.rows);
    reference::lora_forward(view(out), view(t), view(x), view(a), view(b), scale);
  }
  void lora_backward(Tensor dx, Tensor da, Tensor db, Tensor dt, Tensor dout, Tensor x, Tensor t, Tensor a, Tensor b, double scale, Write write) override {
    if (dx) expect("lora_backward dx", dx, x.rows, x.cols);
    for (Tensor tensor : {a, da}) expect("lora_backward a, da", tensor, a.rows, x.cols);
    for (Tensor tensor : {b, db}) expect("lora_backward b, db", tensor, dout.cols, a.rows);
    for (Tensor tensor : {t, dt}) expect("lora_backward t, dt", tensor, x.rows, a.rows);
    expect("lora_backward dout", dout, x.rows, b.rows);
    reference::lora_backward(view(dx), view(da), view(db), view(dt), view(dout), view(x), view(t), view(a), view(b), scale, write);
  }
  void dropout(Tensor out, Tensor x, const DropoutKey& key, Write write) override {
    expect("dropout out", out, x.rows, x.cols);
    for (Indices indices : {key.example_low, key.example_high, key.positions})
      require(indices.count == x.rows, "shape", "Expected a dropout key for each of " + std::to_string(x.rows) + " rows");
    reference::dropout(view(out), view(x), key, write);
  }

  void attention(Tensor out, Tensor logsumexp, Tensor q, Tensor k, Tensor v, Segments segments, const AttentionShape& shape) override {
    expect("attention q", q, q.rows, shape.query_heads * shape.head_size);
    expect("attention out", out, q.rows, q.cols);
    expect("attention logsumexp", logsumexp, q.rows, shape.query_heads);
    for (Tensor tensor : {k, v}) expect("attention k, v", tensor, q.rows, shape.kv_heads * shape.head_size);
    expect(segments, q.rows);
    reference::attention(view(out), view(logsumexp), view(q), view(k), view(v), segments, shape);
  }
  void attention_backward(Tensor dq, Tensor dk, Tensor dv, Tensor dout, Tensor out, Tensor logsumexp, Tensor q, Tensor k, Tensor v, Segments segments,
                          const AttentionShape& shape) override {
    for (Tensor tensor : {q, dq, dout, out}) expect("attention_backward q, dq, dout, out", tensor, q.rows, shape.query_heads * shape.head_size);
    for (Tensor tensor : {k, v, dk, dv}) expect("attention_backward k, v, dk, dv", tensor, q.rows, shape.kv_heads * shape.head_size);
    expect("attention_backward logsumexp", logsumexp, q.rows, shape.query_heads);
    expect(segments, q.rows);
    reference::attention_backward(view(dq), view(dk), view(dv), view(dout), view(out), view(logsumexp), view(q), view(k), view(v), segments, shape);
  }
  void store_keys_values(Tensor key_cache, Tensor value_cache, Tensor k, Tensor v, Segments segments, const AttentionShape& shape) override {
    for (Tensor tensor : {k, v}) expect("store_keys_values k, v", tensor, k.rows, shape.kv_heads * shape.head_size);
    for (Tensor tensor : {key_cache, value_cache}) expect("store_keys_values caches", tensor, key_cache.rows, page_reals(shape));
    expect(segments, k.rows);
    expect_pages(segments, key_cache.rows);
    reference::store_keys_values(view(key_cache), view(value_cache), view(k), view(v), segments, shape.cache);
  }
  void cached_attention(Tensor out, Tensor q, Tensor key_cache, Tensor value_cache, Segments segments, const AttentionShape& shape) override {
    for (Tensor tensor : {q, out}) expect("cached_attention q, out", tensor, q.rows, shape.query_heads * shape.head_size);
    for (Tensor tensor : {key_cache, value_cache}) expect("cached_attention caches", tensor, key_cache.rows, page_reals(shape));
    expect(segments, q.rows);
    expect_pages(segments, key_cache.rows);
    reference::cached_attention(view(out), view(q), view(key_cache), view(value_cache), segments, shape);
  }
  void bidirectional_attention(Tensor out, Tensor q, Tensor k, Tensor v, Segments segments, const AttentionShape& shape) override {
    for (Tensor tensor : {q, out}) expect("bidirectional_attention q, out", tensor, q.rows, shape.query_heads * shape.head_size);
    for (Tensor tensor : {k, v}) expect("bidirectional_attention k, v", tensor, q.rows, shape.kv_heads * shape.head_size);
    expect(segments, q.rows);
    expect_apart(segments, shape);
    reference::bidirectional_attention(view(out), view(q), view(k), view(v), segments, shape);
  }

  void linear_cross_entropy(Tensor loss, Tensor dx, Tensor x, const Weight& head, Indices targets, double scale) override {
    expect("linear_cross_entropy x", x, x.rows, head.cols);
    expect("linear_cross_entropy loss", loss, x.rows, 1);
    if (dx) expect("linear_cross_entropy dx", dx, x.rows, x.cols);
    expect("linear_cross_entropy targets", targets, x.rows, head.rows);
    reference::linear_cross_entropy(view(loss), view(dx), view(x), reference::matrix(head), targets.data, scale);
  }
  void linear_cross_entropy_integer(Tensor loss, Tensor x, const Weight& head, Indices targets) override {
    expect("linear_cross_entropy_integer x", x, x.rows, head.cols);
    expect("linear_cross_entropy_integer loss", loss, x.rows, 1);
    expect("linear_cross_entropy_integer targets", targets, x.rows, head.rows);
    require_integers(head);
    reference::linear_cross_entropy_integer(view(loss), view(x), reference::stored(head), head.rows, targets.data);
  }
  void linear_divergence(Tensor kl, Tensor from, Tensor to, const Weight& head, Compute compute) override {
    for (Tensor tensor : {from, to}) expect("linear_divergence from, to", tensor, from.rows, head.cols);
    expect("linear_divergence kl", kl, from.rows, 1);
    if (compute != Compute::integer) return reference::linear_divergence(view(kl), view(from), view(to), reference::matrix(head));
    require_integers(head);
    reference::linear_divergence_integer(view(kl), view(from), view(to), reference::stored(head), head.rows);
  }
  double sum_of_squares(const std::vector<Tensor>& tensors) override {
    double sum = 0;
    for (Tensor tensor : tensors) sum += reference::sum_of_squares(view(tensor));
    return sum;
  }
  void adamw(Tensor parameter, Tensor gradient, Tensor first_moment, Tensor second_moment, const AdamWStep& step) override {
    for (Tensor tensor : {gradient, first_moment, second_moment}) expect("adamw tensors", tensor, parameter.rows, parameter.cols);
    reference::adamw(view(parameter), view(gradient), view(first_moment), view(second_moment), step);
  }

 private:
  void require_integers(const Weight& weight) const {
    require(has_integer_form(weight), "weights", "Expected a weight held as integers for integer products; prepare it as q8 or q4");
  }

  static reference::Matrix<Real> view(Tensor tensor) { return reference::matrix<Real>(tensor); }

  template <class Source>
  static void fill(Tensor destination, const Source* source) {
    const auto out = view(destination);
    for (int64_t r = 0; r < out.rows; ++r)
      for (int64_t c = 0; c < out.cols; ++c) out(r, c) = static_cast<Real>(source[r * out.cols + c]);
  }
  template <class Destination>
  static void read(Destination* destination, Tensor source) {
    const auto x = view(source);
    for (int64_t r = 0; r < x.rows; ++r)
      for (int64_t c = 0; c < x.cols; ++c) destination[r * x.cols + c] = static_cast<Destination>(x(r, c));
  }
};

}  // namespace

std::unique_ptr<Backend> make_reference_float() { return std::make_unique<ReferenceBackend<float>>(); }
std::unique_ptr<Backend> make_reference_double() { return std::make_unique<ReferenceBackend<double>>(); }

}  // namespace sdft
