// The optimizer over all tensors at once: one launch, its table sent once, and the bits of one tensor at a time.
#include "checking/check.h"
#include "emulated.h"

namespace sdft::test {
namespace {

/// Parameters, gradients and moments of two tensors.
struct Trained {
  std::vector<std::unique_ptr<checking::Guarded>> parts;
  std::vector<TrainedTensor> tensors;
  std::vector<Tensor> gradients;
  explicit Trained(Backend& backend) {
    for (int64_t rows : {int64_t{5}, int64_t{70}}) {
      for (uint64_t i = 0; i < 4; ++i) parts.push_back(std::make_unique<checking::Guarded>(backend, rows, 33, i < 2 ? random_floats(rows * 33, i, 1) : std::vector<float>{}));
      const size_t at = parts.size() - 4;
      tensors.push_back({*parts[at], *parts[at + 1], *parts[at + 2], *parts[at + 3]});
      gradients.push_back(*parts[at + 1]);
    }
  }
};

AdamWStep step(int64_t number) { return {0.01, 0.9, 0.999, 1e-8, 0.1, 0.5, number}; }

CASE("cuda optimizer.is one launch over all tensors and sends their table once") {
  emulator::settings = {};
  const std::unique_ptr<Backend> backend = emulated_backend();
  const Trained trained(*backend);
  backend->sum_of_squares(trained.gradients);
  backend->adamw_group(trained.tensors, step(1));
  emulator::counts = {};
  backend->adamw_group(trained.tensors, step(2));
  CHECK(emulator::counts.launches == 1);
  backend->sum_of_squares(trained.gradients);
  CHECK(emulator::counts.launches == 3);
  CHECK(emulator::counts.uploads == 0 && emulator::counts.allocations == 0);
}

CASE("cuda optimizer.sends the table again when a tensor has moved") {
  emulator::settings = {};
  const std::unique_ptr<Backend> backend = emulated_backend();
  const Trained trained(*backend), moved(*backend);
  backend->adamw_group(trained.tensors, step(1));
  backend->adamw_group(moved.tensors, step(1));
  for (size_t i = 0; i < trained.parts.size(); ++i) CHECK(trained.parts[i]->values("moved") == moved.parts[i]->values("moved"));
}

CASE("cuda optimizer.has the bits of one tensor at a time") {
  emulator::settings = schedules()[2].settings;
  const std::unique_ptr<Backend> backend = emulated_backend();
  const Trained together(*backend), alone(*backend);
  double squares = 0;
  for (Tensor gradient : alone.gradients) squares += backend->sum_of_squares({gradient});
  CHECK(backend->sum_of_squares(together.gradients) == squares);
  backend->adamw_group(together.tensors, step(1));
  for (const TrainedTensor& each : alone.tensors) {
    backend->adamw(each.parameter, each.gradient, each.first_moment, each.second_moment, step(1));
    backend->zero(each.gradient);
  }
  for (size_t i = 0; i < together.parts.size(); ++i) CHECK(together.parts[i]->values("together") == alone.parts[i]->values("alone"));
}

}  // namespace
}  // namespace sdft::test
