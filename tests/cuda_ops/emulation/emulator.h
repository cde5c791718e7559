// Stands in for a CUDA device, so that the kernels run as ordinary C++, one block after another.
//
// Each thread of a block is a fiber, which runs until it waits for the others. The order in which
// they run is the caller's: a result that depends on it betrays a missing barrier. Shared memory
// begins as NaN, so that what nobody wrote is seen. What runs them is in emulator.cpp.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

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

// Where the running thread is.
extern Index thread_index, block_index, block_size, grid_size;

void* shared_memory();

// A barrier of the whole block.
void wait();

// The sum over the 32 threads of a warp, which all of a block must ask for.
float sum_of_warp(float x);

void run(const Launch& launch, void (*kernel)(const void*), const void* parameters);

}  // namespace emulator

inline float rsqrtf(float x) { return 1 / std::sqrt(x); }
inline float sinpif(float x) { return float(std::sin(double(x) * 3.14159265358979323846)); }

#define threadIdx emulator::thread_index
#define blockIdx emulator::block_index
#define blockDim emulator::block_size
#define gridDim emulator::grid_size
#define __syncthreads() emulator::wait()

#define DEVICE inline
#define __device__
#define CONSTANT constexpr
#define UNROLL
#define SHARED_MEMORY(Type, name) Type* const name = (Type*)emulator::shared_memory()
#define KERNEL(name, Params, threads, resident)                                            \
  static void name(const Params& op);                                                     \
  extern "C" int name##_bytes() { return sizeof(Params); }                                \
  extern "C" int name##_threads() { return threads; }                                     \
  extern "C" void name##_emulated(const void* params, const emulator::Launch* launch) {   \
    emulator::run(*launch, [](const void* given) { name(*(const Params*)given); }, params); \
  }                                                                                       \
  static void name(const Params& op)
