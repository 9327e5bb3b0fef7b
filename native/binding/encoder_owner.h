// A loaded encoder and its buffers. One call at a time runs on it.
#pragma once
#include <atomic>
#include <memory>
#include <utility>

#include "model/encoder.h"

namespace sdft::binding {

struct EncoderOwner {
  explicit EncoderOwner(std::unique_ptr<EncoderModel> loaded) : model(std::move(loaded)) {}

  /// An encoder for steps of at least `rows` rows; kept between calls.
  Encoder& encoder_for(int64_t rows) {
    if (!encoder || encoder->max_rows() < rows) {
      encoder.reset();
      encoder = std::make_unique<Encoder>(*model, rows);
    }
    return *encoder;
  }

  std::unique_ptr<EncoderModel> model;
  std::unique_ptr<Encoder> encoder;
  std::atomic<bool> cancelled{false};
  bool busy = false;  // main thread only
  double call_seconds = 0;
};

}  // namespace sdft::binding
