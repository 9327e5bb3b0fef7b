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

Row run_case(Backend& backend, checking::Operands operands, const checking::Case& one, const char* after) {
  const auto start = std::chrono::steady_clock::now();
  std::string failure;
  try {
    checking::check(backend, operands, one);
  } catch (const std::exception& error) {
    failure = error.what();
  }
  return {one.name + after, failure, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
}

/// On cuda the kernels of --batch-invariant too: where cuBLASLt is there, own products run nowhere else.
std::vector<Row> run(const std::string& name) {
  const checking::Operands operands = name == "cuda" && cuda_rounds() ? checking::Operands::bf16 : checking::Operands::f32;
  std::vector<Row> rows;
  {
    const std::unique_ptr<Backend> backend = make_backend(name, 0);
    for (const checking::Case& one : checking::cases()) rows.push_back(run_case(*backend, operands, one, ""));
  }
  if (name != "cuda") return rows;
  const std::unique_ptr<Backend> backend = make_backend(name, 0, true);
  for (const checking::Case& one : checking::cases())
    if (checking::has_invariant_form(one)) rows.push_back(run_case(*backend, operands, one, ", batch-invariant"));
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
