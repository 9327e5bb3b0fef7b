// A decoder of random weights, small enough for plain loops, with what makes architectures differ: grouped heads, a sliding window, norms over heads.
#pragma once
#include <memory>
#include <string>

#include "model/adapter.h"
#include "model/model.h"

namespace sdft::test {

/// Two layers: the first sees all rows, the second the last 24. Skips the case where the backend cannot run here.
std::unique_ptr<Model> make_tiny_model(const std::string& backend, int threads);
/// The same on a backend of the caller's; `head_size` also for what needs another.
std::unique_ptr<Model> make_tiny_model(std::unique_ptr<Backend> backend, WeightFormat format = WeightFormat::native, int64_t head_size = 16);
/// Rank 3 on all seven linear layers, random A and B.
std::unique_ptr<Adapter> make_tiny_adapter(const Model& model);

}  // namespace sdft::test
