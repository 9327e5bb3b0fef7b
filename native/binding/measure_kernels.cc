#include "binding/measure_kernels.h"

#include <memory>
#include <string>
#include <vector>

#include "binding/argument.h"
#include "binding/promise_task.h"
#include "kernels/backends.h"
#include "measuring/products.h"
#include "measuring/roof.h"

namespace sdft::binding {

namespace {

constexpr int64_t kLargestSide = int64_t{1} << 20;

struct Call {
  int threads;
  std::vector<measuring::ProductSpec> products;
};

struct Times {
  measuring::Roof roof;
  std::vector<measuring::ProductTime> products;
};

measuring::Pass parse_pass(const Argument& pass) {
  const std::string name = pass.text();
  if (name == "forward") return measuring::Pass::forward;
  if (name == "gradient") return measuring::Pass::gradient;
  pass.fail("forward or gradient");
}

Call parse_call(const Argument& options) {
  Call call{static_cast<int>(options["threads"].integer(1, 1024)), {}};
  for (const Argument& product : options["products"].elements()) {
    call.products.push_back({product["inputs"].integer(1, kLargestSide), product["outputs"].integer(1, kLargestSide), parse_dtype(product["type"].text()),
                             product["rows"].integer(1, kLargestSide), parse_pass(product["pass"])});
  }
  return call;
}

Napi::Value to_js(Napi::Env env, const Times& times) {
  Napi::Object roof = Napi::Object::New(env);
  roof.Set("gflops", times.roof.gflops);
  roof.Set("instructionSet", times.roof.instruction_set);
  roof.Set("gigabytesPerSecond", times.roof.gigabytes_per_second);
  Napi::Array products = Napi::Array::New(env);
  for (const measuring::ProductTime& time : times.products) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("seconds", time.seconds);
    entry.Set("weightBytes", time.weight_bytes);
    entry.Set("peakGflops", time.peak_gflops);
    products.Set(products.Length(), entry);
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("roof", roof);
  result.Set("products", products);
  return result;
}

}  // namespace

Napi::Value measure_kernels(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promised(env, [&]() -> Napi::Value {
    const auto call = std::make_shared<const Call>(parse_call(Argument(info[0], "options")));
    return PromiseTask<Times>::start(env, {[call] {
                                             const measuring::Roof roof = measuring::measure_roof(call->threads);
                                             if (call->products.empty()) return Times{roof, {}};
                                             const std::unique_ptr<Backend> backend = make_backend("cpu", call->threads);
                                             return Times{roof, measuring::measure_products(*backend, call->threads, call->products)};
                                           },
                                           [](Napi::Env then, Times& times) { return to_js(then, times); }});
  });
}

}  // namespace sdft::binding
