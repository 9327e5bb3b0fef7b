// One decoder layer of the training pass, forward and backward. A Layer is a short-lived view: model, buffers and batch of the running pass.
#pragma once
#include "model/activations.h"
#include "model/projection.h"
#include "model/rope_tables.h"

namespace sdft {

/// What one direction of a pass computes: rows [first, N), attended as the segments say. Those before `first` are a prefix that another batch computes.
struct PassRows {
  int64_t first;
  Segments segments;
};

/// A prefix in common with other batches of the update; `rows` 0: none.
struct CommonPrefix {
  int64_t rows;
  bool opens, closes;  // whether this is the first, the last of these batches
  const PrefixGradients* gradients;
};

/// What all layers of a running pass share.
struct PassContext {
  const Model& model;
  const Adapter& adapter;
  const AdapterTensors& gradients;
  Activations& activations;
  const RopeTables& ropes;
  CommonPrefix prefix;
  int64_t rows, wanted;
  DropoutKey dropout;         // of all rows; stream set by the layer
  DropoutKey wanted_dropout;  // of the wanted rows
};

class TrainingLayer {
 public:
  TrainingLayer(const PassContext& pass, const PassRows& rows, int64_t index);

  /// Attention's heads from the layer's input.
  void attend();
  /// From `stream` and `attended` (tail rows) to the layer's output; without one it only stores what backward reads.
  void finish(Tensor output, Tensor stream, Tensor attended);
  /// dstream (tail, C): on entry the output's gradient, on return the gradient of the stream at attention's output, without what flows through attention;
  /// that is dattended (tail, H · D).
  void finish_backward(Tensor dstream, Tensor dattended, Tensor attended);
  /// Adds to dstream (own rows, C) what flows through attention, from dattended (N, H · D). The first layer stops at its adapters: nothing reads its input's
  /// gradient.
  void attend_backward(Tensor dstream, Tensor dattended);

 private:
  Projection to(Target target, Tensor out) const;
  void project(std::initializer_list<Projection> projections, Tensor x);
  void project_backward(Tensor dx, Tensor dout, Tensor x, Target target, Write write);
  /// Batches before the closing one leave their share of the gradients of the common prefix's keys and values; the closing one takes all of them.
  void carry_prefix(Tensor dkey, Tensor dvalue);
  DropoutKey dropout_key(Target target) const;
  /// The rows of a buffer that this direction computes: of all rows, and of those after the output projection.
  Tensor own(const Buffer& buffer) const { return buffer.range(rows_.first, pass_.rows); }
  Tensor tail(const Buffer& buffer) const { return last_ ? buffer.top(pass_.wanted) : own(buffer); }
  bool has_adapter(Target target) const { return static_cast<bool>(pass_.adapter.tensors().pair(index_, target)); }

  const PassContext& pass_;
  const PassRows rows_;
  int64_t index_;
  bool first_, last_;
  const ModelSpec& spec_;
  const LayerWeights& weights_;
  Backend& backend_;
  const Tensor input_;  // (own rows, C)
  LayerActivations& stored_;
};

}  // namespace sdft
