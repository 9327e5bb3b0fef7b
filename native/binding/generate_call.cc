#include "binding/generate_call.h"

#include <algorithm>
#include <array>

#include "binding/handles.h"

namespace sdft::binding {

namespace {

constexpr int64_t kLargestCount = (int64_t{1} << 31) - 1;

Napi::Value integers(Napi::Env env, const std::vector<int32_t>& values) {
  auto array = Napi::Int32Array::New(env, values.size());
  std::copy(values.begin(), values.end(), array.Data());
  return array;
}

const char* finish_name(Finish finish) {
  switch (finish) {
    case Finish::stop: return "stop";
    case Finish::length: return "length";
    case Finish::cancelled: return "cancelled";
  }
  return "cancelled";
}

/// One of the names, by its place; the first where the argument is left out.
size_t choice(const Argument& argument, const std::vector<const char*>& names) {
  if (argument.is_null()) return 0;
  const std::string given = argument.text();
  const auto found = std::find(names.begin(), names.end(), given);
  std::string expected = "one of";
  for (const char* name : names) expected += std::string(" ") + name;
  if (found == names.end()) argument.fail(expected);
  return static_cast<size_t>(found - names.begin());
}

}  // namespace

Compute parse_compute(const Argument& compute) {
  const std::string name = compute.text();
  if (name == "f32") return Compute::f32;
  if (name == "int") return Compute::integer;
  compute.fail("f32 or int");
}

GenerateCall parse_generate(const Argument& requests, const Argument& options, const std::shared_ptr<ModelOwner>& owner) {
  GenerateCall call;
  for (const Argument& request : requests.elements()) {
    call.requests.push_back({request["id"].text(), request["tokens"].integers(), static_cast<uint32_t>(request["sample"].integer(0, kLargestCount)),
                             request["maxNewTokens"].integer(0, kLargestCount), request["minNewTokens"].integer(0, kLargestCount),
                             request["draft"].is_null() ? std::vector<int32_t>{} : request["draft"].integers()});
  }
  call.adapter = AdapterHandle::from(options["adapter"], owner);
  call.options.adapter = call.adapter ? &call.adapter->adapter : nullptr;
  call.options.compute = parse_compute(options["compute"]);
  call.options.seed = static_cast<uint64_t>(options["seed"].integer(0));
  call.options.sampling.temperature = options["temperature"].number();
  call.options.sampling.top_k = options["topK"].integer(0, kLargestCount);
  call.options.sampling.top_p = options["topP"].number();
  call.options.sampling.min_p = options["minP"].number();
  call.options.sampling.repetition_penalty = options["repetitionPenalty"].number();
  call.options.end_tokens = options["endTokens"].integers();
  for (const Argument& text : options["stopStrings"].elements()) call.options.stop_strings.push_back(text.text());
  call.options.max_sequences = options["maxSequences"].integer(1, kLargestCount);
  call.options.rows_per_step = options["rowsPerStep"].integer(1, int64_t{1} << 20);
  if (!options["cacheBytes"].is_null()) call.options.cache_bytes = options["cacheBytes"].integer(0);
  call.options.drafts = std::array{DraftMode::automatic, DraftMode::off, DraftMode::on}[choice(options["drafts"], {"auto", "off", "on"})];
  call.options.prefixes = std::array{PrefixMode::shared, PrefixMode::apart}[choice(options["prefixes"], {"shared", "apart"})];
  call.vocabulary = owner->vocabulary;
  return call;
}

Napi::Value to_js(Napi::Env env, const GenerateProgress& progress) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("indices", integers(env, progress.indices));
  result.Set("tokens", integers(env, progress.tokens));
  result.Set("finished", integers(env, progress.finished));
  result.Set("promptTokens", static_cast<double>(progress.prompt_tokens));
  result.Set("drafted", static_cast<double>(progress.drafted));
  result.Set("accepted", static_cast<double>(progress.accepted));
  return result;
}

Napi::Value to_js(Napi::Env env, const std::vector<GenerateResult>& results) {
  Napi::Array list = Napi::Array::New(env, results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("tokens", integers(env, results[i].tokens));
    entry.Set("finish", finish_name(results[i].finish));
    list.Set(static_cast<uint32_t>(i), entry);
  }
  return list;
}

}  // namespace sdft::binding
