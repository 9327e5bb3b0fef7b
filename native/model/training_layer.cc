// A decoder layer with its gradients. Each backward line quotes its forward line.
#include "model/training_layer.h"

namespace sdft {

TrainingLayer::TrainingLayer(const PassContext& pass, int64_t index)
    : pass_(pass),
      index_(index),
      first_(index == 0),
      tail_(index + 1 == static_cast<int64_t>(pass.model.spec().layers.size()) ? pass.wanted : pass.rows),
      spec_(pass.model.spec()),
      weights_(pass.model.layer(index)),
      backend_(pass.model.backend()),
      input_(pass.activations.inputs[index].top(pass.rows)),
      stored_(pass.activations.of(index)) {}

DropoutKey TrainingLayer::dropout_key(Target target) const {
  const bool tail = target >= Target::o_proj && tail_ != pass_.rows;
  DropoutKey key = tail ? pass_.wanted_dropout : pass_.dropout;
  key.stream = static_cast<uint32_t>(index_ * kTargets + static_cast<int>(target));
  return key;
}

Projection TrainingLayer::to(Target target, Tensor out) const { return {target, out, stored_.low_rank[static_cast<int>(target)].top(out.rows)}; }

void TrainingLayer::project(std::initializer_list<Projection> projections, Tensor x) {
  if (pass_.dropout.probability == 0) {
    sdft::project(pass_.model, projections, x, index_, &pass_.adapter);
    return;
  }
  project_base(pass_.model, projections, x, index_);
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
  const Tensor low_rank = stored_.low_rank[static_cast<int>(target)].top(dout.rows);
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
  const Tensor normed = pass_.activations.normed.top(rows);
  const Tensor query = stored_.query.top(rows), key = stored_.key.top(rows), value = stored_.value.top(rows);
  backend_.rms_norm(normed, input_, weights_.attention_norm.view(), spec_.norm_epsilon);
  const Tensor raw_query = spec_.query_key_norm ? stored_.raw_query.top(rows) : query;
  const Tensor raw_key = spec_.query_key_norm ? stored_.raw_key.top(rows) : key;
  project({to(Target::q_proj, raw_query), to(Target::k_proj, raw_key), to(Target::v_proj, value)}, normed);
  if (spec_.query_key_norm) {
    backend_.rms_norm(by_heads(query, spec_.head_size), by_heads(raw_query, spec_.head_size), weights_.query_norm.view(), spec_.norm_epsilon);
    backend_.rms_norm(by_heads(key, spec_.head_size), by_heads(raw_key, spec_.head_size), weights_.key_norm.view(), spec_.norm_epsilon);
  }
  pass_.ropes.rotate(query, index_, Rotation::forward);
  pass_.ropes.rotate(key, index_, Rotation::forward);
  backend_.attention(stored_.attended.top(rows), stored_.logsumexp.top(rows), query, key, value, pass_.segments, spec_.attention_shape(index_));
}

void TrainingLayer::finish(Tensor output, Tensor stream, Tensor attended) {
  const Tensor middle = stored_.middle.top(tail_), gate = stored_.gate.top(tail_), up = stored_.up.top(tail_);
  const Tensor normed = pass_.activations.normed.top(tail_), product = pass_.activations.product.top(tail_);
  const Tensor branch = pass_.activations.branch.top(tail_);

  const Tensor attention_branch = spec_.sandwich_norms ? stored_.attention_branch.top(tail_) : branch;
  project({to(Target::o_proj, attention_branch)}, attended);
  if (spec_.sandwich_norms) backend_.rms_norm(branch, attention_branch, weights_.post_attention_norm.view(), spec_.norm_epsilon);
  backend_.add(middle, stream, branch);

  backend_.rms_norm(normed, middle, weights_.mlp_norm.view(), spec_.norm_epsilon);
  project({to(Target::gate_proj, gate), to(Target::up_proj, up)}, normed);
  // Run again for backward, the layer stops where nothing more is stored.
  if (!output && !spec_.sandwich_norms && !has_adapter(Target::down_proj)) return;
  backend_.gated(product, gate, up, spec_.activation);
  const Tensor mlp_branch = spec_.sandwich_norms ? stored_.mlp_branch.top(tail_) : branch;
  project({to(Target::down_proj, mlp_branch)}, product);
  if (!output) return;
  if (spec_.sandwich_norms) backend_.rms_norm(branch, mlp_branch, weights_.post_mlp_norm.view(), spec_.norm_epsilon);
  backend_.add(output, middle, branch);
}

void TrainingLayer::finish_backward(Tensor dstream, Tensor dattended, Tensor attended) {
  const Tensor middle = stored_.middle.top(tail_), gate = stored_.gate.top(tail_), up = stored_.up.top(tail_);
  const Tensor normed = pass_.activations.normed.top(tail_), dnormed = pass_.activations.dnormed.top(tail_);
  const Tensor product = pass_.activations.product.top(tail_), dproduct = pass_.activations.dproduct.top(tail_);
  const Tensor branch_gradient = pass_.activations.branch_gradient.top(tail_);

  // output = middle + [norm](down(product)): dstream is both the output's gradient and, by the residual, part of middle's.
  Tensor dbranch = dstream;
  if (spec_.sandwich_norms) {
    backend_.rms_norm_backward(branch_gradient, dstream, stored_.mlp_branch.top(tail_), weights_.post_mlp_norm.view(), spec_.norm_epsilon, Write::overwrite);
    dbranch = branch_gradient;
  }
  // product = activation(gate) · up
  if (has_adapter(Target::down_proj)) backend_.gated(product, gate, up, spec_.activation);
  project_backward(dproduct, dbranch, product, Target::down_proj, Write::overwrite);
  backend_.gated_backward(gate, up, dproduct, gate, up, spec_.activation);
  // gate, up = projections of normed = norm(middle)
  if (has_adapter(Target::gate_proj) || has_adapter(Target::up_proj)) {
    backend_.rms_norm(normed, middle, weights_.mlp_norm.view(), spec_.norm_epsilon);
  }
  project_backward(dnormed, gate, normed, Target::gate_proj, Write::overwrite);
  project_backward(dnormed, up, normed, Target::up_proj, Write::add);
  backend_.rms_norm_backward(dstream, dnormed, middle, weights_.mlp_norm.view(), spec_.norm_epsilon, Write::add);

  // middle = stream + [norm](o(attended))
  dbranch = dstream;
  if (spec_.sandwich_norms) {
    backend_.rms_norm_backward(branch_gradient, dstream, stored_.attention_branch.top(tail_), weights_.post_attention_norm.view(), spec_.norm_epsilon,
                               Write::overwrite);
    dbranch = branch_gradient;
  }
  project_backward(dattended, dbranch, attended, Target::o_proj, Write::overwrite);
}

void TrainingLayer::attend_backward(Tensor dstream, Tensor dattended) {
  const int64_t rows = pass_.rows;
  const bool query_adapter = has_adapter(Target::q_proj), key_adapter = has_adapter(Target::k_proj), value_adapter = has_adapter(Target::v_proj);
  if (first_ && !query_adapter && !key_adapter && !value_adapter) return;
  const Tensor dquery = pass_.activations.dquery.top(rows), dkey = pass_.activations.dkey.top(rows), dvalue = pass_.activations.dvalue.top(rows);
  const Tensor normed = pass_.activations.normed.top(rows);

  backend_.attention_backward(dquery, dkey, dvalue, dattended, stored_.attended.top(rows), stored_.logsumexp.top(rows), stored_.query.top(rows),
                              stored_.key.top(rows), stored_.value.top(rows), pass_.segments, spec_.attention_shape(index_));
  pass_.ropes.rotate(dquery, index_, Rotation::backward);
  pass_.ropes.rotate(dkey, index_, Rotation::backward);
  if (spec_.query_key_norm) {
    const Tensor dquery_heads = by_heads(dquery, spec_.head_size), dkey_heads = by_heads(dkey, spec_.head_size);
    backend_.rms_norm_backward(dquery_heads, dquery_heads, by_heads(stored_.raw_query.top(rows), spec_.head_size), weights_.query_norm.view(),
                               spec_.norm_epsilon, Write::overwrite);
    backend_.rms_norm_backward(dkey_heads, dkey_heads, by_heads(stored_.raw_key.top(rows), spec_.head_size), weights_.key_norm.view(), spec_.norm_epsilon,
                               Write::overwrite);
  }
  // query, key, value = projections of normed = norm(input)
  if (query_adapter || key_adapter || value_adapter) backend_.rms_norm(normed, input_, weights_.attention_norm.view(), spec_.norm_epsilon);
  const Tensor dnormed = first_ ? Tensor{} : pass_.activations.dnormed.top(rows);
  project_backward(dnormed, dquery, normed, Target::q_proj, Write::overwrite);
  project_backward(dnormed, dkey, normed, Target::k_proj, Write::add);
  project_backward(dnormed, dvalue, normed, Target::v_proj, Write::add);
  if (!first_) backend_.rms_norm_backward(dstream, dnormed, input_, weights_.attention_norm.view(), spec_.norm_epsilon, Write::add);
}

}  // namespace sdft
