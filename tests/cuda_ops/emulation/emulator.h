// Stands in for a CUDA device, so that the kernels run as ordinary C++, one block after another.
//
// Each thread of a block is a fiber, which runs until it waits for the others. The order in which
// they run is the caller's: a result that depends on it betrays a missing barrier. Shared memory
// begins as NaN, so that what nobody wrote is seen.
#pragma once
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

typedef uint8_t uint8;
typedef uint16_t uint16;
typedef uint32_t uint32;
typedef uint64_t uint64;
typedef int32_t int32;
typedef int64_t int64;

namespace emulator {

inline uint32 bits_of(float x) {
  uint32 bits;
  memcpy(&bits, &x, 4);
  return bits;
}

inline float float_of(uint32 bits) {
  float x;
  memcpy(&x, &bits, 4);
  return x;
}

inline _Float16 half_of(uint16 bits) {
  _Float16 x;
  memcpy(&x, &bits, 2);
  return x;
}

inline uint16 bits_of(_Float16 x) {
  uint16 bits;
  memcpy(&bits, &x, 2);
  return bits;
}

inline float of_half(uint16 bits) { return float(half_of(bits)); }

inline uint32 halves_of(float x, float y) {
  return uint32(bits_of(_Float16(x))) | uint32(bits_of(_Float16(y))) << 16;
}

// Rounded to single precision first, which changes the last bit of one in some thousands.
inline uint16 fma_half(uint16 a, uint16 b, uint16 c) {
  return bits_of(_Float16(std::fma(of_half(a), of_half(b), of_half(c))));
}

inline uint32 fma_halves(uint32 a, uint32 b, uint32 c) {
  const uint32 low = fma_half(uint16(a), uint16(b), uint16(c));
  return low | uint32(fma_half(uint16(a >> 16), uint16(b >> 16), uint16(c >> 16))) << 16;
}

struct Index {
  int x, y, z;
};

// Filled by Python (tests/cuda_ops/emulation/engine.py).
struct Launch {
  int32 grid[3], block[3], shared_bytes, order;  // order: 0 forward, 1 backward, 2 shuffled
};

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
  Index block, block_size, grid_size;
  void (*kernel)(const void*);
  const void* parameters;
};

inline Block now;

[[noreturn]] inline void fail(const char* what) {
  fprintf(stderr, "emulator: %s\n", what);
  abort();
}

inline void begin() {
  now.kernel(now.parameters);
  now.running->ended = true;
  _longjmp(now.scheduler, 1);
}

// A barrier of the whole block.
inline void wait() {
  now.running->waits++;
  if (_setjmp(now.running->place) == 0) _longjmp(now.scheduler, 1);
}

inline void go_on(Fiber& fiber) {
  now.running = &fiber;
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

inline void run_block(const Launch& launch, std::mt19937& chance) {
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

inline void run(const Launch& launch, void (*kernel)(const void*), const void* parameters) {
  const int count = launch.block[0] * launch.block[1] * launch.block[2];
  now.fibers.resize(count);
  now.exchanged.assign(count, 0);
  now.shared.assign(launch.shared_bytes / 8 + 2, 0);
  now.kernel = kernel;
  now.parameters = parameters;
  now.block_size = {launch.block[0], launch.block[1], launch.block[2]};
  now.grid_size = {launch.grid[0], launch.grid[1], launch.grid[2]};
  for (int i = 0; i < count; i++)
    now.fibers[i].thread = {i % launch.block[0], i / launch.block[0] % launch.block[1],
                            i / launch.block[0] / launch.block[1]};
  std::mt19937 chance(7);
  for (int z = 0; z < launch.grid[2]; z++)
    for (int y = 0; y < launch.grid[1]; y++)
      for (int x = 0; x < launch.grid[0]; x++) {
        now.block = {x, y, z};
        run_block(launch, chance);
      }
}

// The sum over the 32 threads of a warp, which all of a block must ask for.
inline float sum_of_warp(float x) {
  const int at = now.running - now.fibers.data(), first = at / 32 * 32;
  now.exchanged[at] = x;
  wait();
  float sum = 0;
  for (int i = first; i < first + 32 && i < int(now.fibers.size()); i++) sum += now.exchanged[i];
  wait();
  return sum;
}

}  // namespace emulator

inline float rsqrtf(float x) { return 1 / std::sqrt(x); }
inline float sinpif(float x) { return float(std::sin(double(x) * 3.14159265358979323846)); }

#define threadIdx (emulator::now.running->thread)
#define blockIdx (emulator::now.block)
#define blockDim (emulator::now.block_size)
#define gridDim (emulator::now.grid_size)
#define __syncthreads() emulator::wait()

#define DEVICE inline
#define __device__
#define CONSTANT constexpr
#define UNROLL
#define SHARED_MEMORY(Type, name) Type* const name = (Type*)emulator::now.shared.data()
#define KERNEL(name, Params, threads, resident)                                            \
  static void name(const Params& op);                                                     \
  extern "C" int name##_bytes() { return sizeof(Params); }                                \
  extern "C" int name##_threads() { return threads; }                                     \
  extern "C" void name##_emulated(const void* params, const emulator::Launch* launch) {   \
    emulator::run(*launch, [](const void* given) { name(*(const Params*)given); }, params); \
  }                                                                                       \
  static void name(const Params& op)
