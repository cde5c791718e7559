// Runs emulated kernels: fibers that take turns until they wait for each other.
#include "emulator.h"

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

namespace emulator {

Index thread_index, block_index, block_size, grid_size;

constexpr size_t kStack = 64 << 10;

struct Fiber {
  ucontext_t beginning;
  jmp_buf place;
  std::unique_ptr<char[]> stack{new char[kStack]};
  bool begun, ended;
  int waits;
  Index thread;
};

struct Block {
  std::vector<Fiber> fibers;
  std::vector<uint64> shared;
  std::vector<float> exchanged;
  Fiber* running;
  jmp_buf scheduler;
  void (*kernel)(const void*);
  const void* parameters;
};

static Block now;

[[noreturn]] void fail(const char* what) {
  fprintf(stderr, "emulator: %s\n", what);
  abort();
}

void begin() {
  now.kernel(now.parameters);
  now.running->ended = true;
  _longjmp(now.scheduler, 1);
}

// A barrier of the whole block.
void wait() {
  now.running->waits++;
  if (_setjmp(now.running->place) == 0) _longjmp(now.scheduler, 1);
}

void go_on(Fiber& fiber) {
  now.running = &fiber;
  thread_index = fiber.thread;
  if (_setjmp(now.scheduler) != 0) return;
  if (fiber.begun) _longjmp(fiber.place, 1);
  fiber.begun = true;
  getcontext(&fiber.beginning);
  fiber.beginning.uc_stack.ss_sp = fiber.stack.get();
  fiber.beginning.uc_stack.ss_size = kStack;
  fiber.beginning.uc_link = nullptr;
  makecontext(&fiber.beginning, begin, 0);
  setcontext(&fiber.beginning);
}

void run_block(const Launch& launch, std::mt19937& chance) {
  const int count = int(now.fibers.size());
  std::fill(now.shared.begin(), now.shared.end(), ~uint64(0));
  for (Fiber& each : now.fibers) each.begun = each.ended = false, each.waits = 0;
  std::vector<int> order(count);
  for (int i = 0; i < count; i++) order[i] = launch.order == 1 ? count - 1 - i : i;
  for (bool done = false; !done;) {
    if (launch.order == 2) std::shuffle(order.begin(), order.end(), chance);
    int ended = 0;
    for (int i : order) go_on(now.fibers[i]);
    for (const Fiber& each : now.fibers) {
      ended += each.ended;
      if (each.waits != now.fibers[0].waits) fail("some threads of a block wait where others do not");
    }
    if (ended != 0 && ended != count) fail("some threads of a block end while others wait");
    done = ended == count;
  }
}

void run(const Launch& launch, void (*kernel)(const void*), const void* parameters) {
  const int count = launch.block[0] * launch.block[1] * launch.block[2];
  now.fibers.resize(count);
  now.exchanged.assign(count, 0);
  now.shared.assign(launch.shared_bytes / 8 + 2, 0);
  now.kernel = kernel;
  now.parameters = parameters;
  block_size = {launch.block[0], launch.block[1], launch.block[2]};
  grid_size = {launch.grid[0], launch.grid[1], launch.grid[2]};
  for (int i = 0; i < count; i++)
    now.fibers[i].thread = {i % launch.block[0], i / launch.block[0] % launch.block[1],
                            i / launch.block[0] / launch.block[1]};
  std::mt19937 chance(7);
  for (int z = 0; z < launch.grid[2]; z++)
    for (int y = 0; y < launch.grid[1]; y++)
      for (int x = 0; x < launch.grid[0]; x++) {
        block_index = {x, y, z};
        run_block(launch, chance);
      }
}

void* shared_memory() { return now.shared.data(); }

float sum_of_warp(float x) {
  const int at = now.running - now.fibers.data(), first = at / 32 * 32;
  now.exchanged[at] = x;
  wait();
  float sum = 0;
  for (int i = first; i < first + 32 && i < int(now.fibers.size()); i++) sum += now.exchanged[i];
  wait();
  return sum;
}

}  // namespace emulator
