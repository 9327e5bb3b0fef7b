#include "binding/load_options.h"

#include "kernels/backends.h"
#include "kernels/profiled.h"

namespace sdft::binding {

namespace {

/// No dimension of a model that fits in memory is larger; products of two stay far from overflow.
constexpr int64_t kLargestDimension = int64_t{1} << 30;

RopeSpec parse_rope(const Argument& rope, int64_t head_size) {
  RopeSpec result{rope["inverseFrequencies"].reals(), rope["attentionScale"].number(), {0, 0, 0}};
  if (static_cast<int64_t>(result.inverse_frequencies.size()) * 2 != head_size) {
    rope["inverseFrequencies"].fail("half of headSize (" + std::to_string(head_size / 2) + " values)");
  }
  const Argument dynamic = rope["dynamic"];
  if (!dynamic.is_null()) {
    result.dynamic = {dynamic["theta"].number(), dynamic["factor"].number(), dynamic["originalMaxPositions"].integer(1, kLargestDimension)};
  }
  return result;
}

Activation parse_activation(const Argument& activation) {
  const std::string name = activation.text();
  if (name == "silu") return Activation::silu;
  if (name == "gelu_tanh") return Activation::gelu_tanh;
  activation.fail("silu or gelu_tanh");
}

WeightFormat parse_format(const Argument& format) {
  const std::string name = format.text();
  if (name == "native") return WeightFormat::native;
  if (name == "f32") return WeightFormat::f32;
  if (name == "bf16") return WeightFormat::bf16;
  if (name == "q8") return WeightFormat::q8;
  if (name == "q4") return WeightFormat::q4;
  format.fail("native, f32, bf16, q8 or q4");
}

RowOrder parse_order(const Argument& order) {
  const std::string name = order.text();
  if (name == "natural") return RowOrder::natural;
  if (name == "interleaved") return RowOrder::interleaved;
  order.fail("natural or interleaved");
}

ModelSpec parse_spec(const Argument& spec) {
  const auto dimension = [&](const char* name) { return spec[name].integer(1, kLargestDimension); };
  ModelSpec result;
  result.architecture = spec["architecture"].text();
  result.vocab_size = dimension("vocabSize");
  result.width = dimension("width");
  result.query_heads = dimension("queryHeads");
  result.kv_heads = dimension("kvHeads");
  result.head_size = dimension("headSize");
  result.inner_width = dimension("innerWidth");
  result.max_positions = dimension("maxPositions");
  result.norm_epsilon = spec["normEpsilon"].number();
  result.norm_offset = spec["normOffset"].number();
  result.activation = parse_activation(spec["activation"]);
  result.embedding_scale = spec["embeddingScale"].number();
  result.attention_scale = spec["attentionScale"].number();
  result.query_key_norm = spec["queryKeyNorm"].flag();
  result.sandwich_norms = spec["sandwichNorms"].flag();
  result.tied_head = spec["tiedHead"].flag();
  if (result.query_heads % result.kv_heads != 0) spec["queryHeads"].fail("a multiple of kvHeads (" + std::to_string(result.kv_heads) + ")");
  if (result.head_size % 2 != 0) spec["headSize"].fail("an even number");
  for (const Argument& rope : spec["ropes"].elements()) result.ropes.push_back(parse_rope(rope, result.head_size));
  for (const Argument& layer : spec["layers"].elements()) {
    result.layers.push_back({layer["slidingWindow"].integer(0, kLargestDimension), layer["rope"].integer(0, static_cast<int64_t>(result.ropes.size()) - 1)});
  }
  return result;
}

WeightEntry parse_weight(const Argument& entry, int64_t files) {
  WeightEntry result{entry["name"].text(), parse_dtype(entry["type"].text()), {}, entry["file"].integer(0, files - 1), entry["offset"].integer(0),
                     parse_order(entry["rowOrder"])};
  for (const Argument& size : entry["shape"].elements()) result.shape.push_back(size.integer(1, kLargestDimension));
  if (result.shape.size() != 1 && result.shape.size() != 2) entry["shape"].fail("one or two sizes");
  return result;
}

EncoderSpec parse_encoder_spec(const Argument& spec) {
  const auto dimension = [&](const char* name) { return spec[name].integer(1, kLargestDimension); };
  EncoderSpec result{spec["architecture"].text(), dimension("vocabSize"), dimension("width"),        dimension("heads"),       dimension("innerWidth"),
                     dimension("layers"),         dimension("maxPositions"), dimension("segmentTypes"), spec["normEpsilon"].number()};
  if (result.width % result.heads != 0) spec["width"].fail("a multiple of heads (" + std::to_string(result.heads) + ")");
  return result;
}

bool flag_or_false(const Argument& flag) { return !flag.is_null() && flag.flag(); }

LoadSource parse_source(const Argument& options) {
  LoadSource result{{}, {}, options["backend"].text(), static_cast<int>(options["threads"].integer(1, 1024)), parse_format(options["weightFormat"]),
                    flag_or_false(options["profile"]), flag_or_false(options["batchInvariant"]), options["deviceBytes"].is_null() ? 0 : options["deviceBytes"].integer(0)};
  for (const Argument& file : options["files"].elements()) result.files.push_back(file.text());
  for (const Argument& entry : options["weights"].elements()) result.weights.push_back(parse_weight(entry, static_cast<int64_t>(result.files.size())));
  return result;
}

std::unique_ptr<Backend> make_backend(const LoadSource& source) {
  std::unique_ptr<Backend> backend = sdft::make_backend(source.backend, source.threads, source.batch_invariant);
  if (source.device_bytes > 0) backend->reserve(source.device_bytes);
  return source.profile ? make_profiled(std::move(backend)) : std::move(backend);
}

}  // namespace

LoadOptions parse_load_options(const Argument& options) { return {parse_spec(options["spec"]), parse_source(options)}; }

EncoderLoadOptions parse_encoder_load_options(const Argument& options) { return {parse_encoder_spec(options["spec"]), parse_source(options)}; }

std::unique_ptr<Model> load_model(const LoadOptions& options) {
  const LoadSource& source = options.source;
  std::unique_ptr<Backend> backend = make_backend(source);
  return std::make_unique<Model>(options.spec, WeightTable(source.files, source.weights), std::move(backend), source.format);
}

std::unique_ptr<EncoderModel> load_encoder(const EncoderLoadOptions& options) {
  const LoadSource& source = options.source;
  std::unique_ptr<Backend> backend = make_backend(source);
  return std::make_unique<EncoderModel>(options.spec, WeightTable(source.files, source.weights), std::move(backend), source.format);
}

}  // namespace sdft::binding
