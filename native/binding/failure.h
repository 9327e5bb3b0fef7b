// Exceptions of the engine as JavaScript errors that carry a `code`.
#pragma once
#include <napi.h>

#include <exception>

#include "base/error.h"

namespace sdft::binding {

/// The JavaScript error of whatever was thrown: the engine's Error keeps its code, memory that could not be had has "memory".
Napi::Error to_js_error(Napi::Env env, std::exception_ptr failure);

/// Runs a synchronous call; what the engine throws becomes a JavaScript exception.
template <class Body>
auto guarded(Napi::Env env, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw to_js_error(env, std::current_exception());
  }
}

}  // namespace sdft::binding
