#include "binding/failure.h"

#include <new>
#include <string>

namespace sdft::binding {

namespace {

/// Many messages of the core end in a value, without a full stop; a person gets a whole sentence.
std::string sentence(const std::string& message) {
  const bool ended = !message.empty() && std::string(".!?").find(message.back()) != std::string::npos;
  return ended ? message : message + ".";
}

Napi::Error make(Napi::Env env, const std::string& code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, sentence(message));
  error.Set("code", Napi::String::New(env, code));
  return error;
}

}  // namespace

Napi::Error to_js_error(Napi::Env env, std::exception_ptr failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Napi::Error& error) {
    return error;
  } catch (const Error& error) {
    return make(env, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return make(env, "memory", "There is not enough memory for this call");
  } catch (const std::exception& error) {
    return make(env, "engine", error.what());
  } catch (...) {
    return make(env, "engine", "The engine failed for an unknown reason");
  }
}

}  // namespace sdft::binding
