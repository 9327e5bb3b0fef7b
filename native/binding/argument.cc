#include "binding/argument.h"

#include <cmath>

namespace sdft::binding {

namespace {

/// How a value is shown in a message: short, whatever it is.
std::string shown(Napi::Value value) {
  if (value.IsString()) {
    const std::string text = value.As<Napi::String>().Utf8Value();
    return "\"" + (text.size() > 60 ? text.substr(0, 57) + "…" : text) + "\"";
  }
  if (value.IsNumber() || value.IsBoolean() || value.IsNull() || value.IsUndefined()) return value.ToString().Utf8Value();
  if (value.IsArray()) return "an array";
  if (value.IsFunction()) return "a function";
  if (value.IsTypedArray()) return "another typed array";
  return "an object";
}

}  // namespace

void Argument::fail(const std::string& expected) const {
  Napi::TypeError error = Napi::TypeError::New(value_.Env(), "Expected " + expected + " for " + path_ + " but received " + shown(value_) + ".");
  error.Set("code", Napi::String::New(value_.Env(), "argument"));
  throw error;
}

Napi::Object Argument::object() const {
  if (!value_.IsObject() || value_.IsFunction()) fail("an object");
  return value_.As<Napi::Object>();
}

Argument Argument::operator[](const char* name) const { return {object().Get(name), path_ + "." + name}; }

std::vector<Argument> Argument::elements() const {
  if (!value_.IsArray()) fail("an array");
  const Napi::Array array = value_.As<Napi::Array>();
  std::vector<Argument> result;
  result.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length(); ++i) result.emplace_back(array.Get(i), path_ + "[" + std::to_string(i) + "]");
  return result;
}

std::string Argument::text() const {
  if (!value_.IsString()) fail("a string");
  return value_.As<Napi::String>().Utf8Value();
}

bool Argument::flag() const {
  if (!value_.IsBoolean()) fail("true or false");
  return value_.As<Napi::Boolean>().Value();
}

double Argument::number() const {
  if (!value_.IsNumber()) fail("a number");
  const double number = value_.As<Napi::Number>().DoubleValue();
  if (!std::isfinite(number)) fail("a finite number");
  return number;
}

int64_t Argument::integer(int64_t least, int64_t most) const {
  const std::string range = most == kLargestInteger ? "of at least " + std::to_string(least) : "between " + std::to_string(least) + " and " + std::to_string(most);
  if (!value_.IsNumber()) fail("a whole number " + range);
  const double number = value_.As<Napi::Number>().DoubleValue();
  if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most)) || number != std::floor(number)) fail("a whole number " + range);
  return static_cast<int64_t>(number);
}

Napi::Function Argument::function() const {
  if (!value_.IsFunction()) fail("a function");
  return value_.As<Napi::Function>();
}

std::vector<int32_t> Argument::integers() const {
  if (!value_.IsTypedArray() || value_.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) fail("an Int32Array");
  const auto array = value_.As<Napi::Int32Array>();
  return {array.Data(), array.Data() + array.ElementLength()};
}

std::vector<double> Argument::reals() const {
  if (value_.IsTypedArray()) {
    const napi_typedarray_type type = value_.As<Napi::TypedArray>().TypedArrayType();
    if (type == napi_float64_array) {
      const auto array = value_.As<Napi::Float64Array>();
      return {array.Data(), array.Data() + array.ElementLength()};
    }
    if (type == napi_float32_array) {
      const auto array = value_.As<Napi::Float32Array>();
      return {array.Data(), array.Data() + array.ElementLength()};
    }
  }
  fail("a Float32Array or Float64Array");
}

std::vector<uint8_t> Argument::bytes() const {
  if (!value_.IsTypedArray() || value_.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) fail("a Uint8Array");
  const auto array = value_.As<Napi::Uint8Array>();
  return {array.Data(), array.Data() + array.ElementLength()};
}

}  // namespace sdft::binding
