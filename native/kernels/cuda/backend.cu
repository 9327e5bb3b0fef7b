// The `cuda` backend: checks what it is handed, keeps the step's tables and scratch memory, and calls the kernels. Activations are float32 in memory and bf16
// where the tensor cores read them; frozen weights stay as the file has them (bf16, f16, 8 and 4 bits) or as asked; adapters, gradients and moments are float32.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernels/cuda/arguments.h"
#include "kernels/cuda/attention.h"
#include "kernels/cuda/cublaslt.h"
#include "kernels/cuda/draw.h"
#include "kernels/cuda/library.h"
#include "kernels/cuda/replay.h"
#include "kernels/expect.h"

namespace sdft::cuda {
namespace {

/// A decoding step reads all weights whatever its rows: on cards of 300 to 600 floating-point operations a byte of memory traffic the arithmetic of some hundred
/// rows takes as long. Not yet measured; half of the lower end.
constexpr double kStepOverheadRows = 75;

/// Tables of rotation frequencies that stay on the device.
constexpr size_t kKeptRopes = 4;

class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(const BackendOptions& options) : stream_(open(options.device)), scratch_(stream_, *arena_), staging_(stream_) {
    std::string why;
    if (!options.batch_invariant && !options.exact) lt_ = CublasLt::open(why);
    context_ = {stream_, &scratch_, &staging_, arena_, lt_.get(), options.exact, options.batch_invariant};
  }
  ~CudaBackend() override {
    cudaStreamSynchronize(stream_);
    for (const Rope& rope : ropes_) arena_->give_back(rope.device);
  }
  CudaBackend(const CudaBackend&) = delete;
  CudaBackend& operator=(const CudaBackend&) = delete;

  const char* name() const override { return "cuda"; }
  int64_t real_bytes() const override { return sizeof(float); }
  void* allocate(int64_t bytes) override {
    void* memory = arena_->take(bytes);
    if (bytes > 0) check(cudaMemsetAsync(memory, 0, static_cast<size_t>(bytes), stream_), "clearing memory");
    return memory;
  }
  /// Destructors call it, so it never throws: of a device that is lost there is nothing to give back.
  void release(void* memory) override {
    arena_->give_back(memory);
  }
  void reserve(int64_t bytes) override { arena_->reserve(bytes); }
  void repeated(uint64_t key, const std::function<void()>& body) override { replay_.run(key, body); }
  void upload(Tensor destination, const float* source) override {
    if (destination.rows == 0 || destination.cols == 0) return;
    const int64_t row_bytes = destination.cols * int64_t{sizeof(float)};
    if (destination.stride == destination.cols || destination.rows == 1) return send(destination.data, source, destination.rows * row_bytes);
    for (int64_t r = 0; r < destination.rows; ++r)
      send(static_cast<float*>(destination.data) + r * destination.stride, source + r * destination.cols, row_bytes);
  }
  void upload(Tensor destination, const double* source) override {
    std::vector<float> floats(static_cast<size_t>(destination.rows * destination.cols));
    std::transform(source, source + floats.size(), floats.begin(), [](double value) { return static_cast<float>(value); });
    upload(destination, floats.data());
  }
  void upload(Indices destination, const int32_t* source) override { send(destination.data, source, destination.count * int64_t{sizeof(int32_t)}); }
  void download(float* destination, Tensor source) override {
    if (source.rows == 0 || source.cols == 0) return;
    const auto row_bytes = static_cast<size_t>(source.cols) * sizeof(float);
    check(cudaMemcpy2DAsync(destination, row_bytes, source.data, static_cast<size_t>(source.stride) * sizeof(float), row_bytes, static_cast<size_t>(source.rows),
                            cudaMemcpyDeviceToHost, stream_),
          "a download");
    synchronize();
  }
  void download(double* destination, Tensor source) override {
    std::vector<float> floats(static_cast<size_t>(source.rows * source.cols));
    download(floats.data(), source);
    std::copy(floats.begin(), floats.end(), destination);
  }
  void synchronize() override { check(cudaStreamSynchronize(stream_), "the step's kernels"); }
  double step_cost(int64_t rows, Compute) const override { return (context_.batch_invariant ? kStepOverheadRows : 0) + static_cast<double>(rows); }
  Weight prepare_weight(const WeightSource& source, WeightFormat format) override { return make_weight(source, format, arena_, staging_); }
  bool has_integer_form(const Weight& weight) const override { return is_integer(device_weight(weight)); }

  void zero(Tensor out) override { cuda::zero(context_, out); }
  void copy(Tensor out, Tensor x) override {
    expect("copy out", out, x.rows, x.cols);
    cuda::copy(context_, out, x);
  }
  void add(Tensor out, Tensor x, Tensor y) override {
    expect("add out", out, x.rows, x.cols);
    expect("add y", y, x.rows, x.cols);
    cuda::add(context_, out, x, y);
  }
  void gather_rows(Tensor out, Tensor x, Indices rows) override {
    expect("gather_rows out", out, rows.count, x.cols);
    cuda::gather_rows(context_, out, x, rows);
  }
  void scatter_rows(Tensor out, Tensor x, Indices rows) override {
    expect("scatter_rows out", out, out.rows, x.cols);
    expect("scatter_rows rows", rows, x.rows);
    cuda::scatter_rows(context_, out, x, rows);
  }
  void embed(Tensor out, const Weight& table, Indices tokens, double scale) override {
    expect("embed out", out, tokens.count, table.cols);
    cuda::embed(context_, out, device_weight(table), tokens, scale);
  }

  void rms_norm(Tensor out, Tensor x, Tensor weight, double epsilon) override {
    expect("rms_norm out", out, x.rows, x.cols);
    expect("rms_norm weight", weight, 1, x.cols);
    cuda::rms_norm(context_, out, x, weight, epsilon);
  }
  void add_rms_norm(Tensor out, Tensor sum, Tensor x, Tensor y, Tensor weight, double epsilon) override {
    for (Tensor tensor : {out, sum, y}) expect("add_rms_norm out, sum, y", tensor, x.rows, x.cols);
    expect("add_rms_norm weight", weight, 1, x.cols);
    cuda::add_rms_norm(context_, out, sum, x, y, weight, epsilon);
  }
  void rms_norm_backward(Tensor dx, Tensor dout, Tensor x, Tensor weight, double epsilon, Write write) override {
    expect("rms_norm_backward dx", dx, x.rows, x.cols);
    expect("rms_norm_backward dout", dout, x.rows, x.cols);
    expect("rms_norm_backward weight", weight, 1, x.cols);
    cuda::rms_norm_backward(context_, dx, dout, x, weight, epsilon, write);
  }
  void rope_table(Tensor cosines, Tensor sines, Indices positions, const double* frequencies, double scale) override {
    expect("rope_table cosines", cosines, positions.count, cosines.cols);
    expect("rope_table sines", sines, positions.count, cosines.cols);
    cuda::rope_table(context_, cosines, sines, positions, frequencies_on_device(frequencies, cosines.cols), scale);
  }
  void rope(Tensor x, Tensor cosines, Tensor sines, int64_t head_size, Rotation rotation) override {
    expect("rope x", x, x.rows, x.cols / head_size * head_size);
    expect("rope cosines", cosines, x.rows, head_size / 2);
    expect("rope sines", sines, x.rows, head_size / 2);
    cuda::rope(context_, x, cosines, sines, head_size, rotation);
  }
  void gated(Tensor out, Tensor gate, Tensor up, Activation activation) override {
    expect("gated gate", gate, out.rows, out.cols);
    expect("gated up", up, out.rows, out.cols);
    cuda::gated(context_, out, gate, up, activation);
  }
  void gated_backward(Tensor dgate, Tensor dup, Tensor dout, Tensor gate, Tensor up, Activation activation) override {
    for (Tensor tensor : {dgate, dup, gate, up}) expect("gated_backward tensors", tensor, dout.rows, dout.cols);
    cuda::gated_backward(context_, dgate, dup, dout, gate, up, activation);
  }
  void layer_norm(Tensor out, Tensor x, Tensor weight, Tensor bias, double epsilon) override {
    expect("layer_norm out", out, x.rows, x.cols);
    expect("layer_norm weight", weight, 1, x.cols);
    expect("layer_norm bias", bias, 1, x.cols);
    cuda::layer_norm(context_, out, x, weight, bias, epsilon);
  }
  void gelu(Tensor out, Tensor x) override {
    expect("gelu out", out, x.rows, x.cols);
    cuda::gelu(context_, out, x);
  }

  void linear(Tensor out, Tensor x, const Weight& weight, Tensor bias) override {
    expect_product("linear", out, x, weight, bias);
    cuda::linear(context_, out, x, device_weight(weight), bias);
  }
  void linear_group(const std::vector<LinearPart>& parts, Tensor x, Compute compute) override {
    if (compute == Compute::integer) return Backend::linear_group(parts, x, compute);
    for (const LinearPart& part : parts) expect_product("linear", part.out, x, *part.weight, part.bias);
    cuda::linear_group(context_, parts, x);
  }
  void linear_integer(Tensor out, Tensor x, const Weight& weight, Tensor bias) override {
    expect_product("linear_integer", out, x, weight, bias);
    require_integers(weight);
    cuda::linear_integer(context_, out, x, device_weight(weight), bias);
  }
  void linear_backward(Tensor dx, Tensor dout, const Weight& weight, Write write) override {
    expect("linear_backward dout", dout, dout.rows, weight.rows);
    expect("linear_backward dx", dx, dout.rows, weight.cols);
    cuda::linear_backward(context_, dx, dout, device_weight(weight), write);
  }
  void lora_forward(Tensor out, Tensor t, Tensor x, Tensor a, Tensor b, double scale) override { lora_forward_group({{out, t, a, b}}, x, scale); }
  void lora_forward_group(const std::vector<LoraPart>& parts, Tensor x, double scale) override {
    for (const LoraPart& part : parts) {
      expect("lora_forward a", part.a, part.a.rows, x.cols);
      expect("lora_forward b", part.b, part.out.cols, part.a.rows);
      expect("lora_forward t", part.t, x.rows, part.a.rows);
      expect("lora_forward out", part.out, x.rows, part.b.rows);
    }
    cuda::lora_forward_group(context_, parts, x, scale);
  }
  void lora_backward(Tensor dx, Tensor da, Tensor db, Tensor dt, Tensor dout, Tensor x, Tensor t, Tensor a, Tensor b, double scale, Write write) override {
    if (dx) expect("lora_backward dx", dx, x.rows, x.cols);
    for (Tensor tensor : {a, da}) expect("lora_backward a, da", tensor, a.rows, x.cols);
    for (Tensor tensor : {b, db}) expect("lora_backward b, db", tensor, dout.cols, a.rows);
    for (Tensor tensor : {t, dt}) expect("lora_backward t, dt", tensor, x.rows, a.rows);
    expect("lora_backward dout", dout, x.rows, b.rows);
    cuda::lora_backward(context_, dx, da, db, dt, dout, x, t, a, b, scale, write);
  }
  void dropout(Tensor out, Tensor x, const DropoutKey& key, Write write) override {
    expect("dropout out", out, x.rows, x.cols);
    for (Indices indices : {key.example_low, key.example_high, key.positions}) expect("dropout keys", indices, x.rows);
    require(key.probability >= 0 && key.probability < 1, "shape", "Expected a dropout probability in [0, 1) but received " + std::to_string(key.probability));
    cuda::dropout(context_, out, x, key, write);
  }

  void attention(Tensor out, Tensor logsumexp, Tensor q, Tensor k, Tensor v, Segments segments, const AttentionShape& shape) override {
    expect("attention q", q, q.rows, shape.query_heads * shape.head_size);
    expect("attention out", out, q.rows, q.cols);
    expect("attention logsumexp", logsumexp, q.rows, shape.query_heads);
    for (Tensor tensor : {k, v}) expect("attention k, v", tensor, q.rows, shape.kv_heads * shape.head_size);
    expect(segments, q.rows);
    expect_heads(shape);
    if (q.rows == 0 || segments.count == 0) return;
    attend(out, logsumexp, q, step_call(segments, k, v, shape), shape);
  }
  void attention_backward(Tensor dq, Tensor dk, Tensor dv, Tensor dout, Tensor out, Tensor logsumexp, Tensor q, Tensor k, Tensor v, Segments segments,
                          const AttentionShape& shape) override {
    for (Tensor tensor : {q, dq, dout, out}) expect("attention_backward q, dq, dout, out", tensor, q.rows, shape.query_heads * shape.head_size);
    for (Tensor tensor : {k, v, dk, dv}) expect("attention_backward k, v, dk, dv", tensor, q.rows, shape.kv_heads * shape.head_size);
    expect("attention_backward logsumexp", logsumexp, q.rows, shape.query_heads);
    expect(segments, q.rows);
    expect_heads(shape);
    if (q.rows == 0 || segments.count == 0) return;
    const AttentionCall call = step_call(segments, k, v, shape);
    float* along = scratch_.take<float>(Scratch::attention_sums, q.rows * shape.query_heads);
    attention_along(context_, along, dout, out, shape.query_heads);
    (flash(shape) ? attend_backward_flash : attend_backward_plain)(context_, dq, dk, dv, dout, along, logsumexp, q, k, v, call);
  }
  int64_t page_reals(const AttentionShape& shape) const override {
    const int64_t elements = kPageRows * shape.kv_heads * shape.head_size;
    return flash(shape) ? elements / 2 : elements;
  }
  void store_keys_values(Tensor key_cache, Tensor value_cache, Tensor k, Tensor v, Segments segments, const AttentionShape& shape) override {
    for (Tensor tensor : {k, v}) expect("store_keys_values k, v", tensor, k.rows, shape.kv_heads * shape.head_size);
    expect_cache("store_keys_values caches", key_cache, value_cache, segments, k.rows, shape);
    if (segments.count == 0) return;
    const AttentionTables& tables = planner_.plan(segments, k.rows, shape, KeysFrom::cache, scratch_, staging_);
    (flash(shape) ? store_pages_flash : store_pages_plain)(context_, tables, {key_cache.data, value_cache.data, page_step(key_cache, shape)}, k, v, shape);
  }
  void cached_attention(Tensor out, Tensor q, Tensor key_cache, Tensor value_cache, Segments segments, const AttentionShape& shape) override {
    for (Tensor tensor : {q, out}) expect("cached_attention q, out", tensor, q.rows, shape.query_heads * shape.head_size);
    expect_cache("cached_attention caches", key_cache, value_cache, segments, q.rows, shape);
    if (q.rows == 0 || segments.count == 0) return;
    const AttentionTables& tables = planner_.plan(segments, q.rows, shape, KeysFrom::cache, scratch_, staging_);
    attend(out, Tensor{}, q, call_of(tables, {key_cache.data, value_cache.data, page_step(key_cache, shape)}, shape), shape);
  }
  void bidirectional_attention(Tensor out, Tensor q, Tensor k, Tensor v, Segments segments, const AttentionShape& shape) override {
    for (Tensor tensor : {q, out}) expect("bidirectional_attention q, out", tensor, q.rows, shape.query_heads * shape.head_size);
    for (Tensor tensor : {k, v}) expect("bidirectional_attention k, v", tensor, q.rows, shape.kv_heads * shape.head_size);
    expect(segments, q.rows);
    expect_apart(segments, shape);
    expect_heads(shape);
    if (q.rows == 0 || segments.count == 0) return;
    const AttentionTables& tables = planner_.plan(segments, q.rows, shape, KeysFrom::whole_segment, scratch_, staging_);
    const Pages pages = own_pages(tables, kPageRows * shape.kv_heads * shape.head_size, shape);
    store_pages_plain(context_, tables, pages, k, v, shape);
    attend_plain(context_, out, Tensor{}, q, call_of(tables, pages, shape));
  }

  void linear_cross_entropy(Tensor loss, Tensor dx, Tensor x, const Weight& head, Indices targets, double scale) override {
    expect("linear_cross_entropy x", x, x.rows, head.cols);
    expect("linear_cross_entropy loss", loss, x.rows, 1);
    if (dx) expect("linear_cross_entropy dx", dx, x.rows, x.cols);
    expect("linear_cross_entropy targets", targets, x.rows);
    cuda::linear_cross_entropy(context_, loss, dx, x, device_weight(head), targets, scale, false);
  }
  void linear_cross_entropy_integer(Tensor loss, Tensor x, const Weight& head, Indices targets) override {
    expect("linear_cross_entropy_integer x", x, x.rows, head.cols);
    expect("linear_cross_entropy_integer loss", loss, x.rows, 1);
    expect("linear_cross_entropy_integer targets", targets, x.rows);
    require_integers(head);
    cuda::linear_cross_entropy(context_, loss, Tensor{}, x, device_weight(head), targets, 1, true);
  }
  void linear_divergence(Tensor kl, Tensor from, Tensor to, const Weight& head, Compute compute) override {
    for (Tensor tensor : {from, to}) expect("linear_divergence from, to", tensor, from.rows, head.cols);
    expect("linear_divergence kl", kl, from.rows, 1);
    if (compute == Compute::integer) require_integers(head);
    cuda::linear_divergence(context_, kl, from, to, device_weight(head), compute == Compute::integer);
  }
  bool draws_tokens() const override { return true; }
  void draw_tokens(std::vector<int32_t>& tokens, Tensor logits, const std::vector<TokenDraw>& draws, const SamplingOptions& options) override {
    expect("draw_tokens logits", logits, static_cast<int64_t>(draws.size()), logits.cols);
    tokens.resize(draws.size());
    if (draws.empty()) return;
    const int32_t* drawn = cuda::draw_tokens(context_, logits, draws, options);
    check(cudaMemcpyAsync(tokens.data(), drawn, tokens.size() * sizeof(int32_t), cudaMemcpyDeviceToHost, stream_), "a download");
    synchronize();
  }
  double sum_of_squares(const std::vector<Tensor>& tensors) override {
    if (tensors.empty()) return 0;
    double* device = scratch_.take<double>(Scratch::squares, 1);
    cuda::sum_of_squares(context_, device, measured_, tensors);
    double sum = 0;
    check(cudaMemcpyAsync(&sum, device, sizeof sum, cudaMemcpyDeviceToHost, stream_), "a download");
    synchronize();
    return sum;
  }
  void adamw(Tensor parameter, Tensor gradient, Tensor first_moment, Tensor second_moment, const AdamWStep& step) override {
    train({{parameter, gradient, first_moment, second_moment}}, step, false);
  }
  void adamw_group(const std::vector<TrainedTensor>& tensors, const AdamWStep& step) override { train(tensors, step, true); }

 private:
  /// Destroyed last, after what still waits for it.
  struct OwnedStream {
    Stream stream;
    explicit OwnedStream(Stream made) : stream(made) {}
    ~OwnedStream() { cudaStreamDestroy(stream); }
    OwnedStream(const OwnedStream&) = delete;
    OwnedStream& operator=(const OwnedStream&) = delete;
    operator Stream() const { return stream; }
  };
  static Stream open(int device) {
    check(cudaSetDevice(device), "a first call");
    Stream stream = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "a stream");
    return stream;
  }

  /// A model's few ropes are kept; those of a length (dynamic rope) are sent each time.
  const double* frequencies_on_device(const double* frequencies, int64_t count) {
    for (const Rope& rope : ropes_)
      if (static_cast<int64_t>(rope.frequencies.size()) == count && std::equal(rope.frequencies.begin(), rope.frequencies.end(), frequencies)) return rope.device;
    const int64_t bytes = count * int64_t{sizeof(double)};
    double* device = ropes_.size() < kKeptRopes ? static_cast<double*>(arena_->take(bytes)) : scratch_.take<double>(Scratch::frequencies, count);
    staging_.upload(device, frequencies, bytes);
    if (ropes_.size() < kKeptRopes) ropes_.push_back({{frequencies, frequencies + count}, device});
    return device;
  }
  void train(const std::vector<TrainedTensor>& tensors, const AdamWStep& step, bool clear) {
    for (const TrainedTensor& each : tensors)
      for (Tensor tensor : {each.gradient, each.first_moment, each.second_moment}) expect("adamw tensors", tensor, each.parameter.rows, each.parameter.cols);
    cuda::adamw(context_, trained_, tensors, step, clear);
  }
  void send(void* device, const void* host, int64_t bytes) {
    staging_.upload(device, host, bytes);
  }
  void expect_product(const char* what, Tensor out, Tensor x, const Weight& weight, Tensor bias) const {
    expect((std::string(what) + " x").c_str(), x, x.rows, weight.cols);
    expect((std::string(what) + " out").c_str(), out, x.rows, weight.rows);
    if (bias) expect((std::string(what) + " bias").c_str(), bias, 1, weight.rows);
  }
  void require_integers(const Weight& weight) const {
    require(has_integer_form(weight), "weights", "Expected a weight held as integers for integer products; prepare it as q8 or q4");
  }
  void expect_cache(const char* what, Tensor keys, Tensor values, Segments segments, int64_t rows, const AttentionShape& shape) const {
    for (Tensor tensor : {keys, values}) expect(what, tensor, keys.rows, page_reals(shape));
    require(keys.stride == values.stride, "shape", "Expected key and value caches of one layout");
    expect(segments, rows);
    expect_pages(segments, keys.rows);
    expect_heads(shape);
  }

  bool flash(const AttentionShape& shape) const { return !context_.exact && flash_takes(shape.head_size, shape.query_heads / shape.kv_heads); }
  /// Elements from page to page of a cache.
  int64_t page_step(Tensor cache, const AttentionShape& shape) const { return flash(shape) ? 2 * cache.stride : cache.stride; }
  AttentionCall call_of(const AttentionTables& tables, const Pages& pages, const AttentionShape& shape) const {
    return {tables,
            pages.keys,
            pages.values,
            pages.step,
            static_cast<int>(shape.query_heads),
            static_cast<int>(shape.kv_heads),
            static_cast<int>(shape.query_heads / shape.kv_heads),
            static_cast<int>(shape.head_size),
            static_cast<float>(shape.scale),
            0,
            shape.window};
  }
  Pages own_pages(const AttentionTables& tables, int64_t reals, const AttentionShape& shape) {
    return {scratch_.take<float>(Scratch::key_pages, tables.page_count * reals), scratch_.take<float>(Scratch::value_pages, tables.page_count * reals),
            kPageRows * shape.kv_heads * shape.head_size};
  }
  /// Lays the step's keys and values out in pages of their own.
  AttentionCall step_call(Segments segments, Tensor k, Tensor v, const AttentionShape& shape) {
    const AttentionTables& tables = planner_.plan(segments, k.rows, shape, KeysFrom::step, scratch_, staging_);
    const Pages pages = own_pages(tables, page_reals(shape), shape);
    (flash(shape) ? store_pages_flash : store_pages_plain)(context_, tables, pages, k, v, shape);
    return call_of(tables, pages, shape);
  }
  void attend(Tensor out, Tensor logsumexp, Tensor q, const AttentionCall& call, const AttentionShape& shape) {
    (flash(shape) ? attend_flash : attend_plain)(context_, out, logsumexp, q, call);
  }

  OwnedStream stream_;
  std::shared_ptr<Arena> arena_ = std::make_shared<Arena>();  // weights hold it too
  Scratch scratch_;
  Staging staging_;
  AttentionPlanner planner_;
  struct Rope {
    std::vector<double> frequencies;
    double* device;
  };
  std::vector<Rope> ropes_;
  KeptTable trained_{Scratch::trained}, measured_{Scratch::measured};
  std::unique_ptr<CublasLt> lt_;
  Context context_{};
  Replay replay_{stream_, staging_, [this](Stream stream) { context_.stream = stream; }};
};

}  // namespace
}  // namespace sdft::cuda

sdft::Backend* sdft_cuda_create(const sdft::cuda::BackendOptions* options) { return new sdft::cuda::CudaBackend(*options); }
