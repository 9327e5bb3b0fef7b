// Device memory in one piece: cut, joined again, refused with numbers, and nothing asked of the device in steady state.
#include "emulated.h"
#include "kernels/cuda/arena.h"
#include "tiny_model.h"
#include "training/trainer.h"

namespace sdft::test {
namespace {

CASE("cuda arena.cuts blocks from one piece and joins them again") {
  emulator::settings = {};
  cuda::Arena arena;
  arena.reserve(1000000);
  emulator::counts = {};
  void* blocks[3];
  for (void*& block : blocks) block = arena.take(300001);
  for (void* block : blocks) CHECK(reinterpret_cast<uintptr_t>(block) % 256 == 0);
  CHECK(arena.free_bytes() < 200000);
  void* beyond = arena.take(300001);
  CHECK(emulator::counts.allocations == 1);  // of its own
  for (void* block : {blocks[0], blocks[2], blocks[1], beyond}) arena.give_back(block);
  CHECK(arena.free_bytes() >= 1000000);
  CHECK(arena.take(1000000) != nullptr && emulator::counts.allocations == 1);
}

CASE("cuda arena.takes the smallest block that is large enough") {
  emulator::settings = {};
  cuda::Arena arena;
  arena.reserve(4096);
  void *small = arena.take(256), *between = arena.take(256), *large = arena.take(1024), *end = arena.take(256);
  arena.give_back(large);
  arena.give_back(small);
  CHECK(arena.take(200) == small);
  CHECK(arena.take(1000) == large);
  arena.give_back(between);
  arena.give_back(end);
}

CASE("cuda arena.is refused with numbers where another program holds the memory") {
  emulator::settings = {};
  const std::unique_ptr<Backend> backend = emulated_backend();
  emulator::device.used_bytes += size_t{7} << 30;
  std::string message;
  try {
    backend->reserve(int64_t{3} << 30);
  } catch (const std::exception& error) {
    message = error.what();
  }
  emulator::device.used_bytes -= size_t{7} << 30;
  CHECK(message.find("3221 MB") != std::string::npos && message.find("of 8589 MB are free") != std::string::npos);
}

TrainingBatch batch(int64_t rows) {
  TrainingBatch made;
  made.tokens = random_integers(rows, 1, 83);
  made.targets = random_integers(rows, 2, 83);
  made.segments = {{-1, 0, rows, 0, nullptr}};
  made.ids = {"a"};
  made.loss_scale = 1.0 / static_cast<double>(rows);
  return made;
}

CASE("cuda arena.holds a model and its training in one allocation") {
  emulator::settings = schedules()[1].settings;
  std::unique_ptr<Backend> backend = emulated_backend();
  emulator::counts = {};
  backend->reserve(int64_t{64} << 20);
  const std::unique_ptr<Model> model = make_tiny_model(std::move(backend));
  const std::unique_ptr<Adapter> adapter = make_tiny_adapter(*model);
  Trainer trainer(*model, *adapter, 0, 7, 64);
  double first = 0, last = 0;
  for (int step = 0; step < 4; ++step) {
    last = trainer.accumulate(batch(24)) + trainer.accumulate(batch(9));
    if (step == 0) first = last;
    trainer.update({0.01, 0.9, 0.999, 1e-8, 0.01, 1.0});
  }
  CHECK(emulator::counts.allocations == 1);
  CHECK(last < first);
}

CASE("cuda arena.without one, a training step that has run once asks for nothing more") {
  emulator::settings = schedules()[1].settings;
  const std::unique_ptr<Model> model = make_tiny_model(emulated_backend());
  const std::unique_ptr<Adapter> adapter = make_tiny_adapter(*model);
  Trainer trainer(*model, *adapter, 0, 7, 64);
  for (int step = 0; step < 3; ++step) {
    if (step == 1) emulator::counts = {};
    trainer.accumulate(batch(24));
    trainer.update({0.01, 0.9, 0.999, 1e-8, 0.01, 1.0});
  }
  CHECK(emulator::counts.allocations == 0);
}

}  // namespace
}  // namespace sdft::test
