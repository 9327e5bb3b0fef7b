// Allocation of training's buffers.
#include "model/activations.h"

#include <algorithm>

namespace sdft {

Activations::Activations(const Model& model, const AdapterShape& adapter_shape, int64_t row_capacity, int64_t wanted_capacity, bool with_dropout)
    : rows(row_capacity), wanted(wanted_capacity), adapter(adapter_shape), dropout(with_dropout) {
  const ModelSpec& spec = model.spec();
  const int64_t queries = spec.query_heads * spec.head_size, keys = spec.kv_heads * spec.head_size;
  auto tensor = [&](int64_t count, int64_t cols) { return OwnedTensor(model.backend(), count, cols); };
  auto indices = [&](int64_t count) { return OwnedIndices(model.backend(), count); };

  layers.resize(spec.layers.size());
  for (size_t index = 0; index < layers.size(); ++index) {
    LayerActivations& layer = layers[index];
    const int64_t tail = index + 1 == layers.size() ? wanted : rows;
    layer.input = tensor(rows, spec.width);
    if (spec.query_key_norm) {
      layer.raw_query = tensor(rows, queries);
      layer.raw_key = tensor(rows, keys);
    }
    layer.query = tensor(rows, queries);
    layer.key = tensor(rows, keys);
    layer.value = tensor(rows, keys);
    layer.attended = tensor(rows, queries);
    layer.logsumexp = tensor(rows, spec.query_heads);
    layer.middle = tensor(tail, spec.width);
    layer.gate = tensor(tail, spec.inner_width);
    layer.up = tensor(tail, spec.inner_width);
    if (spec.sandwich_norms) {
      layer.attention_branch = tensor(tail, spec.width);
      layer.mlp_branch = tensor(tail, spec.width);
    }
    for (Target target : adapter.targets) layer.low_rank[static_cast<int>(target)] = tensor(target < Target::o_proj ? rows : tail, adapter.rank);
  }
  output = tensor(wanted, spec.width);
  normed = tensor(rows, spec.width);
  branch = tensor(rows, spec.width);
  branch_gradient = tensor(rows, spec.width);
  product = tensor(rows, spec.inner_width);
  dproduct = tensor(rows, spec.inner_width);
  dquery = tensor(rows, queries);
  dkey = tensor(rows, keys);
  dvalue = tensor(rows, keys);
  dattended = tensor(rows, queries);
  wanted_stream = tensor(wanted, spec.width);
  wanted_attended = tensor(wanted, queries);
  dwanted_attended = tensor(wanted, queries);
  dstream = tensor(rows, spec.width);
  dwanted = tensor(wanted, spec.width);
  dnormed = tensor(rows, spec.width);
  dlow_rank = tensor(rows, adapter.rank);
  if (dropout) {
    const int64_t widest = std::max({spec.width, queries, spec.inner_width});
    dropped = tensor(rows, widest);
    ddropped = tensor(rows, widest);
  }
  loss = tensor(wanted, 1);
  tokens = indices(rows);
  wanted_rows = indices(wanted);
  targets = indices(wanted);
  example_low = indices(rows);
  example_high = indices(rows);
  wanted_low = indices(wanted);
  wanted_high = indices(wanted);
  wanted_positions = indices(wanted);
}

bool Activations::fits(const AdapterShape& adapter_shape, int64_t row_count, int64_t wanted_count, bool with_dropout) const {
  return row_count <= rows && wanted_count <= wanted && adapter_shape.rank == adapter.rank && adapter_shape.targets == adapter.targets &&
         (dropout || !with_dropout);
}

}  // namespace sdft
