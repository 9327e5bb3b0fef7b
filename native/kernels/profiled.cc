#include "kernels/profiled.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

namespace sdft {
namespace {

constexpr double kIndexBytes = sizeof(int32_t);

double elements(Tensor tensor) { return static_cast<double>(tensor.rows) * static_cast<double>(tensor.cols); }

template <class... Tensors>
double elements(Tensor first, Tensors... more) {
  return elements(first) + elements(more...);
}

/// What a packed weight occupies; where the backend reads the file itself (bytes 0), as many reals as it has.
double weight_bytes(const Weight& weight, double real_bytes) {
  return weight.bytes > 0 ? static_cast<double>(weight.bytes) : real_bytes * static_cast<double>(weight.rows) * static_cast<double>(weight.cols);
}

/// How many keys the rows of all segments see, summed up.
double visible_keys(Segments segments, int64_t window) {
  double sum = 0;
  for (int64_t s = 0; s < segments.count; ++s) {
    const Segment& segment = segments.data[s];
    if (segment.seen_only) continue;
    for (int64_t i = 0; i < segment.length; ++i) {
      const int64_t visible = segment.position + i + 1;
      sum += static_cast<double>(window > 0 ? std::min(visible, window) : visible);
    }
  }
  return sum;
}

/// Keys and values that the segments' rows read from a cache, each segment's once.
double cached_keys(Segments segments, int64_t window) {
  double sum = 0;
  for (int64_t s = 0; s < segments.count; ++s) {
    const int64_t length = segments.data[s].position + segments.data[s].length;
    sum += static_cast<double>(window > 0 ? std::min(length, window + segments.data[s].length - 1) : length);
  }
  return sum;
}

/// Multiply-adds of one pass over queries × visible keys (scores, or the weighted sum of values), as FLOP.
double attention_flop(Segments segments, const AttentionShape& shape) {
  return 2.0 * static_cast<double>(shape.query_heads * shape.head_size) * visible_keys(segments, shape.window);
}

struct Key {
  std::string_view method;
  int64_t inputs, outputs;  // of a product with frozen weights, else 0
};

struct Cost {
  int64_t rows;
  double flop, bytes;
};

struct Sum {
  Key key;
  int64_t calls = 0, rows = 0;
  double seconds = 0, flop = 0, bytes = 0;
};

Key product(const char* method, int64_t inputs, int64_t outputs) { return {method, inputs, outputs}; }
Key plain(const char* method) { return {method, 0, 0}; }

class Profiled final : public Backend {
 public:
  explicit Profiled(std::unique_ptr<Backend> inner) : inner_(std::move(inner)), real_(static_cast<double>(inner_->real_bytes())) {}

  std::vector<ProfileRow> rows() const {
    std::vector<ProfileRow> result;
    for (const Sum& sum : sums_) {
      std::string kernel(sum.key.method);
      if (sum.key.inputs > 0) kernel += " " + std::to_string(sum.key.inputs) + " to " + std::to_string(sum.key.outputs);
      result.push_back({std::move(kernel), sum.calls, sum.rows, sum.seconds, sum.flop, sum.bytes});
    }
    std::stable_sort(result.begin(), result.end(), [](const ProfileRow& a, const ProfileRow& b) { return a.seconds > b.seconds; });
    return result;
  }

  const char* name() const override { return inner_->name(); }
  int64_t real_bytes() const override { return inner_->real_bytes(); }
  bool reads_rows_from_file() const override { return inner_->reads_rows_from_file(); }
  void* allocate(int64_t bytes) override {
    void* memory = nullptr;
    timed(plain("allocate"), {0, 0, 0}, [&] { memory = inner_->allocate(bytes); });
    return memory;
  }
  void release(void* memory) override { inner_->release(memory); }
  void upload(Tensor destination, const float* source) override { upload_reals(destination, source); }
  void upload(Tensor destination, const double* source) override { upload_reals(destination, source); }
  void upload(Indices destination, const int32_t* source) override {
    timed(plain("upload"), {0, 0, kIndexBytes * static_cast<double>(destination.count)}, [&] { inner_->upload(destination, source); });
  }
  void download(float* destination, Tensor source) override { download_reals(destination, source); }
  void download(double* destination, Tensor source) override { download_reals(destination, source); }
  void synchronize() override { inner_->synchronize(); }
  float* host_view(Tensor tensor) override { return inner_->host_view(tensor); }
  int host_workers() const override { return inner_->host_workers(); }
  void run_on_host(int64_t tasks, const std::function<void(int64_t task, int worker)>& body) override {
    timed(plain("run_on_host"), {tasks, 0, 0}, [&] { inner_->run_on_host(tasks, body); });
  }
  double step_cost(int64_t rows, Compute compute) const override { return inner_->step_cost(rows, compute); }
  Weight prepare_weight(const WeightSource& source, WeightFormat format) override {
    Weight weight;
    const double stored = static_cast<double>(stored_bytes(source.type, source.rows * source.cols));
    timed(plain("prepare_weight"), {source.rows, 0, stored}, [&] { weight = inner_->prepare_weight(source, format); });
    return weight;
  }
  Weight prepare_table(const WeightSource& source, WeightFormat format) override { return inner_->prepare_table(source, format); }
  bool has_integer_form(const Weight& weight) const override { return inner_->has_integer_form(weight); }
  int64_t page_reals(const AttentionShape& shape) const override { return inner_->page_reals(shape); }

  void zero(Tensor out) override {
    timed(plain("zero"), moved(out.rows, elements(out)), [&] { inner_->zero(out); });
  }
  void copy(Tensor out, Tensor x) override {
    timed(plain("copy"), moved(out.rows, elements(out, x)), [&] { inner_->copy(out, x); });
  }
  void copy_each(const std::vector<Copy>& copies) override {
    int64_t rows = 0;
    double both = 0;
    for (const Copy& each : copies) {
      rows += each.out.rows;
      both += elements(each.out, each.x);
    }
    timed(plain("copy_each"), moved(rows, both), [&] { inner_->copy_each(copies); });
  }
  void add(Tensor out, Tensor x, Tensor y) override {
    timed(plain("add"), moved(out.rows, elements(out, x, y)), [&] { inner_->add(out, x, y); });
  }
  void gather_rows(Tensor out, Tensor x, Indices rows) override {
    timed(plain("gather_rows"), moved(out.rows, elements(out, out)), [&] { inner_->gather_rows(out, x, rows); });
  }
  void scatter_rows(Tensor out, Tensor x, Indices rows) override {
    timed(plain("scatter_rows"), moved(out.rows, elements(out, x)), [&] { inner_->scatter_rows(out, x, rows); });
  }
  void embed(Tensor out, const Weight& table, Indices tokens, double scale) override {
    timed(plain("embed"), moved(out.rows, elements(out, out)), [&] { inner_->embed(out, table, tokens, scale); });
  }

  void rms_norm(Tensor out, Tensor x, Tensor weight, double epsilon) override {
    timed(plain("rms_norm"), moved(x.rows, elements(out, x)), [&] { inner_->rms_norm(out, x, weight, epsilon); });
  }
  void add_rms_norm(Tensor out, Tensor sum, Tensor x, Tensor y, Tensor weight, double epsilon) override {
    timed(plain("add_rms_norm"), moved(x.rows, elements(out, sum, x, y)), [&] { inner_->add_rms_norm(out, sum, x, y, weight, epsilon); });
  }
  void rms_norm_backward(Tensor dx, Tensor dout, Tensor x, Tensor weight, double epsilon, Write write) override {
    timed(plain("rms_norm_backward"), moved(x.rows, written(dx, write) + elements(dout, x)),
          [&] { inner_->rms_norm_backward(dx, dout, x, weight, epsilon, write); });
  }
  void rope_table(Tensor cosines, Tensor sines, Indices positions, const double* frequencies, double scale) override {
    timed(plain("rope_table"), moved(positions.count, elements(cosines, sines)), [&] { inner_->rope_table(cosines, sines, positions, frequencies, scale); });
  }
  void rope(Tensor x, Tensor cosines, Tensor sines, int64_t head_size, Rotation rotation) override {
    timed(plain("rope"), moved(x.rows, elements(x, x) + elements(cosines, sines)), [&] { inner_->rope(x, cosines, sines, head_size, rotation); });
  }
  void gated(Tensor out, Tensor gate, Tensor up, Activation activation) override {
    timed(plain("gated"), moved(out.rows, elements(out, gate, up)), [&] { inner_->gated(out, gate, up, activation); });
  }
  void gated_backward(Tensor dgate, Tensor dup, Tensor dout, Tensor gate, Tensor up, Activation activation) override {
    timed(plain("gated_backward"), moved(dout.rows, elements(dgate, dup, dout, gate, up)),
          [&] { inner_->gated_backward(dgate, dup, dout, gate, up, activation); });
  }
  void layer_norm(Tensor out, Tensor x, Tensor weight, Tensor bias, double epsilon) override {
    timed(plain("layer_norm"), moved(x.rows, elements(out, x)), [&] { inner_->layer_norm(out, x, weight, bias, epsilon); });
  }
  void gelu(Tensor out, Tensor x) override {
    timed(plain("gelu"), moved(x.rows, elements(out, x)), [&] { inner_->gelu(out, x); });
  }

  void linear(Tensor out, Tensor x, const Weight& weight, Tensor bias) override {
    timed(product("linear", weight.cols, weight.rows), with_weight(x.rows, weight, 1, elements(out, x)), [&] { inner_->linear(out, x, weight, bias); });
  }
  void linear_integer(Tensor out, Tensor x, const Weight& weight, Tensor bias) override {
    timed(product("linear_integer", weight.cols, weight.rows), with_weight(x.rows, weight, 1, elements(out, x)),
          [&] { inner_->linear_integer(out, x, weight, bias); });
  }
  void linear_group(const std::vector<LinearPart>& parts, Tensor x, Compute compute) override {
    int64_t outputs = 0;
    Cost cost = {x.rows, 0, real_ * elements(x)};
    for (const LinearPart& part : parts) {
      outputs += part.weight->rows;
      const Cost one = with_weight(x.rows, *part.weight, 1, elements(part.out));
      cost.flop += one.flop;
      cost.bytes += one.bytes;
    }
    timed(product(compute == Compute::integer ? "linear_integer" : "linear", x.cols, outputs), cost, [&] { inner_->linear_group(parts, x, compute); });
  }
  void linear_backward(Tensor dx, Tensor dout, const Weight& weight, Write write) override {
    timed(product("linear_backward", weight.cols, weight.rows), with_weight(dout.rows, weight, 1, written(dx, write) + elements(dout)),
          [&] { inner_->linear_backward(dx, dout, weight, write); });
  }
  void gated_linear(Tensor out, Tensor scratch, Tensor gate, Tensor up, Activation activation, const Weight& weight, Tensor bias) override {
    timed(product("gated_linear", weight.cols, weight.rows), with_weight(gate.rows, weight, 1, elements(out, gate, up)),
          [&] { inner_->gated_linear(out, scratch, gate, up, activation, weight, bias); });
  }
  void gated_linear_backward(Tensor dx, Tensor dproduct, Tensor gate, Tensor up, Activation activation, const Weight& gate_weight, const Weight& up_weight) override {
    Cost cost = with_weight(gate.rows, gate_weight, 1, elements(dx, dproduct, gate, up));
    const Cost other = with_weight(gate.rows, up_weight, 1, 0);
    cost.flop += other.flop;
    cost.bytes += other.bytes;
    timed(product("gated_linear_backward", gate_weight.cols, gate_weight.rows + up_weight.rows), cost,
          [&] { inner_->gated_linear_backward(dx, dproduct, gate, up, activation, gate_weight, up_weight); });
  }
  void lora_forward(Tensor out, Tensor t, Tensor x, Tensor a, Tensor b, double scale) override {
    const double flop = 2.0 * elements(t) * static_cast<double>(x.cols + out.cols);
    timed(plain("lora_forward"), {x.rows, flop, real_ * elements(out, out, t, x, a, b)}, [&] { inner_->lora_forward(out, t, x, a, b, scale); });
  }
  void lora_backward(Tensor dx, Tensor da, Tensor db, Tensor dt, Tensor dout, Tensor x, Tensor t, Tensor a, Tensor b, double scale, Write write) override {
    const double flop = 2.0 * elements(t) * static_cast<double>(2 * dout.cols + (dx ? 2 : 1) * x.cols);
    const double reals = (dx ? written(dx, write) : 0.0) + elements(da, da, db, db, dt, dout) + elements(x, t, a, b);
    timed(plain("lora_backward"), {x.rows, flop, real_ * reals}, [&] { inner_->lora_backward(dx, da, db, dt, dout, x, t, a, b, scale, write); });
  }
  void dropout(Tensor out, Tensor x, const DropoutKey& key, Write write) override {
    timed(plain("dropout"), moved(x.rows, written(out, write) + elements(x)), [&] { inner_->dropout(out, x, key, write); });
  }

  void attention(Tensor out, Tensor logsumexp, Tensor q, Tensor k, Tensor v, Segments segments, const AttentionShape& shape) override {
    timed(plain("attention"), {q.rows, 2 * attention_flop(segments, shape), real_ * elements(out, logsumexp, q, k, v)},
          [&] { inner_->attention(out, logsumexp, q, k, v, segments, shape); });
  }
  void attention_backward(Tensor dq, Tensor dk, Tensor dv, Tensor dout, Tensor out, Tensor logsumexp, Tensor q, Tensor k, Tensor v, Segments segments,
                          const AttentionShape& shape) override {
    // Scores again, then the gradients of weights, values, queries and keys: five passes.
    timed(plain("attention_backward"),
          {q.rows, 5 * attention_flop(segments, shape), real_ * (elements(dq, dk, dv, dout, out) + elements(logsumexp, q, k, v))},
          [&] { inner_->attention_backward(dq, dk, dv, dout, out, logsumexp, q, k, v, segments, shape); });
  }
  void store_keys_values(Tensor key_cache, Tensor value_cache, Tensor k, Tensor v, Segments segments, const AttentionShape& shape) override {
    timed(plain("store_keys_values"), moved(k.rows, 2 * elements(k, v)), [&] { inner_->store_keys_values(key_cache, value_cache, k, v, segments, shape); });
  }
  void cached_attention(Tensor out, Tensor q, Tensor key_cache, Tensor value_cache, Segments segments, const AttentionShape& shape) override {
    const double keys = cached_keys(segments, shape.window) * static_cast<double>(shape.kv_heads * shape.head_size);
    const double cached = 2 * real_ * static_cast<double>(inner_->page_reals(shape)) / static_cast<double>(kPageRows * shape.kv_heads * shape.head_size);
    timed(plain("cached_attention"), {q.rows, 2 * attention_flop(segments, shape), real_ * elements(out, q) + cached * keys},
          [&] { inner_->cached_attention(out, q, key_cache, value_cache, segments, shape); });
  }
  void bidirectional_attention(Tensor out, Tensor q, Tensor k, Tensor v, Segments segments, const AttentionShape& shape) override {
    double keys = 0;
    for (int64_t s = 0; s < segments.count; ++s) keys += static_cast<double>(segments.data[s].length) * static_cast<double>(segments.data[s].length);
    timed(plain("bidirectional_attention"), {q.rows, 4.0 * static_cast<double>(shape.query_heads * shape.head_size) * keys, real_ * elements(out, q, k, v)},
          [&] { inner_->bidirectional_attention(out, q, k, v, segments, shape); });
  }

  void linear_cross_entropy(Tensor loss, Tensor dx, Tensor x, const Weight& head, Indices targets, double scale) override {
    const double reals = dx ? elements(loss, dx, x) : elements(loss, x);
    timed(product("linear_cross_entropy", head.cols, head.rows), with_weight(x.rows, head, dx ? 2 : 1, reals),
          [&] { inner_->linear_cross_entropy(loss, dx, x, head, targets, scale); });
  }
  void linear_cross_entropy_integer(Tensor loss, Tensor x, const Weight& head, Indices targets) override {
    timed(product("linear_cross_entropy_integer", head.cols, head.rows), with_weight(x.rows, head, 1, elements(loss, x)),
          [&] { inner_->linear_cross_entropy_integer(loss, x, head, targets); });
  }
  void linear_divergence(Tensor kl, Tensor from, Tensor to, const Weight& head, Compute compute) override {
    timed(product("linear_divergence", head.cols, head.rows), with_weight(from.rows, head, 2, elements(kl, from, to)),
          [&] { inner_->linear_divergence(kl, from, to, head, compute); });
  }
  double sum_of_squares(const std::vector<Tensor>& tensors) override {
    double count = 0, sum = 0;
    for (const Tensor& tensor : tensors) count += elements(tensor);
    timed(plain("sum_of_squares"), moved(0, count), [&] { sum = inner_->sum_of_squares(tensors); });
    return sum;
  }
  void adamw(Tensor parameter, Tensor gradient, Tensor first_moment, Tensor second_moment, const AdamWStep& step) override {
    timed(plain("adamw"), moved(0, 2 * elements(parameter, first_moment, second_moment) + elements(gradient)),
          [&] { inner_->adamw(parameter, gradient, first_moment, second_moment, step); });
  }
  bool draws_tokens() const override { return inner_->draws_tokens(); }
  void draw_tokens(std::vector<int32_t>& tokens, Tensor logits, const std::vector<TokenDraw>& draws, const SamplingOptions& options) override {
    timed(plain("draw_tokens"), moved(logits.rows, elements(logits)), [&] { inner_->draw_tokens(tokens, logits, draws, options); });
  }
  void reserve(int64_t bytes) override { inner_->reserve(bytes); }
  // `repeated` stays the plain call: of a replayed step no kernel could be timed.
  void adamw_group(const std::vector<TrainedTensor>& tensors, const AdamWStep& step) override {
    double count = 0;
    for (const TrainedTensor& each : tensors) count += 2 * elements(each.parameter, each.first_moment, each.second_moment, each.gradient);
    timed(plain("adamw"), moved(0, count), [&] { inner_->adamw_group(tensors, step); });
  }

 private:
  Cost moved(int64_t rows, double reals) const { return {rows, 0, real_ * reals}; }
  /// `passes` products of all rows with the weight.
  Cost with_weight(int64_t rows, const Weight& weight, int passes, double reals) const {
    const double flop = 2.0 * passes * static_cast<double>(rows) * static_cast<double>(weight.rows) * static_cast<double>(weight.cols);
    return {rows, flop, passes * weight_bytes(weight, real_) + real_ * reals};
  }
  /// Adding reads what it writes.
  static double written(Tensor tensor, Write write) { return (write == Write::add ? 2 : 1) * elements(tensor); }

  template <class Source>
  void upload_reals(Tensor destination, const Source* source) {
    timed(plain("upload"), moved(0, elements(destination)), [&] { inner_->upload(destination, source); });
  }
  template <class Destination>
  void download_reals(Destination* destination, Tensor source) {
    timed(plain("download"), moved(0, elements(source)), [&] { inner_->download(destination, source); });
  }

  template <class Work>
  void timed(Key key, Cost cost, Work work) {
    const auto before = std::chrono::steady_clock::now();
    work();
    inner_->synchronize();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - before;
    Sum& sum = sum_of(key);
    ++sum.calls;
    sum.rows += cost.rows;
    sum.seconds += taken.count();
    sum.flop += cost.flop;
    sum.bytes += cost.bytes;
  }

  /// Some thirty entries at most: a search costs less than a kernel's start.
  Sum& sum_of(Key key) {
    const auto found = std::find_if(sums_.begin(), sums_.end(), [&](const Sum& sum) {
      return sum.key.inputs == key.inputs && sum.key.outputs == key.outputs && sum.key.method == key.method;
    });
    if (found != sums_.end()) return *found;
    sums_.push_back({key});
    return sums_.back();
  }

  std::unique_ptr<Backend> inner_;
  double real_;  // bytes
  std::vector<Sum> sums_;
};

}  // namespace

std::unique_ptr<Backend> make_profiled(std::unique_ptr<Backend> backend) { return std::make_unique<Profiled>(std::move(backend)); }

std::vector<ProfileRow> profile_of(const Backend& backend) {
  const auto* profiled = dynamic_cast<const Profiled*>(&backend);
  return profiled ? profiled->rows() : std::vector<ProfileRow>{};
}

}  // namespace sdft
