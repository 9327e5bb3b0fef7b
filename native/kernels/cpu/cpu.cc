// Checks what it is handed, works out what attention has to do, and calls the kernels of this processor. The arithmetic is in isa/.
#include "kernels/cpu/cpu.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/thread_pool.h"
#include "kernels/cpu/attention_plan.h"
#include "kernels/cpu/features.h"
#include "kernels/cpu/kernels.h"
#include "kernels/cpu/kernels_of.h"
#include "kernels/cpu/memory.h"
#include "kernels/cpu/packed_weight.h"
#include "kernels/cpu/step_cost.h"
#include "kernels/cpu/workspace.h"
#include "kernels/expect.h"

namespace sdft {
namespace {

bool same(const std::vector<Segment>& known, Segments segments) {
  return static_cast<int64_t>(known.size()) == segments.count && std::equal(known.begin(), known.end(), segments.data, [](const Segment& a, const Segment& b) {
           return a.parent == b.parent && a.start == b.start && a.length == b.length && a.position == b.position && a.seen_only == b.seen_only;
         });
}

bool same(const AttentionShape& a, const AttentionShape& b) {
  return a.query_heads == b.query_heads && a.kv_heads == b.kv_heads && a.head_size == b.head_size && a.window == b.window;
}

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(int threads) : kernels_(cpu::kernels_of(cpu::choose_instruction_set())), pool_(threads), workspace_(threads), context_{&pool_, &workspace_} {}

  const char* name() const override { return "cpu"; }
  int64_t real_bytes() const override { return sizeof(float); }
  bool reads_rows_from_file() const override { return true; }
  void* allocate(int64_t bytes) override { return cpu::allocate_aligned(bytes); }
  void release(void* memory) override { cpu::release_aligned(memory); }
  void upload(Tensor destination, const float* source) override { fill(destination, source); }
  void upload(Tensor destination, const double* source) override { fill(destination, source); }
  void upload(Indices destination, const int32_t* source) override { std::copy_n(source, destination.count, destination.data); }
  void download(float* destination, Tensor source) override { read(destination, source); }
  void download(double* destination, Tensor source) override { read(destination, source); }
  void synchronize() override {}
  float* host_view(Tensor tensor) override { return row_of(tensor, 0); }
  int host_workers() const override { return pool_.threads(); }
  void run_on_host(int64_t tasks, const std::function<void(int64_t task, int worker)>& body) override { pool_.run(tasks, body); }
  double step_cost(int64_t rows, Compute compute) const override { return cpu::step_cost(rows, compute); }
  Weight prepare_weight(const WeightSource& source, WeightFormat format) override {
    return cpu::pack_weight(source, format, kernels_.panel_columns, pool_);
  }

  Weight prepare_table(const WeightSource& source, WeightFormat format) override {
    return cpu::pack_weight(source, format, kernels_.panel_columns, pool_, cpu::Use::rows);
  }
  bool has_integer_form(const Weight& weight) const override { return cpu::has_quants(cpu::packed(weight).kind); }

  void zero(Tensor out) override { kernels_.zero(context_, out); }
  void copy(Tensor out, Tensor x) override {
    expect("copy out", out, x.rows, x.cols);
    kernels_.copy(context_, out, x);
  }
  void copy_each(const std::vector<Copy>& copies) override {
    for (const Copy& each : copies) expect("copy_each out", each.out, each.x.rows, each.x.cols);
    pool_.run(static_cast<int64_t>(copies.size()), [&](int64_t task, int) {
      const Copy& each = copies[static_cast<size_t>(task)];
      for (int64_t row = 0; row < each.x.rows; ++row) std::copy_n(row_of(each.x, row), each.x.cols, row_of(each.out, row));
    });
  }
  void add(Tensor out, Tensor x, Tensor y) override {
    expect("add out", out, x.rows, x.cols);
    expect("add y", y, x.rows, x.cols);
    kernels_.add(context_, out, x, y);
  }
  void gather_rows(Tensor out, Tensor x, Indices rows) override {
    expect("gather_rows out", out, rows.count, x.cols);
    expect("gather_rows rows", rows, rows.count, x.rows);
    kernels_.gather_rows(context_, out, x, rows);
  }
  void scatter_rows(Tensor out, Tensor x, Indices rows) override {
    expect("scatter_rows out", out, out.rows, x.cols);
    expect("scatter_rows rows", rows, x.rows, out.rows);
    kernels_.scatter_rows(context_, out, x, rows);
  }
  void embed(Tensor out, const Weight& table, Indices tokens, double scale) override {
    expect("embed out", out, tokens.count, table.cols);
    expect("embed tokens", tokens, tokens.count, table.rows);
    const cpu::PackedWeight& weight = cpu::packed(table);
    pool_.run(tokens.count, [&](int64_t row, int) { cpu::read_row(weight, tokens.data[row], row_of(out, row)); });
    if (scale != 1) kernels_.scale(context_, out, static_cast<float>(scale));
  }

  void rms_norm(Tensor out, Tensor x, Tensor weight, double epsilon) override {
    expect("rms_norm out", out, x.rows, x.cols);
    expect("rms_norm weight", weight, 1, x.cols);
    kernels_.rms_norm(context_, out, x, weight, epsilon);
  }
  void add_rms_norm(Tensor out, Tensor sum, Tensor x, Tensor y, Tensor weight, double epsilon) override {
    for (Tensor tensor : {out, sum, y}) expect("add_rms_norm out, sum, y", tensor, x.rows, x.cols);
    expect("add_rms_norm weight", weight, 1, x.cols);
    kernels_.add_rms_norm(context_, out, sum, x, y, weight, epsilon);
  }
  void rms_norm_backward(Tensor dx, Tensor dout, Tensor x, Tensor weight, double epsilon, Write write) override {
    expect("rms_norm_backward dx", dx, x.rows, x.cols);
    expect("rms_norm_backward dout", dout, x.rows, x.cols);
    expect("rms_norm_backward weight", weight, 1, x.cols);
    kernels_.rms_norm_backward(context_, dx, dout, x, weight, epsilon, write);
  }
  void rope_table(Tensor cosines, Tensor sines, Indices positions, const double* frequencies, double scale) override {
    expect("rope_table cosines", cosines, positions.count, cosines.cols);
    expect("rope_table sines", sines, positions.count, cosines.cols);
    pool_.run(positions.count, [&](int64_t row, int) {
      for (int64_t i = 0; i < cosines.cols; ++i) {
        const double angle = positions.data[row] * frequencies[i];
        row_of(cosines, row)[i] = static_cast<float>(scale * std::cos(angle));
        row_of(sines, row)[i] = static_cast<float>(scale * std::sin(angle));
      }
    });
  }
  void rope(Tensor x, Tensor cosines, Tensor sines, int64_t head_size, Rotation rotation) override {
    expect("rope x", x, x.rows, x.cols / head_size * head_size);
    expect("rope cosines", cosines, x.rows, head_size / 2);
    expect("rope sines", sines, x.rows, head_size / 2);
    kernels_.rope(context_, x, cosines, sines, head_size, rotation);
  }
  void gated(Tensor out, Tensor gate, Tensor up, Activation activation) override {
    expect("gated gate", gate, out.rows, out.cols);
    expect("gated up", up, out.rows, out.cols);
    kernels_.gated(context_, out, gate, up, activation);
  }
  void gated_backward(Tensor dgate, Tensor dup, Tensor dout, Tensor gate, Tensor up, Activation activation) override {
    for (Tensor tensor : {dgate, dup, gate, up}) expect("gated_backward tensors", tensor, dout.rows, dout.cols);
    kernels_.gated_backward(context_, dgate, dup, dout, gate, up, activation);
  }
  void layer_norm(Tensor out, Tensor x, Tensor weight, Tensor bias, double epsilon) override {
    expect("layer_norm out", out, x.rows, x.cols);
    for (Tensor tensor : {weight, bias}) expect("layer_norm weight, bias", tensor, 1, x.cols);
    kernels_.layer_norm(context_, out, x, weight, bias, epsilon);
  }
  void gelu(Tensor out, Tensor x) override {
    expect("gelu out", out, x.rows, x.cols);
    kernels_.gelu(context_, out, x);
  }

  void linear(Tensor out, Tensor x, const Weight& weight, Tensor bias) override {
    expect("linear x", x, x.rows, weight.cols);
    expect("linear out", out, x.rows, weight.rows);
    if (bias) expect("linear bias", bias, 1, weight.rows);
    kernels_.linear(context_, {{{out, &cpu::packed(weight), bias}}, 1}, x);
  }
  void linear_group(const std::vector<LinearPart>& parts, Tensor x, Compute compute) override {
    cpu::LinearParts group{};
    bool alike = true;
    for (const LinearPart& part : parts) {
      expect("linear x", x, x.rows, part.weight->cols);
      expect("linear out", part.out, x.rows, part.weight->rows);
      if (part.bias) expect("linear bias", part.bias, 1, part.weight->rows);
      if (compute == Compute::integer) require_integers(*part.weight);
      alike = alike && cpu::packed(*part.weight).kind == cpu::packed(*parts[0].weight).kind;
      if (group.count < cpu::LinearParts::kMost) group.parts[group.count++] = {part.out, &cpu::packed(*part.weight), part.bias};
    }
    // Each kind of panel takes its own form of x.
    if (static_cast<int64_t>(parts.size()) != group.count || (compute == Compute::integer && !alike)) {
      for (const LinearPart& part : parts) linear_group({part}, x, compute);
      return;
    }
    (compute == Compute::integer ? kernels_.linear_integer : compute == Compute::f32_tall ? kernels_.linear_tall : kernels_.linear)(context_, group, x);
  }
  void linear_integer(Tensor out, Tensor x, const Weight& weight, Tensor bias) override {
    expect("linear_integer x", x, x.rows, weight.cols);
    expect("linear_integer out", out, x.rows, weight.rows);
    if (bias) expect("linear_integer bias", bias, 1, weight.rows);
    require_integers(weight);
    kernels_.linear_integer(context_, {{{out, &cpu::packed(weight), bias}}, 1}, x);
  }
  void linear_backward(Tensor dx, Tensor dout, const Weight& weight, Write write) override {
    expect("linear_backward dout", dout, dout.rows, weight.rows);
    expect("linear_backward dx", dx, dout.rows, weight.cols);
    kernels_.linear_backward(context_, dx, dout, cpu::packed(weight), write);
  }
  void gated_linear(Tensor out, Tensor product, Tensor gate, Tensor up, Activation activation, const Weight& weight, Tensor bias) override {
    for (Tensor tensor : {product, gate, up}) expect("gated_linear product, gate, up", tensor, out.rows, weight.cols);
    expect("gated_linear out", out, out.rows, weight.rows);
    if (bias) expect("gated_linear bias", bias, 1, weight.rows);
    kernels_.gated_linear(context_, out, gate, up, activation, cpu::packed(weight), bias);
  }
  void gated_linear_backward(Tensor dx, Tensor dproduct, Tensor gate, Tensor up, Activation activation, const Weight& gate_weight, const Weight& up_weight) override {
    for (const Weight* weight : {&gate_weight, &up_weight}) {
      for (Tensor tensor : {dproduct, gate, up}) expect("gated_linear_backward dproduct, gate, up", tensor, dx.rows, weight->rows);
      expect("gated_linear_backward dx", dx, dx.rows, weight->cols);
    }
    kernels_.gated_linear_backward(context_, dx, dproduct, gate, up, activation, cpu::packed(gate_weight), cpu::packed(up_weight));
  }
  void lora_forward(Tensor out, Tensor t, Tensor x, Tensor a, Tensor b, double scale) override {
    expect("lora_forward a", a, a.rows, x.cols);
    expect("lora_forward b", b, out.cols, a.rows);
    expect("lora_forward t", t, x.rows, a.rows);
    expect("lora_forward out", out, x.rows, b.rows);
    kernels_.lora_forward(context_, out, t, x, a, b, scale);
  }
  void lora_backward(Tensor dx, Tensor da, Tensor db, Tensor dt, Tensor dout, Tensor x, Tensor t, Tensor a, Tensor b, double scale, Write write) override {
    if (dx) expect("lora_backward dx", dx, x.rows, x.cols);
    for (Tensor tensor : {a, da}) expect("lora_backward a, da", tensor, a.rows, x.cols);
    for (Tensor tensor : {b, db}) expect("lora_backward b, db", tensor, dout.cols, a.rows);
    for (Tensor tensor : {t, dt}) expect("lora_backward t, dt", tensor, x.rows, a.rows);
    expect("lora_backward dout", dout, x.rows, b.rows);
    kernels_.lora_backward(context_, dx, da, db, dt, dout, x, t, a, b, scale, write);
  }
  void dropout(Tensor out, Tensor x, const DropoutKey& key, Write write) override {
    expect("dropout out", out, x.rows, x.cols);
    for (Indices indices : {key.example_low, key.example_high, key.positions})
      require(indices.count == x.rows, "shape", "Expected a dropout key for each of " + std::to_string(x.rows) + " rows");
    require(key.probability >= 0 && key.probability < 1, "shape", "Expected a dropout probability in [0, 1) but received " + std::to_string(key.probability));
    kernels_.dropout(context_, out, x, key, write);
  }

  void attention(Tensor out, Tensor logsumexp, Tensor q, Tensor k, Tensor v, Segments segments, const AttentionShape& shape) override {
    expect("attention q", q, q.rows, shape.query_heads * shape.head_size);
    expect("attention out", out, q.rows, q.cols);
    expect("attention logsumexp", logsumexp, q.rows, shape.query_heads);
    for (Tensor tensor : {k, v}) expect("attention k, v", tensor, q.rows, shape.kv_heads * shape.head_size);
    expect(segments, q.rows);
    const cpu::StepPlan& plan = plan_step(segments, shape);
    const cpu::PageMemory memory = step_pages(plan, shape, false);
    kernels_.store_runs(context_, {plan.runs.data(), static_cast<int64_t>(plan.runs.size())}, memory, k, v, shape);
    kernels_.attend(context_, out, logsumexp, q, {plan.blocks.data(), static_cast<int64_t>(plan.blocks.size()), plan.largest_block}, memory, shape);
  }
  void attention_backward(Tensor dq, Tensor dk, Tensor dv, Tensor dout, Tensor out, Tensor logsumexp, Tensor q, Tensor k, Tensor v, Segments segments,
                          const AttentionShape& shape) override {
    for (Tensor tensor : {q, dq, dout, out}) expect("attention_backward q, dq, dout, out", tensor, q.rows, shape.query_heads * shape.head_size);
    for (Tensor tensor : {k, v, dk, dv}) expect("attention_backward k, v, dk, dv", tensor, q.rows, shape.kv_heads * shape.head_size);
    expect("attention_backward logsumexp", logsumexp, q.rows, shape.query_heads);
    expect(segments, q.rows);
    const cpu::StepPlan& plan = plan_step(segments, shape);
    const cpu::BackwardPlan backward = cpu::plan_backward(segments, plan, shape);
    const cpu::PageMemory memory = step_pages(plan, shape, true);
    kernels_.store_runs(context_, {plan.runs.data(), static_cast<int64_t>(plan.runs.size())}, memory, k, v, shape);
    const cpu::BackwardTasks tasks{backward.strips.data(), static_cast<int64_t>(backward.strips.size()), backward.scratch_floats, backward.gatherings.data(),
                                   static_cast<int64_t>(backward.gatherings.size())};
    kernels_.attend_backward(context_, dq, dk, dv, dout, out, logsumexp, q, tasks, memory, shape);
  }
  int64_t page_reals(const AttentionShape& shape) const override {
    const int64_t numbers = Backend::page_reals(shape);
    return shape.cache == CacheForm::halves ? numbers / 2 : numbers;
  }
  void store_keys_values(Tensor key_cache, Tensor value_cache, Tensor k, Tensor v, Segments segments, const AttentionShape& shape) override {
    for (Tensor tensor : {k, v}) expect("store_keys_values k, v", tensor, k.rows, shape.kv_heads * shape.head_size);
    for (Tensor tensor : {key_cache, value_cache}) expect("store_keys_values caches", tensor, key_cache.rows, page_reals(shape));
    expect(segments, k.rows);
    expect_pages(segments, key_cache.rows);
    const std::vector<cpu::PageRun> runs = cpu::plan_cache_runs(segments);
    const cpu::PageRuns all{runs.data(), static_cast<int64_t>(runs.size())};
    if (shape.cache == CacheForm::halves) kernels_.store_half_runs(context_, all, half_pages(key_cache, value_cache), k, v, shape);
    else kernels_.store_runs(context_, all, cache_pages(key_cache, value_cache), k, v, shape);
  }
  void cached_attention(Tensor out, Tensor q, Tensor key_cache, Tensor value_cache, Segments segments, const AttentionShape& shape) override {
    for (Tensor tensor : {q, out}) expect("cached_attention q, out", tensor, q.rows, shape.query_heads * shape.head_size);
    for (Tensor tensor : {key_cache, value_cache}) expect("cached_attention caches", tensor, key_cache.rows, page_reals(shape));
    expect(segments, q.rows);
    expect_pages(segments, key_cache.rows);
    const std::vector<cpu::QueryBlock> blocks = cpu::plan_queries(segments, shape, nullptr);
    int64_t largest = 0;
    for (const cpu::QueryBlock& block : blocks) largest = std::max(largest, block.count);
    const cpu::AttentionTasks tasks{blocks.data(), static_cast<int64_t>(blocks.size()), largest};
    if (shape.cache == CacheForm::halves) kernels_.attend_halves(context_, out, q, tasks, half_pages(key_cache, value_cache), shape);
    else kernels_.attend(context_, out, Tensor{}, q, tasks, cache_pages(key_cache, value_cache), shape);
  }
  void bidirectional_attention(Tensor out, Tensor q, Tensor k, Tensor v, Segments segments, const AttentionShape& shape) override {
    for (Tensor tensor : {q, out}) expect("bidirectional_attention q, out", tensor, q.rows, shape.query_heads * shape.head_size);
    for (Tensor tensor : {k, v}) expect("bidirectional_attention k, v", tensor, q.rows, shape.kv_heads * shape.head_size);
    expect(segments, q.rows);
    expect_apart(segments, shape);
    const cpu::StepPlan& plan = plan_step(segments, shape, cpu::Sight::both_ways);
    const cpu::PageMemory memory = step_pages(plan, shape, false);
    kernels_.store_runs(context_, {plan.runs.data(), static_cast<int64_t>(plan.runs.size())}, memory, k, v, shape);
    kernels_.attend(context_, out, Tensor{}, q, {plan.blocks.data(), static_cast<int64_t>(plan.blocks.size()), plan.largest_block}, memory, shape);
  }

  void linear_cross_entropy(Tensor loss, Tensor dx, Tensor x, const Weight& head, Indices targets, double scale) override {
    expect("linear_cross_entropy x", x, x.rows, head.cols);
    expect("linear_cross_entropy loss", loss, x.rows, 1);
    if (dx) expect("linear_cross_entropy dx", dx, x.rows, x.cols);
    expect("linear_cross_entropy targets", targets, x.rows, head.rows);
    kernels_.linear_cross_entropy(context_, loss, dx, x, cpu::packed(head), targets, scale);
  }
  void linear_cross_entropy_integer(Tensor loss, Tensor x, const Weight& head, Indices targets) override {
    expect("linear_cross_entropy_integer x", x, x.rows, head.cols);
    expect("linear_cross_entropy_integer loss", loss, x.rows, 1);
    expect("linear_cross_entropy_integer targets", targets, x.rows, head.rows);
    require_integers(head);
    // As many rows as make the head's panels worth reading, few enough for their logits to stay in cache.
    constexpr int64_t kRows = 48;
    float* logits = workspace_.shared(0, kRows * head.rows);
    for (int64_t first = 0; first < x.rows; first += kRows) {
      const int64_t rows = std::min(kRows, x.rows - first);
      const Tensor out{logits, rows, head.rows, head.rows};
      kernels_.linear_integer(context_, {{{out, &cpu::packed(head), Tensor{}}}, 1}, {row_of(x, first), rows, x.cols, x.stride});
      kernels_.logit_loss(context_, {row_of(loss, first), rows, 1, loss.stride}, out, {targets.data + first, rows});
    }
  }
  void linear_divergence(Tensor kl, Tensor from, Tensor to, const Weight& head, Compute compute) override {
    for (Tensor tensor : {from, to}) expect("linear_divergence from, to", tensor, from.rows, head.cols);
    expect("linear_divergence kl", kl, from.rows, 1);
    if (compute != Compute::integer) return kernels_.linear_divergence(context_, kl, from, to, cpu::packed(head));
    require_integers(head);
    constexpr int64_t kRows = 24;  // as in linear_cross_entropy_integer, of two
    float* logits = workspace_.shared(0, 2 * kRows * head.rows);
    for (int64_t first = 0; first < from.rows; first += kRows) {
      const int64_t rows = std::min(kRows, from.rows - first);
      const Tensor from_logits{logits, rows, head.rows, head.rows}, to_logits{logits + kRows * head.rows, rows, head.rows, head.rows};
      for (const auto& [out, x] : {std::make_pair(from_logits, from), std::make_pair(to_logits, to)})
        kernels_.linear_integer(context_, {{{out, &cpu::packed(head), Tensor{}}}, 1}, {row_of(x, first), rows, x.cols, x.stride});
      kernels_.logit_divergence(context_, {row_of(kl, first), rows, 1, kl.stride}, from_logits, to_logits);
    }
  }
  double sum_of_squares(const std::vector<Tensor>& tensors) override {
    double sum = 0;
    for (Tensor tensor : tensors) sum += kernels_.sum_of_squares(context_, tensor);
    return sum;
  }
  void adamw(Tensor parameter, Tensor gradient, Tensor first_moment, Tensor second_moment, const AdamWStep& step) override {
    for (Tensor tensor : {gradient, first_moment, second_moment}) expect("adamw tensors", tensor, parameter.rows, parameter.cols);
    kernels_.adamw(context_, parameter, gradient, first_moment, second_moment, step);
  }

 private:
  void require_integers(const Weight& weight) const {
    require(has_integer_form(weight), "weights", "Expected a weight held as integers for integer products; prepare it as q8 or q4");
  }

  static float* row_of(Tensor tensor, int64_t row) { return static_cast<float*>(tensor.data) + row * tensor.stride; }

  template <class Source>
  static void fill(Tensor destination, const Source* source) {
    for (int64_t r = 0; r < destination.rows; ++r)
      for (int64_t c = 0; c < destination.cols; ++c) row_of(destination, r)[c] = static_cast<float>(source[r * destination.cols + c]);
  }
  template <class Destination>
  static void read(Destination* destination, Tensor source) {
    for (int64_t r = 0; r < source.rows; ++r)
      for (int64_t c = 0; c < source.cols; ++c) destination[r * source.cols + c] = static_cast<Destination>(row_of(source, r)[c]);
  }

  /// The plan of these segments; every layer of a step asks for the same one.
  const cpu::StepPlan& plan_step(Segments segments, const AttentionShape& shape, cpu::Sight sight = cpu::Sight::back) {
    if (!same(planned_segments_, segments) || !same(planned_shape_, shape) || planned_sight_ != sight) {
      planned_segments_.clear();
      plan_ = cpu::plan_step(segments, shape, sight);
      planned_segments_.assign(segments.data, segments.data + segments.count);
      planned_shape_ = shape;
      planned_sight_ = sight;
    }
    return plan_;
  }

  cpu::PageMemory step_pages(const cpu::StepPlan& plan, const AttentionShape& shape, bool backward) {
    const int64_t step = kPageRows * shape.kv_heads * shape.head_size, floats = plan.page_count * step;
    return {workspace_.shared(1, floats), workspace_.shared(2, floats), step, step, backward ? workspace_.shared(3, floats) : nullptr,
            backward ? workspace_.shared(5, floats) : nullptr};
  }
  static cpu::PageMemory cache_pages(Tensor keys, Tensor values) {
    return {static_cast<float*>(keys.data), static_cast<float*>(values.data), keys.stride, values.stride, nullptr, nullptr};
  }
  static cpu::HalfPageMemory half_pages(Tensor keys, Tensor values) {
    return {static_cast<uint16_t*>(keys.data), static_cast<uint16_t*>(values.data), 2 * keys.stride, 2 * values.stride};
  }

  const cpu::Kernels& kernels_;
  ThreadPool pool_;
  cpu::Workspace workspace_;
  cpu::Context context_;
  std::vector<Segment> planned_segments_;
  AttentionShape planned_shape_{};
  cpu::Sight planned_sight_ = cpu::Sight::back;
  cpu::StepPlan plan_;
};

}  // namespace

std::unique_ptr<Backend> make_cpu(int threads) { return std::make_unique<CpuBackend>(threads); }

}  // namespace sdft
