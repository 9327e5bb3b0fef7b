// NativeModel.score and .divergence: a number for each predicted token of given sequences.
#include "binding/generate_call.h"
#include "binding/handles.h"
#include "binding/reals.h"
#include "binding/running_call.h"
#include "sampling/divergence.h"
#include "sampling/scorer.h"

namespace sdft::binding {

namespace {

using Requests = std::vector<ScoreRequest>;
using Scores = std::vector<std::vector<double>>;
using DecoderFor = std::function<Decoder&(int64_t rows)>;
/// On a worker thread.
using Work = std::function<Scores(const Model& model, const DecoderFor& decoder_for, const Requests& requests, const ScoreHooks& hooks)>;

int64_t parse_rows(const Argument& options) { return options["rowsPerStep"].integer(1, int64_t{1} << 20); }

/// call: (requests, options, onProgress), of which the options are the caller's.
Napi::Value start(const Napi::CallbackInfo& call, const std::shared_ptr<ModelOwner>& model, Work work) {
  const auto requests = std::make_shared<Requests>();
  for (const Argument& request : Argument(call[0], "requests").elements()) requests->push_back({request["tokens"].integers(), request["from"].integer(1)});
  require_idle(*model);
  auto channel = open_counter(Argument(call[2], "onProgress"), model);
  return run_on<Scores>(call.Env(), model,
                        {[model, requests, work = std::move(work), channel] {
                           ScoreHooks hooks{nullptr, model->cancelled};
                           if (channel) hooks.progress = [&](int64_t done) { channel->send(done); };
                           return work(*model->model, [&](int64_t needed) -> Decoder& { return model->decoder_for(needed); }, *requests, hooks);
                         },
                         [model](Napi::Env then, Scores& scores) -> Napi::Value {
                           Napi::Array list = Napi::Array::New(then, scores.size());
                           for (size_t i = 0; i < scores.size(); ++i)
                             list.Set(static_cast<uint32_t>(i), to_js(then, narrowed(model->model->backend(), std::move(scores[i]))));
                           return list;
                         },
                         close_channel(channel)});
}

const Adapter* matrices(const std::shared_ptr<AdapterOwner>& adapter) { return adapter ? &adapter->adapter : nullptr; }

}  // namespace

Napi::Value ModelHandle::score(const Napi::CallbackInfo& info) {
  return promised(info.Env(), [&]() -> Napi::Value {
    const std::shared_ptr<ModelOwner> model = owner();
    const Argument options(info[1], "options");
    const std::shared_ptr<AdapterOwner> adapter = AdapterHandle::from(options["adapter"], model);
    const ScoreOptions settings{matrices(adapter), parse_compute(options["compute"]), parse_rows(options)};
    return start(info, model, [adapter, settings](const Model& loaded, const DecoderFor& decoder_for, const Requests& requests, const ScoreHooks& hooks) {
      return sdft::score(loaded, decoder_for, requests, settings, hooks);
    });
  });
}

Napi::Value ModelHandle::divergence(const Napi::CallbackInfo& info) {
  return promised(info.Env(), [&]() -> Napi::Value {
    const std::shared_ptr<ModelOwner> model = owner();
    const Argument options(info[1], "options");
    const std::shared_ptr<AdapterOwner> from = AdapterHandle::from(options["from"], model), to = AdapterHandle::from(options["to"], model);
    const DivergenceOptions settings{matrices(from), matrices(to), parse_compute(options["compute"]), parse_rows(options)};
    return start(info, model, [from, to, settings](const Model& loaded, const DecoderFor& decoder_for, const Requests& requests, const ScoreHooks& hooks) {
      return sdft::divergence(loaded, decoder_for, requests, settings, hooks);
    });
  });
}

}  // namespace sdft::binding
