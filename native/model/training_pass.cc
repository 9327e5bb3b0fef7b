// The whole pass: embed, layers, loss at the rows that predict a target, and back.
#include "model/training_pass.h"

#include <algorithm>

#include "base/error.h"
#include "base/hash.h"
#include "model/training_layer.h"

namespace sdft {

namespace {

/// Length of the longest sequence through each segment: for dynamic rope.
std::vector<int64_t> sequence_lengths(const std::vector<Segment>& segments) {
  std::vector<int64_t> lengths(segments.size());
  for (size_t s = segments.size(); s-- > 0;) {
    lengths[s] = std::max(lengths[s], segments[s].position + segments[s].length);
    if (segments[s].parent >= 0) lengths[segments[s].parent] = std::max(lengths[segments[s].parent], lengths[s]);
  }
  return lengths;
}

struct WantedRows {
  std::vector<int32_t> rows, targets;
};

WantedRows find_wanted(const TrainingBatch& batch, int64_t vocab_size) {
  WantedRows wanted;
  for (size_t row = 0; row < batch.tokens.size(); ++row) {
    require(batch.tokens[row] >= 0 && batch.tokens[row] < vocab_size && batch.targets[row] < vocab_size, "token",
            "Expected token ids from 0 to " + std::to_string(vocab_size - 1) + " but row " + std::to_string(row) + " has token " +
                std::to_string(batch.tokens[row]) + " and target " + std::to_string(batch.targets[row]) + ".");
    if (batch.targets[row] < 0) continue;
    wanted.rows.push_back(static_cast<int32_t>(row));
    wanted.targets.push_back(batch.targets[row]);
  }
  return wanted;
}

/// Uploads what dropout keys its masks with, for all rows and for the wanted ones.
void upload_row_keys(const TrainingBatch& batch, const WantedRows& wanted, Activations& activations, Backend& backend) {
  const size_t rows = batch.tokens.size();
  std::vector<int32_t> low(rows), high(rows), positions(rows);
  for (size_t s = 0; s < batch.segments.size(); ++s) {
    const uint64_t hash = fnv1a64(batch.ids[s]);
    const Segment& segment = batch.segments[s];
    for (int64_t i = 0; i < segment.length; ++i) {
      low[segment.start + i] = static_cast<int32_t>(static_cast<uint32_t>(hash));
      high[segment.start + i] = static_cast<int32_t>(static_cast<uint32_t>(hash >> 32));
      positions[segment.start + i] = static_cast<int32_t>(segment.position + i);
    }
  }
  const int64_t count = static_cast<int64_t>(rows), wanted_count = static_cast<int64_t>(wanted.rows.size());
  backend.upload(activations.example_low.top(count), low.data());
  backend.upload(activations.example_high.top(count), high.data());
  std::vector<int32_t> chosen(wanted.rows.size());
  auto upload_chosen = [&](const IndexBuffer& destination, const std::vector<int32_t>& values) {
    std::transform(wanted.rows.begin(), wanted.rows.end(), chosen.begin(), [&](int32_t row) { return values[row]; });
    backend.upload(destination.top(wanted_count), chosen.data());
  };
  upload_chosen(activations.wanted_low, low);
  upload_chosen(activations.wanted_high, high);
  upload_chosen(activations.wanted_positions, positions);
}

}  // namespace

void TrainingPass::make_room(int64_t rows, int64_t wanted, const AdapterShape& adapter, bool dropout) {
  const int64_t sets = Activations::sets_for(model_.spec(), adapter, rows, stored_rows_);
  if (activations_ && activations_->fits(adapter, rows, wanted, dropout, sets)) return;
  // Of the batches whose layers are all stored each fits where the largest does; one that is larger yet has a layout of its own.
  if (rows <= stored_rows_) whole_rows_ = std::max(whole_rows_, rows);
  most_rows_ = std::max(most_rows_, rows);
  most_wanted_ = std::max(most_wanted_, wanted);
  const auto laid_out = [&](int64_t capacity, Region& region) {
    const int64_t kept = Activations::sets_for(model_.spec(), adapter, capacity, stored_rows_);
    return std::make_unique<Activations>(model_, adapter, capacity, std::min(most_wanted_, capacity), dropout, kept, region);
  };
  const auto bytes_of = [&](int64_t capacity) {
    Region counted(model_.backend());
    laid_out(capacity, counted);
    return counted.taken();
  };
  const int64_t capacity = rows <= stored_rows_ ? whole_rows_ : rows;
  activations_.reset();
  if (!region_ || region_->bytes() < bytes_of(capacity)) {
    region_.reset();  // frees the old memory before the new is taken
    region_ = std::make_unique<Region>(model_.backend(), std::max({bytes_of(capacity), bytes_of(whole_rows_), bytes_of(most_rows_)}));
  }
  region_->clear();
  activations_ = laid_out(capacity, *region_);
  if (rope_rows_ < capacity) {
    rope_rows_ = std::max(capacity, most_rows_);
    ropes_ = std::make_unique<RopeTables>(model_, rope_rows_);
  }
  prefix_kept_ = false;
}

int64_t TrainingPass::enter_prefix(const TrainingBatch& batch, int64_t first_wanted, bool dropout) {
  if (batch.opens) {
    require(open_prefix_.empty(), "batch", "Expected the batch that closes the common prefix before another begins");
    if (batch.closes) return 0;
  }
  const int64_t rows = batch.segments[0].length;
  const std::vector<int32_t> tokens(batch.tokens.begin(), batch.tokens.begin() + rows);
  require(batch.opens || tokens == open_prefix_, "batch",
          "Expected the common prefix of " + std::to_string(open_prefix_.size()) + " tokens that was opened but received another, of " + std::to_string(rows));
  require(first_wanted >= rows, "batch", "Expected no target in the common prefix but row " + std::to_string(first_wanted) + " has one");
  const bool fixed = std::all_of(model_.spec().ropes.begin(), model_.spec().ropes.end(), [](const RopeSpec& rope) { return rope.dynamic.original_max_positions == 0; });
  require(!dropout && fixed, "batch", "Expected batches without a common prefix, which dropout and dynamic ropes make different in each");
  if (batch.opens) {
    most_prefix_ = std::max(most_prefix_, rows);
    if (!prefix_gradients_ || prefix_gradients_->rows < rows) prefix_gradients_ = std::make_unique<PrefixGradients>(model_, most_prefix_);
  }
  open_prefix_ = batch.closes ? std::vector<int32_t>{} : tokens;
  return rows;
}

double TrainingPass::run(const TrainingBatch& batch, const Adapter& adapter, const AdapterTensors& gradients, const DropoutOptions& dropout) {
  const ModelSpec& spec = model_.spec();
  Backend& backend = model_.backend();
  const int64_t rows = static_cast<int64_t>(batch.tokens.size());
  const WantedRows wanted = find_wanted(batch, spec.vocab_size);
  const int64_t count = static_cast<int64_t>(wanted.rows.size());
  require(count > 0, "targets", "Expected at least one token to train on in a batch of " + std::to_string(rows) + " tokens but every target is masked.");

  const bool drops = dropout.probability > 0;
  make_room(rows, count, adapter.shape(), drops);
  const int64_t prefix = enter_prefix(batch, wanted.rows.front(), drops);
  Activations& a = *activations_;
  const bool kept = !batch.opens && prefix_kept_;
  prefix_kept_ = prefix > 0 && a.shared() == 0;
  ropes_->prepare(batch.segments, sequence_lengths(batch.segments));
  if (drops) upload_row_keys(batch, wanted, a, backend);
  const auto rows_of = [prefix](std::vector<Segment>& segments, bool with_prefix) {
    if (prefix > 0) segments[0].seen_only = !with_prefix;
    return PassRows{with_prefix ? 0 : prefix, {segments.data(), static_cast<int64_t>(segments.size())}};
  };
  std::vector<Segment> forward_segments = batch.segments, backward_segments = batch.segments;
  const PassRows forward = rows_of(forward_segments, !kept), backward = rows_of(backward_segments, batch.closes);
  const PassContext pass{
      model_, adapter, gradients, a, *ropes_, {prefix, batch.opens, batch.closes, prefix_gradients_.get()}, rows, count,
      {dropout.probability, dropout.seed, dropout.step, 0, a.example_low.top(rows), a.example_high.top(rows), ropes_->positions()},
      {dropout.probability, dropout.seed, dropout.step, 0, a.wanted_low.top(count), a.wanted_high.top(count), a.wanted_positions.top(count)}};

  backend.upload(a.tokens.top(rows), batch.tokens.data());
  backend.upload(a.wanted_rows.top(count), wanted.rows.data());
  backend.upload(a.targets.top(count), wanted.targets.data());

  // Forward. After the last layer's attention only the rows that predict a target go on.
  const int64_t last = static_cast<int64_t>(spec.layers.size()) - 1;
  const int64_t from = forward.first;
  model_.embed(a.inputs[0].range(from, rows), a.tokens.range(from, rows));
  for (int64_t index = 0; index < last; ++index) {
    TrainingLayer layer(pass, forward, index);
    layer.attend();
    layer.finish(a.inputs[index + 1].range(from, rows), a.inputs[index].range(from, rows), a.of(index).attended.range(from, rows));
  }
  TrainingLayer last_layer(pass, forward, last);
  last_layer.attend();
  const Tensor wanted_stream = a.wanted_stream.top(count), wanted_attended = a.wanted_attended.top(count);
  backend.gather_rows(wanted_stream, a.inputs[last].top(rows), a.wanted_rows.top(count));
  backend.gather_rows(wanted_attended, a.of(last).attended.top(rows), a.wanted_rows.top(count));
  const Tensor output = a.output.top(count), normed = a.normed.top(count);
  last_layer.finish(output, wanted_stream, wanted_attended);

  // Loss and its gradient in one pass over the head.
  backend.rms_norm(normed, output, model_.final_norm(), spec.norm_epsilon);
  const Tensor dnormed = a.dnormed.top(count), dwanted = a.dwanted.top(count);
  backend.linear_cross_entropy(a.loss.top(count), dnormed, normed, model_.head(), a.targets.top(count), batch.loss_scale);
  backend.rms_norm_backward(dwanted, dnormed, output, model_.final_norm(), spec.norm_epsilon, Write::overwrite);

  // Backward.
  const Tensor dattended = a.dattended.top(rows), dwanted_attended = a.dwanted_attended.top(count);
  last_layer.finish_backward(dwanted, dwanted_attended, wanted_attended);
  backend.scatter_rows(a.dstream.top(rows), dwanted, a.wanted_rows.top(count));
  backend.scatter_rows(dattended, dwanted_attended, a.wanted_rows.top(count));
  const Tensor dstream = a.dstream.range(backward.first, rows), own_dattended = a.dattended.range(backward.first, rows);
  TrainingLayer(pass, backward, last).attend_backward(dstream, dattended);
  for (int64_t index = last - 1; index >= 0; --index) {
    if (a.overwritten(index)) {
      TrainingLayer again(pass, forward, index);
      again.attend();
      again.finish(Tensor{}, a.inputs[index].top(rows), a.of(index).attended.top(rows));
    }
    TrainingLayer layer(pass, backward, index);
    layer.finish_backward(dstream, own_dattended, a.of(index).attended.range(backward.first, rows));
    layer.attend_backward(dstream, dattended);
  }

  std::vector<double> losses(count);
  backend.download(losses.data(), a.loss.top(count));
  double sum = 0;
  for (double loss : losses) sum += loss;
  return batch.loss_scale * sum;
}

}  // namespace sdft
