// A pixel of one block, 32 channels: in vectors of float32 while something is computed with it.
#pragma once
#include "steps.h"
#include "vectors.h"

namespace pixels {

using Lane = Vector<float>;
constexpr int kVectors = kBlock / Lane::lanes;

INLINE void read(const void* from, [[maybe_unused]] int32_t type, size_t at, Lane::type* x) {
#if HAS_HALF
  if (type == kHalf) return widen(Vector<half>::load((const half*)from + at), *(__m512*)x, *(__m512*)(x + 1));
#endif
  for (int v = 0; v < kVectors; v++) x[v] = Lane::load((const float*)from + at + v * Lane::lanes);
}

INLINE void write_bfloat16(bfloat16* to, const Lane::type* x) {
#if defined(__AVX512BF16__)
  _mm512_storeu_si512(to, (__m512i)_mm512_cvtne2ps_pbh((__m512)x[1], (__m512)x[0]));
#else
  for (int c = 0; c < kBlock; c++) to[c] = narrow(x[c / Lane::lanes][c % Lane::lanes]);
#endif
}

INLINE void write(void* to, int32_t type, size_t at, const Lane::type* x) {
#if HAS_HALF
  if (type == kHalf) return Vector<half>::store((half*)to + at, narrow((__m512)x[0], (__m512)x[1]));
#endif
  if (type == kBfloat16) return write_bfloat16((bfloat16*)to + at, x);
  for (int v = 0; v < kVectors; v++) Lane::store((float*)to + at + v * Lane::lanes, x[v]);
}

INLINE void load(const void* from, int32_t type, size_t at, float* channels) {
  if (type == kBfloat16) {
    for (int c = 0; c < kBlock; c++) channels[c] = widen(((const bfloat16*)from)[at + c]);
    return;
  }
  Lane::type x[kVectors];
  read(from, type, at, x);
  memcpy(channels, x, sizeof x);
}

INLINE void store(void* to, int32_t type, size_t at, const float* channels) {
  Lane::type x[kVectors];
  memcpy(x, channels, sizeof x);
  write(to, type, at, x);
}

}  // namespace pixels
