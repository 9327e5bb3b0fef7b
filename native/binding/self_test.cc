#include "binding/self_test.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "binding/argument.h"
#include "binding/promise_task.h"
#include "checking/check.h"
#include "kernels/backends.h"
#include "kernels/cuda_library.h"

namespace sdft::binding {
namespace {

struct Row {
  std::string name, failure;  // empty: passed
  double seconds;
};

std::vector<Row> run(const std::string& name) {
  const std::unique_ptr<Backend> backend = make_backend(name, 0);
  const checking::Operands operands = name == "cuda" && cuda_rounds() ? checking::Operands::bf16 : checking::Operands::f32;
  std::vector<Row> rows;
  for (const checking::Case& one : checking::cases()) {
    const auto start = std::chrono::steady_clock::now();
    std::string failure;
    try {
      checking::check(*backend, operands, one);
    } catch (const std::exception& error) {
      failure = error.what();
    }
    rows.push_back({one.name, failure, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()});
  }
  return rows;
}

Napi::Value to_js(Napi::Env env, const std::vector<Row>& rows) {
  Napi::Array result = Napi::Array::New(env);
  for (const Row& row : rows) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", row.name);
    entry.Set("failure", row.failure.empty() ? env.Null() : Napi::String::New(env, row.failure));
    entry.Set("seconds", row.seconds);
    result.Set(result.Length(), entry);
  }
  return result;
}

}  // namespace

Napi::Value self_test(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promised(env, [&]() -> Napi::Value {
    const std::string backend = Argument(info[0], "backend").text();
    return PromiseTask<std::vector<Row>>::start(env, {[backend] { return run(backend); }, [](Napi::Env then, std::vector<Row>& rows) { return to_js(then, rows); }});
  });
}

}  // namespace sdft::binding
