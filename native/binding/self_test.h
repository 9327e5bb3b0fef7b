// selfTest() of src/native/types.ts.
#pragma once
#include <napi.h>

namespace sdft::binding {

Napi::Value self_test(const Napi::CallbackInfo& info);

}  // namespace sdft::binding
