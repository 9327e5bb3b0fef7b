// A decoder layer with its gradients. Each backward line quotes its forward line.
#include "model/training_layer.h"

namespace sdft {

TrainingLayer::TrainingLayer(const PassContext& pass, const PassRows& rows, int64_t index)
    : pass_(pass),
      rows_(rows),
      index_(index),
      first_(index == 0),
      last_(index + 1 == static_cast<int64_t>(pass.model.spec().layers.size())),
      spec_(pass.model.spec()),
      weights_(pass.model.layer(index)),
      backend_(pass.model.backend()),
      input_(own(pass.activations.inputs[index])),
      stored_(pass.activations.of(index)) {}

DropoutKey TrainingLayer::dropout_key(Target target) const {
  DropoutKey key = target >= Target::o_proj && last_ ? pass_.wanted_dropout : pass_.dropout;
  key.stream = static_cast<uint32_t>(index_ * kTargets + static_cast<int>(target));
  return key;
}

Projection TrainingLayer::to(Target target, Tensor out) const {
  const Buffer& low_rank = stored_.low_rank[static_cast<int>(target)];
  if (!low_rank) return {target, out, Tensor{}};
  return {target, out, target < Target::o_proj ? own(low_rank) : tail(low_rank)};
}

void TrainingLayer::project(std::initializer_list<Projection> projections, Tensor x) {
  if (pass_.dropout.probability == 0) {
    sdft::project(pass_.model, projections, x, index_, &pass_.adapter, Compute::f32_tall);
    return;
  }
  project_base(pass_.model, projections, x, index_, Compute::f32_tall);
  const Tensor dropped{pass_.activations.dropped.view().data, x.rows, x.cols, x.cols};
  for (const Projection& projection : projections) {
    if (!has_adapter(projection.target)) continue;
    const LoraPair pair = pass_.adapter.tensors().pair(index_, projection.target);
    backend_.dropout(dropped, x, dropout_key(projection.target), Write::overwrite);
    backend_.lora_forward(projection.out, projection.low_rank, dropped, pair.a, pair.b, pass_.adapter.shape().scale);
  }
}

void TrainingLayer::project_backward(Tensor dx, Tensor dout, Tensor x, Target target, Write write) {
  if (dx) backend_.linear_backward(dx, dout, weights_[target].weight, write);
  if (!has_adapter(target)) return;
  const LoraPair pair = pass_.adapter.tensors().pair(index_, target), gradient = pass_.gradients.pair(index_, target);
  const Tensor low_rank = to(target, dout).low_rank;
  const Tensor dlow_rank = pass_.activations.dlow_rank.top(dout.rows);
  const double scale = pass_.adapter.shape().scale;
  if (pass_.dropout.probability == 0) {
    backend_.lora_backward(dx, gradient.a, gradient.b, dlow_rank, dout, x, low_rank, pair.a, pair.b, scale, Write::add);
    return;
  }
  const Tensor dropped{pass_.activations.dropped.view().data, x.rows, x.cols, x.cols};
  const Tensor ddropped = dx ? Tensor{pass_.activations.ddropped.view().data, x.rows, x.cols, x.cols} : Tensor{};
  backend_.dropout(dropped, x, dropout_key(target), Write::overwrite);
  backend_.lora_backward(ddropped, gradient.a, gradient.b, dlow_rank, dout, dropped, low_rank, pair.a, pair.b, scale, Write::overwrite);
  if (dx) backend_.dropout(dx, ddropped, dropout_key(target), Write::add);
}

void TrainingLayer::attend() {
  const int64_t rows = pass_.rows;
  const Tensor normed = own(pass_.activations.normed);
  const Tensor query = own(stored_.query), key = own(stored_.key), value = own(stored_.value);
  backend_.rms_norm(normed, input_, weights_.attention_norm.view(), spec_.norm_epsilon);
  const Tensor raw_query = spec_.query_key_norm ? own(stored_.raw_query) : query;
  const Tensor raw_key = spec_.query_key_norm ? own(stored_.raw_key) : key;
  project({to(Target::q_proj, raw_query), to(Target::k_proj, raw_key), to(Target::v_proj, value)}, normed);
  if (spec_.query_key_norm) {
    backend_.rms_norm(by_heads(query, spec_.head_size), by_heads(raw_query, spec_.head_size), weights_.query_norm.view(), spec_.norm_epsilon);
    backend_.rms_norm(by_heads(key, spec_.head_size), by_heads(raw_key, spec_.head_size), weights_.key_norm.view(), spec_.norm_epsilon);
  }
  pass_.ropes.rotate(query, index_, Rotation::forward);
  pass_.ropes.rotate(key, index_, Rotation::forward);
  backend_.attention(stored_.attended.top(rows), stored_.logsumexp.top(rows), stored_.query.top(rows), stored_.key.top(rows), stored_.value.top(rows),
                     rows_.segments, spec_.attention_shape(index_));
}

void TrainingLayer::finish(Tensor output, Tensor stream, Tensor attended) {
  const Tensor middle = tail(stored_.middle), gate = tail(stored_.gate), up = tail(stored_.up);
  const Tensor normed = tail(pass_.activations.normed), product = tail(pass_.activations.product);
  const Tensor branch = tail(pass_.activations.branch);

  const Tensor attention_branch = spec_.sandwich_norms ? tail(stored_.attention_branch) : branch;
  project({to(Target::o_proj, attention_branch)}, attended);
  if (spec_.sandwich_norms) backend_.rms_norm(branch, attention_branch, weights_.post_attention_norm.view(), spec_.norm_epsilon);
  backend_.add_rms_norm(normed, middle, stream, branch, weights_.mlp_norm.view(), spec_.norm_epsilon);
  project({to(Target::gate_proj, gate), to(Target::up_proj, up)}, normed);
  // Run again for backward, the layer stops where nothing more is stored.
  if (!output && !spec_.sandwich_norms && !has_adapter(Target::down_proj)) return;
  const Tensor mlp_branch = spec_.sandwich_norms ? tail(stored_.mlp_branch) : branch;
  if (has_adapter(Target::down_proj)) {
    backend_.gated(product, gate, up, spec_.activation);
    project({to(Target::down_proj, mlp_branch)}, product);
  } else {
    const LinearWeight& down = weights_[Target::down_proj];
    backend_.gated_linear(mlp_branch, product, gate, up, spec_.activation, down.weight, down.bias.view());
  }
  if (!output) return;
  if (spec_.sandwich_norms) backend_.rms_norm(branch, mlp_branch, weights_.post_mlp_norm.view(), spec_.norm_epsilon);
  backend_.add(output, middle, branch);
}

void TrainingLayer::finish_backward(Tensor dstream, Tensor dattended, Tensor attended) {
  const Tensor middle = tail(stored_.middle), gate = tail(stored_.gate), up = tail(stored_.up);
  const Tensor normed = tail(pass_.activations.normed), dnormed = tail(pass_.activations.dnormed);
  const Tensor product = tail(pass_.activations.product), dproduct = tail(pass_.activations.dproduct);
  const Tensor branch_gradient = tail(pass_.activations.branch_gradient);

  // output = middle + [norm](down(product)): dstream is both the output's gradient and, by the residual, part of middle's.
  Tensor dbranch = dstream;
  if (spec_.sandwich_norms) {
    backend_.rms_norm_backward(branch_gradient, dstream, tail(stored_.mlp_branch), weights_.post_mlp_norm.view(), spec_.norm_epsilon, Write::overwrite);
    dbranch = branch_gradient;
  }
  // product = activation(gate) · up
  if (has_adapter(Target::down_proj)) backend_.gated(product, gate, up, spec_.activation);
  project_backward(dproduct, dbranch, product, Target::down_proj, Write::overwrite);
  // gate, up = projections of normed = norm(middle)
  if (has_adapter(Target::gate_proj) || has_adapter(Target::up_proj)) {
    backend_.gated_backward(gate, up, dproduct, gate, up, spec_.activation);
    backend_.rms_norm(normed, middle, weights_.mlp_norm.view(), spec_.norm_epsilon);
    project_backward(dnormed, gate, normed, Target::gate_proj, Write::overwrite);
    project_backward(dnormed, up, normed, Target::up_proj, Write::add);
  } else {
    backend_.gated_linear_backward(dnormed, dproduct, gate, up, spec_.activation, weights_[Target::gate_proj].weight, weights_[Target::up_proj].weight);
  }
  backend_.rms_norm_backward(dstream, dnormed, middle, weights_.mlp_norm.view(), spec_.norm_epsilon, Write::add);

  // middle = stream + [norm](o(attended))
  dbranch = dstream;
  if (spec_.sandwich_norms) {
    backend_.rms_norm_backward(branch_gradient, dstream, tail(stored_.attention_branch), weights_.post_attention_norm.view(), spec_.norm_epsilon,
                               Write::overwrite);
    dbranch = branch_gradient;
  }
  project_backward(dattended, dbranch, attended, Target::o_proj, Write::overwrite);
}

void TrainingLayer::carry_prefix(Tensor dkey, Tensor dvalue) {
  const auto carry = [&](Tensor gradient, Tensor sum) {
    if (pass_.prefix.closes) backend_.add(gradient, gradient, sum);
    else if (pass_.prefix.opens) backend_.copy(sum, gradient);
    else backend_.add(sum, sum, gradient);
  };
  carry(dkey, pass_.prefix.gradients->key[static_cast<size_t>(index_)].top(dkey.rows));
  carry(dvalue, pass_.prefix.gradients->value[static_cast<size_t>(index_)].top(dvalue.rows));
}

void TrainingLayer::attend_backward(Tensor dstream, Tensor dattended) {
  const int64_t rows = pass_.rows;
  const bool query_adapter = has_adapter(Target::q_proj), key_adapter = has_adapter(Target::k_proj), value_adapter = has_adapter(Target::v_proj);
  if (first_ && !query_adapter && !key_adapter && !value_adapter) return;
  const Buffer &dqueries = pass_.activations.dquery, &dkeys = pass_.activations.dkey, &dvalues = pass_.activations.dvalue;
  const Tensor dquery = own(dqueries), dkey = own(dkeys), dvalue = own(dvalues), normed = own(pass_.activations.normed);

  backend_.attention_backward(dqueries.top(rows), dkeys.top(rows), dvalues.top(rows), dattended, stored_.attended.top(rows), stored_.logsumexp.top(rows),
                              stored_.query.top(rows), stored_.key.top(rows), stored_.value.top(rows), rows_.segments, spec_.attention_shape(index_));
  if (pass_.prefix.rows > 0) carry_prefix(dkeys.top(pass_.prefix.rows), dvalues.top(pass_.prefix.rows));
  pass_.ropes.rotate(dquery, index_, Rotation::backward);
  pass_.ropes.rotate(dkey, index_, Rotation::backward);
  if (spec_.query_key_norm) {
    const Tensor dquery_heads = by_heads(dquery, spec_.head_size), dkey_heads = by_heads(dkey, spec_.head_size);
    backend_.rms_norm_backward(dquery_heads, dquery_heads, by_heads(own(stored_.raw_query), spec_.head_size), weights_.query_norm.view(),
                               spec_.norm_epsilon, Write::overwrite);
    backend_.rms_norm_backward(dkey_heads, dkey_heads, by_heads(own(stored_.raw_key), spec_.head_size), weights_.key_norm.view(), spec_.norm_epsilon,
                               Write::overwrite);
  }
  // query, key, value = projections of normed = norm(input)
  if (query_adapter || key_adapter || value_adapter) backend_.rms_norm(normed, input_, weights_.attention_norm.view(), spec_.norm_epsilon);
  const Tensor dnormed = first_ ? Tensor{} : own(pass_.activations.dnormed);
  project_backward(dnormed, dquery, normed, Target::q_proj, Write::overwrite);
  project_backward(dnormed, dkey, normed, Target::k_proj, Write::add);
  project_backward(dnormed, dvalue, normed, Target::v_proj, Write::add);
  if (!first_) backend_.rms_norm_backward(dstream, dnormed, input_, weights_.attention_norm.view(), spec_.norm_epsilon, Write::add);
}

}  // namespace sdft
