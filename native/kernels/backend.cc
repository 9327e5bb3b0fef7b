// Methods that a backend may do without: an error that names the method and where it can be had.
#include "kernels/backend.h"

#include <string>

#include "base/error.h"

namespace sdft {

void Backend::lacks(const char* method) const {
  throw Error("backend", std::string("The ") + name() + " backend has no " + method + ": what needs it runs on the cpu backend");
}

void Backend::layer_norm(Tensor, Tensor, Tensor, Tensor, double) { lacks("layer_norm"); }
void Backend::gelu(Tensor, Tensor) { lacks("gelu"); }
void Backend::bidirectional_attention(Tensor, Tensor, Tensor, Tensor, Segments, const AttentionShape&) { lacks("bidirectional_attention"); }
void Backend::draw_tokens(std::vector<int32_t>&, Tensor, const std::vector<TokenDraw>&, const SamplingOptions&) { lacks("draw_tokens"); }
void Backend::linear_divergence(Tensor, Tensor, Tensor, const Weight&, Compute) { lacks("linear_divergence"); }

}  // namespace sdft
