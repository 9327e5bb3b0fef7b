// A loaded model and everything built on it, shared by the JavaScript objects that need it alive. One call at a time runs on it: all buffers and the
// backend's threads are its own.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "model/decoder.h"
#include "model/model.h"
#include "sampling/vocabulary.h"
#include "training/trainer.h"

namespace sdft::binding {

struct ModelOwner {
  explicit ModelOwner(std::unique_ptr<Model> loaded) : model(std::move(loaded)) {}

  /// A decoder for steps of at least `rows` rows; kept between calls.
  Decoder& decoder_for(int64_t rows) {
    if (!decoder || decoder->max_rows() < rows) {
      decoder.reset();
      decoder = std::make_unique<Decoder>(*model, rows);
    }
    return *decoder;
  }

  std::unique_ptr<Model> model;
  std::unique_ptr<Decoder> decoder;
  std::shared_ptr<const Vocabulary> vocabulary;  // null until set
  std::atomic<bool> cancelled{false};
  bool busy = false;  // main thread only
  double call_seconds = 0;  // of all calls so far; written by the running one
};

/// An adapter with the model it was made for.
struct AdapterOwner {
  AdapterOwner(std::shared_ptr<ModelOwner> model_owner, AdapterShape shape) : owner(std::move(model_owner)), adapter(*owner->model, std::move(shape)) {}
  std::shared_ptr<ModelOwner> owner;
  Adapter adapter;
};

struct TrainerOwner {
  TrainerOwner(std::shared_ptr<AdapterOwner> adapter_owner, double dropout, uint64_t seed, int64_t stored_rows, LargestBatch largest)
      : adapter(std::move(adapter_owner)), trainer(*adapter->owner->model, adapter->adapter, dropout, seed, stored_rows, largest) {}
  std::shared_ptr<AdapterOwner> adapter;
  Trainer trainer;
};

/// What a handle gives: throws Error("disposed") after dispose().
template <class Owner>
const std::shared_ptr<Owner>& alive(const std::shared_ptr<Owner>& owner, const char* what) {
  require(owner != nullptr, "disposed", std::string("This ") + what + " has been disposed of and cannot be used any more");
  return owner;
}

}  // namespace sdft::binding
