// The kinds of numbers that kernels store and compute in, without any header of the toolkit: NVRTC
// then needs nothing but this folder, on Windows too.
//
// The same sources compile as ordinary C++ for the processor, where emulator.h stands in for the
// device: that is how their results are tested on machines without one.
#pragma once

#if defined(__CUDACC__)
typedef unsigned char uint8;
typedef unsigned short uint16;
typedef unsigned int uint32;
typedef int int32;
typedef long long int64;
typedef unsigned long long uint64;
#define DEVICE __device__ __forceinline__
#define CONSTANT __host__ __device__ constexpr
#define KERNEL(name, Params, threads, resident) \
  extern "C" __global__ void __launch_bounds__(threads, resident) name(const __grid_constant__ Params op)
#define SHARED_MEMORY(Type, name)                  \
  extern __shared__ uint4 shared_memory_of_block[]; \
  Type* const name = (Type*)shared_memory_of_block
#define UNROLL _Pragma("unroll")
#else
#include "emulator.h"
#endif

// Two numbers of half precision, or two of single precision, that are computed alike.
struct Half2 {
  uint32 bits;
};

struct Single2 {
  float x, y;
};

namespace numbers {

DEVICE uint32 bits_of(float x) {
#if defined(__CUDACC__)
  return __float_as_uint(x);
#else
  return emulator::bits_of(x);
#endif
}

DEVICE float float_of(uint32 bits) {
#if defined(__CUDACC__)
  return __uint_as_float(bits);
#else
  return emulator::float_of(bits);
#endif
}

// To the nearest half, ties to even; beyond the largest it is infinite.
DEVICE uint32 halves_of(float x, float y) {
#if !defined(__CUDACC__)
  return emulator::halves_of(x, y);
#elif __CUDA_ARCH__ >= 800
  uint32 bits;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(y), "f"(x));
  return bits;
#else
  uint16 low, high;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(low) : "f"(x));
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(high) : "f"(y));
  return uint32(low) | uint32(high) << 16;
#endif
}

DEVICE float of_half(uint16 bits) {
#if defined(__CUDACC__)
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
  return x;
#else
  return emulator::of_half(bits);
#endif
}

// To the nearest bfloat16, ties to even, in the upper half of what is returned.
DEVICE uint32 rounded_to_bfloat(float x) {
  const uint32 bits = bits_of(x);
  return (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000u;
}

// Over the 32 threads of a warp, which all must ask for it.
DEVICE float sum_of_warp(float x) {
#if defined(__CUDACC__)
  UNROLL for (int far = 16; far > 0; far /= 2) x += __shfl_xor_sync(0xffffffffu, x, far);
  return x;
#else
  return emulator::sum_of_warp(x);
#endif
}

}  // namespace numbers

DEVICE Half2 mul_add(Half2 a, Half2 b, Half2 c) {
#if defined(__CUDACC__)
  Half2 d;
  asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(d.bits) : "r"(a.bits), "r"(b.bits), "r"(c.bits));
  return d;
#else
  return {emulator::fma_halves(a.bits, b.bits, c.bits)};
#endif
}

DEVICE Half2 mul(Half2 a, Half2 b) {
#if defined(__CUDACC__)
  Half2 d;
  asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(d.bits) : "r"(a.bits), "r"(b.bits));
  return d;
#else
  return mul_add(a, b, Half2{0x80008000u});
#endif
}

DEVICE Half2 add(Half2 a, Half2 b) {
#if defined(__CUDACC__)
  Half2 d;
  asm("add.rn.f16x2 %0, %1, %2;" : "=r"(d.bits) : "r"(a.bits), "r"(b.bits));
  return d;
#else
  return mul_add(a, Half2{0x3c003c00u}, b);
#endif
}

DEVICE Single2 widen(Half2 x) {
  return {numbers::of_half(uint16(x.bits)), numbers::of_half(uint16(x.bits >> 16))};
}

DEVICE Half2 larger(Half2 a, Half2 b) {
#if defined(__CUDACC__) && __CUDA_ARCH__ >= 800
  Half2 d;
  asm("max.f16x2 %0, %1, %2;" : "=r"(d.bits) : "r"(a.bits), "r"(b.bits));
  return d;
#else
  const Single2 p = widen(a), q = widen(b);
  return {numbers::halves_of(p.x > q.x ? p.x : q.x, p.y > q.y ? p.y : q.y)};
#endif
}

DEVICE Half2 smaller(Half2 a, Half2 b) {
#if defined(__CUDACC__) && __CUDA_ARCH__ >= 800
  Half2 d;
  asm("min.f16x2 %0, %1, %2;" : "=r"(d.bits) : "r"(a.bits), "r"(b.bits));
  return d;
#else
  const Single2 p = widen(a), q = widen(b);
  return {numbers::halves_of(p.x < q.x ? p.x : q.x, p.y < q.y ? p.y : q.y)};
#endif
}

DEVICE float mul_add(float a, float b, float c) { return fmaf(a, b, c); }
DEVICE float mul(float a, float b) { return a * b; }
DEVICE float add(float a, float b) { return a + b; }
DEVICE float larger(float a, float b) { return a > b ? a : b; }
DEVICE float smaller(float a, float b) { return a < b ? a : b; }

DEVICE Single2 mul_add(Single2 a, float b, Single2 c) { return {fmaf(a.x, b, c.x), fmaf(a.y, b, c.y)}; }
DEVICE Single2 mul_add(Single2 a, Single2 b, Single2 c) {
  return {fmaf(a.x, b.x, c.x), fmaf(a.y, b.y, c.y)};
}
DEVICE Single2 mul(Single2 a, float b) { return {a.x * b, a.y * b}; }
DEVICE Single2 mul(Single2 a, Single2 b) { return {a.x * b.x, a.y * b.y}; }
DEVICE Single2 add(Single2 a, Single2 b) { return {a.x + b.x, a.y + b.y}; }
DEVICE Single2 larger(Single2 a, Single2 b) { return {larger(a.x, b.x), larger(a.y, b.y)}; }
DEVICE Single2 larger(Single2 a, float b) { return {larger(a.x, b), larger(a.y, b)}; }
DEVICE Single2 smaller(Single2 a, float b) { return {smaller(a.x, b), smaller(a.y, b)}; }

// A kind of map: what a thread loads and stores at a time (`Stored`, 32 bits of `channels`
// channels), what it computes in (`Value`), and what multiplies all channels alike (`Tap`), which
// Python lays out as 32 bits; `signs` are their signs.

// Half precision throughout.
struct HalfKind {
  typedef uint32 Stored;
  typedef Half2 Value;
  typedef Half2 Tap;
  static constexpr int channels = 2;
  static constexpr uint32 signs = 0x80008000u;
  static DEVICE Value load(Stored x) { return {x}; }
  static DEVICE Stored store(Value x) { return x.bits; }
  static DEVICE Tap tap(uint32 bits) { return {bits}; }
  static DEVICE Value by_channel(const float* from) { return {numbers::halves_of(from[0], from[1])}; }
  static DEVICE Value none() { return {0}; }
};

// Maps of half precision, computed in single.
struct WideHalfKind {
  typedef uint32 Stored;
  typedef Single2 Value;
  typedef float Tap;
  static constexpr int channels = 2;
  static constexpr uint32 signs = 0x80000000u;
  static DEVICE Value load(Stored x) { return widen(Half2{x}); }
  static DEVICE Stored store(Value x) { return numbers::halves_of(x.x, x.y); }
  static DEVICE Tap tap(uint32 bits) { return numbers::float_of(bits); }
  static DEVICE Value by_channel(const float* from) { return {from[0], from[1]}; }
  static DEVICE Value none() { return {0, 0}; }
};

// Maps of bfloat16, computed in single: its 8 bits would not do for sums.
struct BfloatKind {
  typedef uint32 Stored;
  typedef Single2 Value;
  typedef float Tap;
  static constexpr int channels = 2;
  static constexpr uint32 signs = 0x80000000u;
  static DEVICE Value load(Stored x) {
    return {numbers::float_of(x << 16), numbers::float_of(x & 0xffff0000u)};
  }
  static DEVICE Stored store(Value x) {
    return numbers::rounded_to_bfloat(x.x) >> 16 | numbers::rounded_to_bfloat(x.y);
  }
  static DEVICE Tap tap(uint32 bits) { return numbers::float_of(bits); }
  static DEVICE Value by_channel(const float* from) { return {from[0], from[1]}; }
  static DEVICE Value none() { return {0, 0}; }
};

struct SingleKind {
  typedef float Stored;
  typedef float Value;
  typedef float Tap;
  static constexpr int channels = 1;
  static constexpr uint32 signs = 0x80000000u;
  static DEVICE Value load(Stored x) { return x; }
  static DEVICE Stored store(Value x) { return x; }
  static DEVICE Tap tap(uint32 bits) { return numbers::float_of(bits); }
  static DEVICE Value by_channel(const float* from) { return from[0]; }
  static DEVICE Value none() { return 0; }
};

// Where a position beyond a map lies when the map is mirrored at its border pixels: back and forth,
// where it is narrower than its margin.
DEVICE int mirrored(int at, int size) {
  while (size > 1 && uint32(at) >= uint32(size)) at = at < 0 ? -at : 2 * (size - 1) - at;
  return size > 1 ? at : 0;
}
