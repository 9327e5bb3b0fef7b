// Tokens drawn on the device.
#pragma once
#include "kernels/cuda/kernels.h"
#include "kernels/drawing.h"

namespace sdft::cuda {

/// (draws) on the device: a token each, or a DrawFault. Penalties and bans are written into the logits.
int32_t* draw_tokens(const Context& context, Tensor logits, const std::vector<TokenDraw>& draws, const SamplingOptions& options);

}  // namespace sdft::cuda
