// Layout of training's buffers.
#include "model/activations.h"

#include <algorithm>

namespace sdft {

Activations::Activations(const Model& model, const AdapterShape& adapter_shape, int64_t row_capacity, int64_t wanted_capacity, bool with_dropout,
                         int64_t set_count, Region& region)
    : rows(row_capacity), wanted(wanted_capacity), adapter(adapter_shape), dropout(with_dropout) {
  const ModelSpec& spec = model.spec();
  const int64_t queries = spec.query_heads * spec.head_size, keys = spec.kv_heads * spec.head_size;
  auto tensor = [&](int64_t count, int64_t cols) { return region.tensor(count, cols); };
  auto indices = [&](int64_t count) { return region.indices(count); };

  for (size_t index = 0; index < spec.layers.size(); ++index) inputs.push_back(tensor(rows, spec.width));
  sets.resize(set_count);
  for (int64_t index = 0; index < set_count; ++index) {
    LayerActivations& layer = sets[index];
    const bool last_alone = index + 1 == set_count && (set_count > 1 || inputs.size() == 1);
    const int64_t tail = last_alone ? wanted : rows;
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

PrefixGradients::PrefixGradients(const Model& model, int64_t row_capacity) : rows(row_capacity) {
  const int64_t keys = model.spec().kv_heads * model.spec().head_size;
  for (size_t index = 0; index < model.spec().layers.size(); ++index) {
    key.emplace_back(model.backend(), rows, keys);
    value.emplace_back(model.backend(), rows, keys);
  }
}

bool Activations::fits(const AdapterShape& adapter_shape, int64_t row_count, int64_t wanted_count, bool with_dropout, int64_t set_count) const {
  return row_count <= rows && wanted_count <= wanted && set_count <= static_cast<int64_t>(sets.size()) && adapter_shape.rank == adapter.rank && adapter_shape.targets == adapter.targets &&
         (dropout || !with_dropout);
}

int64_t Activations::sets_for(const ModelSpec& spec, const AdapterShape& adapter, int64_t rows, int64_t stored_rows) {
  const int64_t layers = static_cast<int64_t>(spec.layers.size()), queries = spec.query_heads * spec.head_size, keys = spec.kv_heads * spec.head_size;
  if (rows <= stored_rows) return layers;
  const int64_t normed = spec.query_key_norm ? queries + keys : 0, branches = spec.sandwich_norms ? 2 * spec.width : 0;
  const int64_t low_ranks = adapter.rank * static_cast<int64_t>(adapter.targets.size());
  const int64_t set = normed + 2 * queries + 2 * keys + spec.query_heads + spec.width + 2 * spec.inner_width + branches + low_ranks;
  const int64_t room = stored_rows * layers * (spec.width + set) / rows - layers * spec.width;
  return std::clamp<int64_t>(room / set, 1, layers);
}

}  // namespace sdft
