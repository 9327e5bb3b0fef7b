// One decoder layer of the training pass, forward and backward. A Layer is a short-lived view: model, buffers and batch of the running pass.
#pragma once
#include "model/activations.h"
#include "model/projection.h"
#include "model/rope_tables.h"

namespace sdft {

/// What all layers of a running pass share.
struct PassContext {
  const Model& model;
  const Adapter& adapter;
  const AdapterTensors& gradients;
  Activations& activations;
  const RopeTables& ropes;
  Segments segments;
  int64_t rows, wanted;
  DropoutKey dropout;         // of all rows; stream set by the layer
  DropoutKey wanted_dropout;  // of the wanted rows
};

class TrainingLayer {
 public:
  TrainingLayer(const PassContext& pass, int64_t index);

  /// Attention's heads (N, H · D) from the layer's input.
  void attend();
  /// From `stream` and `attended` (tail rows) to the layer's output; without one it only stores what backward reads.
  void finish(Tensor output, Tensor stream, Tensor attended);
  /// dstream (tail, C): on entry the output's gradient, on return the gradient of the stream at attention's output, without what flows through attention;
  /// that is dattended (tail, H · D).
  void finish_backward(Tensor dstream, Tensor dattended, Tensor attended);
  /// Adds to dstream (N, C) what flows through attention. The first layer stops at its adapters: nothing reads its input's gradient.
  void attend_backward(Tensor dstream, Tensor dattended);

 private:
  Projection to(Target target, Tensor out) const;
  void project(std::initializer_list<Projection> projections, Tensor x);
  void project_backward(Tensor dx, Tensor dout, Tensor x, Target target, Write write);
  DropoutKey dropout_key(Target target) const;
  bool has_adapter(Target target) const { return static_cast<bool>(pass_.adapter.tensors().pair(index_, target)); }

  const PassContext& pass_;
  int64_t index_;
  bool first_;
  int64_t tail_;
  const ModelSpec& spec_;
  const LayerWeights& weights_;
  Backend& backend_;
  const Tensor input_;  // (N, C)
  LayerActivations& stored_;
};

}  // namespace sdft
