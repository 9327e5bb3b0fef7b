// The kernel contract. A backend owns memory and does arithmetic on it; nobody outside kernels/ dereferences a tensor. Methods may return before the
// work is done; download and synchronize wait.
//
// Letters: N rows of a step, M some of them, I inputs and O outputs of a linear layer, C width, H query heads, G key-value heads, D head size, F inner
// width, V vocabulary, R rank. Results come first, then inputs, then parameters. A result may not alias an input unless its method says so.
//
// Same bits: an output element is one accumulation in a fixed order of its own inputs. It depends neither on the number of threads, nor on the other rows
// of the step, nor on the strides. Activation gradients overwrite; parameter gradients add; where a method can do either it takes a Write.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/dtype.h"
#include "kernels/tensor.h"

namespace sdft {

enum class Write { overwrite, add };
enum class Activation { silu, gelu_tanh };
enum class Rotation { forward, backward };
enum class WeightFormat { native, f32, bf16, q8, q4 };
/// How the frozen products of a forward pass are computed. f32_tall is f32 for the many rows of a training pass: a row's bits depend on no other row in either, but
/// need not be the same in both, so that a backend may have a faster way that few rows would be slow in.
enum class Compute { f32, f32_tall, integer };

/// A stored matrix in host memory (a mapped file). Rows are contiguous.
struct WeightSource {
  const void* data;
  DType type;
  int64_t rows, cols;
  RowOrder order;
  int64_t head_size;  // used when interleaved
};

/// How keys and values stand in a cache. halves: rounded to half precision, beyond its range to its largest number. A backend may keep
/// both in a form of its own (cuda: mostly bf16).
enum class CacheForm { reals, halves };

struct AttentionShape {
  int64_t query_heads, kv_heads, head_size;
  double scale;    // multiplies query · key
  int64_t window;  // a row sees itself and window − 1 rows before it; 0: all
  CacheForm cache = CacheForm::reals;
};

/// One of several products that share their x: out (N, O) = x · weightᵀ (+ bias (1, O) where given).
struct LinearPart {
  Tensor out;
  const Weight* weight;
  Tensor bias;
};

/// One of several adapters that share their x, as lora_forward takes it.
struct LoraPart {
  Tensor out, t, a, b;
};

/// Keys each row's dropout mask: Philox key (seed, example hash), counter (purpose dropout | stream << 8, step, position, channel / 4), word channel % 4.
struct DropoutKey {
  double probability;
  uint64_t seed;
  uint32_t step;
  uint32_t stream;  // layer · 7 + target
  Indices example_low, example_high, positions;  // (N)
};

struct SamplingOptions;  // kernels/drawing.h
struct TokenDraw;

struct AdamWStep {
  double learning_rate, beta1, beta2, epsilon, weight_decay;
  double gradient_scale;  // clipping
  int64_t step;           // 1 for the first: bias correction 1 − beta^step
};

/// What an optimizer's step reads and writes of one tensor of parameters; all of one shape.
struct TrainedTensor {
  Tensor parameter, gradient, first_moment, second_moment;
};

struct Copy {
  Tensor out, x;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const char* name() const = 0;

  // ---- memory -------------------------------------------------------------------------------------------------------------------------------------
  /// Bytes of a real: 4, or 8 in double precision.
  virtual int64_t real_bytes() const = 0;
  /// Whether embed reads a table's rows where they stand in the file.
  virtual bool reads_rows_from_file() const { return false; }
  /// 64-byte aligned, zeroed. Throws Error("memory").
  virtual void* allocate(int64_t bytes) = 0;
  virtual void release(void* memory) = 0;
  /// So many bytes will be held in all: a device may take them in one piece. Throws Error("memory") where they are not free.
  virtual void reserve(int64_t) {}
  /// A series of calls that will come again with the same shapes, such as a decoding step; `key` names them. A device may record it once and replay it, so
  /// `body` may be run more than once, and downloads nothing.
  virtual void repeated(uint64_t, const std::function<void()>& body) { body(); }
  virtual void upload(Tensor destination, const float* source) = 0;
  virtual void upload(Tensor destination, const double* source) = 0;
  virtual void upload(Indices destination, const int32_t* source) = 0;
  virtual void download(float* destination, Tensor source) = 0;
  virtual void download(double* destination, Tensor source) = 0;
  virtual void synchronize() = 0;
  /// The tensor's own memory where the host can read and write it as floats (after synchronize), else null: then download a copy.
  virtual float* host_view(Tensor) { return nullptr; }
  /// Shares out work of the host's own, such as sampling: body(task, worker) once for each task, worker in [0, host_workers()), in no fixed order.
  virtual int host_workers() const { return 1; }
  virtual void run_on_host(int64_t tasks, const std::function<void(int64_t task, int worker)>& body) {
    for (int64_t task = 0; task < tasks; ++task) body(task, 0);
  }
  /// The time of a decoding step of so many rows, in that of a row among many; neither it nor its growth falls as rows grow. Decides when drafts pay. A backend on
  /// which a row's bits depend on how many rows a step has says `rows`, and nothing is drafted by itself.
  virtual double step_cost(int64_t rows, Compute) const { return static_cast<double>(rows); }
  /// Packs a frozen matrix; `natural` row order comes out. The source must outlive the weight (a backend may keep reading it).
  virtual Weight prepare_weight(const WeightSource& source, WeightFormat format) = 0;

  /// For embed alone: a backend may keep reading the source's rows and pack nothing.
  virtual Weight prepare_table(const WeightSource& source, WeightFormat format) { return prepare_weight(source, format); }
  /// Whether the integer products below take this weight: one whose values are scale · quant + minimum by groups (base/quants.h).
  virtual bool has_integer_form(const Weight& weight) const = 0;

  // ---- plain ---------------------------------------------------------------------------------------------------------------------------------------
  virtual void zero(Tensor out) = 0;
  virtual void copy(Tensor out, Tensor x) = 0;
  /// Each of them, in no fixed order.
  virtual void copy_each(const std::vector<Copy>& copies) {
    for (const Copy& each : copies) copy(each.out, each.x);
  }
  /// out = x + y. out may be x or y.
  virtual void add(Tensor out, Tensor x, Tensor y) = 0;
  /// out (M, C): row i = x row rows[i].
  virtual void gather_rows(Tensor out, Tensor x, Indices rows) = 0;
  /// out (N, C): row rows[i] = x row i, all other rows 0. rows are distinct.
  virtual void scatter_rows(Tensor out, Tensor x, Indices rows) = 0;
  /// out (N, C) = scale · table[tokens]; table (V, C).
  virtual void embed(Tensor out, const Weight& table, Indices tokens, double scale) = 0;

  // ---- norm, rotation, activation -------------------------------------------------------------------------------------------------------------------
  /// out = x · weight / sqrt(mean(x²) + epsilon) by rows; weight (1, C). out may be x.
  virtual void rms_norm(Tensor out, Tensor x, Tensor weight, double epsilon) = 0;
  /// sum = x + y, out = rms_norm of sum: what a branch adds to the stream, and what the next one reads, in one pass. Same bits as one after the other. sum may be x or y.
  virtual void add_rms_norm(Tensor out, Tensor sum, Tensor x, Tensor y, Tensor weight, double epsilon) {
    add(sum, x, y);
    rms_norm(out, sum, weight, epsilon);
  }
  /// With r = 1 / sqrt(mean(x²) + epsilon), g = dout · weight:  dx (=, or += into the residual stream) r · g − x · r³ · mean(g · x). dx may be dout when overwriting.
  virtual void rms_norm_backward(Tensor dx, Tensor dout, Tensor x, Tensor weight, double epsilon, Write write) = 0;
  /// cosines, sines (N, D/2): scale · cos(position · frequency), in double before rounding. frequencies: D/2 in host memory.
  virtual void rope_table(Tensor cosines, Tensor sines, Indices positions, const double* frequencies, double scale) = 0;
  /// In place on x (N, heads · D), half rotation: (a, b) = (x[i], x[i + D/2]) → (a cos − b sin, b cos + a sin). backward: with −sin, its transpose.
  virtual void rope(Tensor x, Tensor cosines, Tensor sines, int64_t head_size, Rotation rotation) = 0;
  /// out (N, F) = activation(gate) · up. out may be gate.
  virtual void gated(Tensor out, Tensor gate, Tensor up, Activation activation) = 0;
  /// dgate = dout · up · activation'(gate), dup = dout · activation(gate). dgate may be gate, dup may be up.
  virtual void gated_backward(Tensor dgate, Tensor dup, Tensor dout, Tensor gate, Tensor up, Activation activation) = 0;
  /// out = (x − mean(x)) / sqrt(mean((x − mean(x))²) + epsilon) · weight + bias by rows; weight, bias (1, C). out may be x. Forward only.
  virtual void layer_norm(Tensor out, Tensor x, Tensor weight, Tensor bias, double epsilon);
  /// out = x / 2 · (1 + erf(x / √2)). out may be x. Forward only.
  virtual void gelu(Tensor out, Tensor x);

  // ---- products -----------------------------------------------------------------------------------------------------------------------------------------
  /// out (N, O) = x (N, I) · weightᵀ (+ bias (1, O) where given).
  virtual void linear(Tensor out, Tensor x, const Weight& weight, Tensor bias) = 0;
  /// Several of these, or of linear_integer, with the same x: the same bits as one by one.
  virtual void linear_group(const std::vector<LinearPart>& parts, Tensor x, Compute compute) {
    for (const LinearPart& part : parts) {
      if (compute == Compute::integer) linear_integer(part.out, x, *part.weight, part.bias);
      else linear(part.out, x, *part.weight, part.bias);
    }
  }
  /// The same with activations quantised by row in groups g of 32: a = max |x_g| / 127 (0 below 2⁻¹⁰⁰), q = round(x · (127 / max |x_g|)) to nearest, ties to
  /// even. out = Σ_g a · (scale_g · Σ q · quant + minimum_g · Σ q) (+ bias): exact integers within a group, one real sum over the groups in their order.
  /// Throws Error("weights") for a weight without an integer form. Forward only.
  virtual void linear_integer(Tensor out, Tensor x, const Weight& weight, Tensor bias) = 0;
  /// dx (N, I) (= or +=) dout (N, O) · weight.
  virtual void linear_backward(Tensor dx, Tensor dout, const Weight& weight, Write write) = 0;
  /// A gated MLP's last product: out (N, O) = (activation(gate) · up) · weightᵀ (+ bias), gate and up (N, F), as of Compute::f32_tall. product (N, F) is scratch: a
  /// backend may hold what is in brackets there, and it is undefined afterwards. out and product lie apart from gate and up.
  virtual void gated_linear(Tensor out, Tensor product, Tensor gate, Tensor up, Activation activation, const Weight& weight, Tensor bias) {
    gated(product, gate, up, activation);
    linear_group({{out, &weight, bias}}, product, Compute::f32_tall);
  }
  /// Back through the activation and the two products that gate and up came from: dx (N, I) = dgate · gate_weight + dup · up_weight, dgate and dup as of
  /// gated_backward with dout = dproduct. gate and up are undefined afterwards. dx lies apart from all of them.
  virtual void gated_linear_backward(Tensor dx, Tensor dproduct, Tensor gate, Tensor up, Activation activation, const Weight& gate_weight, const Weight& up_weight) {
    gated_backward(gate, up, dproduct, gate, up, activation);
    linear_backward(dx, gate, gate_weight, Write::overwrite);
    linear_backward(dx, up, up_weight, Write::add);
  }
  /// LoRA (Hu et al. 2021): t (N, R) = x (N, I) · aᵀ; out (N, O) += scale · t · bᵀ. a (R, I), b (O, R). b = 0 leaves out as it was.
  virtual void lora_forward(Tensor out, Tensor t, Tensor x, Tensor a, Tensor b, double scale) = 0;
  /// Several of these with the same x, each with a t and an out of its own: the same bits as one by one.
  virtual void lora_forward_group(const std::vector<LoraPart>& parts, Tensor x, double scale) {
    for (const LoraPart& part : parts) lora_forward(part.out, part.t, x, part.a, part.b, scale);
  }
  /// dt (N, R) = scale · dout · b;  db += scale · doutᵀ · t;  da += dtᵀ · x;  dx (N, I) (= or +=) dt · a, left out where dx is empty.
  virtual void lora_backward(Tensor dx, Tensor da, Tensor db, Tensor dt, Tensor dout, Tensor x, Tensor t, Tensor a, Tensor b, double scale, Write write) = 0;
  /// out = mask · x / (1 − p); an element is kept when uniform(word) ≥ p. Its transpose is itself: with Write::add it carries gradients back. out may be x.
  virtual void dropout(Tensor out, Tensor x, const DropoutKey& key, Write write) = 0;

  // ---- attention (softmax over the visible keys; blocks of keys stand at absolute positions) ---------------------------------------------------------------
  /// Keys and values are rows of this step. out (N, H · D); logsumexp (N, H), of scale · query · key, for the backward pass. Every root has position 0.
  /// Rows of a segment that is seen only keep what out and logsumexp hold of them.
  virtual void attention(Tensor out, Tensor logsumexp, Tensor q, Tensor k, Tensor v, Segments segments, const AttentionShape& shape) = 0;
  /// dq (N, H · D), dk, dv (N, G · D) overwrite; rows of a parent sum over all that saw them, in the order of the segments. Rows of a segment that is seen
  /// only keep what dq holds of them, and add nothing to dk and dv.
  virtual void attention_backward(Tensor dq, Tensor dk, Tensor dv, Tensor dout, Tensor out, Tensor logsumexp, Tensor q, Tensor k, Tensor v, Segments segments,
                                  const AttentionShape& shape) = 0;
  /// Reals in one page of keys (as many for values); the order inside a page is the backend's own.
  virtual int64_t page_reals(const AttentionShape& shape) const { return kPageRows * shape.kv_heads * shape.head_size; }
  /// Writes each segment's rows into its pages. cache (pages, page_reals).
  virtual void store_keys_values(Tensor key_cache, Tensor value_cache, Tensor k, Tensor v, Segments segments, const AttentionShape& shape) = 0;
  /// Rows see the pages of their segment, up to their own position (already stored). Same bits as attention over the keys and values as they stand there.
  virtual void cached_attention(Tensor out, Tensor q, Tensor key_cache, Tensor value_cache, Segments segments, const AttentionShape& shape) = 0;
  /// Every row sees all rows of its segment, those after it too. Segments have neither parents nor a window, and begin at position 0. Forward only.
  virtual void bidirectional_attention(Tensor out, Tensor q, Tensor k, Tensor v, Segments segments, const AttentionShape& shape);

  // ---- loss and optimizer ---------------------------------------------------------------------------------------------------------------------------------
  /// loss (M, 1) = −log softmax(x · headᵀ)[target]; dx (M, C) = scale · (softmax − onehot(target)) · head, left out where dx is empty. The (M, V) logits are
  /// never held whole. A row's loss does not depend on the others.
  virtual void linear_cross_entropy(Tensor loss, Tensor dx, Tensor x, const Weight& head, Indices targets, double scale) = 0;
  /// loss (M, 1) as above, of logits made by linear_integer.
  virtual void linear_cross_entropy_integer(Tensor loss, Tensor x, const Weight& head, Indices targets) = 0;
  /// kl (M, 1) = Σ p · (log p − log q), p = softmax(from · headᵀ), q = softmax(to · headᵀ), products as of `compute`. Summed as Σ p · (e^u − 1 − u) with
  /// u = log q − log p: no term is negative, equal rows give exactly 0, and rounding of a normaliser counts in the second order only. Of the (M, V) logits
  /// no more is held than a block of rows. A row's number does not depend on the others.
  virtual void linear_divergence(Tensor kl, Tensor from, Tensor to, const Weight& head, Compute compute);
  /// Whether draw_tokens is there; else tokens are drawn on the host, from a download.
  virtual bool draws_tokens() const { return false; }
  /// tokens[i]: drawn from row i of the logits, which are used up, by the rules of sampling/sampler.h to the bit; or a fault (kernels/drawing.h). Waits.
  virtual void draw_tokens(std::vector<int32_t>& tokens, Tensor logits, const std::vector<TokenDraw>& draws, const SamplingOptions& options);
  /// Sum of squares over all tensors, in double, in their order. Waits.
  virtual double sum_of_squares(const std::vector<Tensor>& tensors) = 0;
  /// AdamW (Loshchilov & Hutter 2019), as torch.optim.AdamW: parameter −= lr · decay · parameter, then the bias-corrected step.
  virtual void adamw(Tensor parameter, Tensor gradient, Tensor first_moment, Tensor second_moment, const AdamWStep& step) = 0;
  /// That for each of them; their gradients are zero afterwards.
  virtual void adamw_group(const std::vector<TrainedTensor>& tensors, const AdamWStep& step) {
    for (const TrainedTensor& each : tensors) {
      adamw(each.parameter, each.gradient, each.first_moment, each.second_moment, step);
      zero(each.gradient);
    }
  }

 private:
  /// For methods that a backend may lack: those without = 0 and without a body here.
  [[noreturn]] void lacks(const char* method) const;
};

}  // namespace sdft
