// measureKernels of the addon: the machine's roof, and products under it.
#pragma once
#include <napi.h>

namespace sdft::binding {

Napi::Value measure_kernels(const Napi::CallbackInfo& info);

}  // namespace sdft::binding
