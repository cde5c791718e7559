// Vectors of numbers, one source for AVX-512, AVX2 and Arm: the compiler's own vector types.
#pragma once
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

#define INLINE inline __attribute__((always_inline))

// The upper half of a float32.
struct bfloat16 {
  uint16_t bits;
};

INLINE float widen(bfloat16 x) {
  uint32_t bits = uint32_t(x.bits) << 16;
  float y;
  memcpy(&y, &bits, 4);
  return y;
}

INLINE bfloat16 narrow(float x) {  // to the nearest, ties to even
  uint32_t bits;
  memcpy(&bits, &x, 4);
  return {uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}

// As many numbers of type S as a register holds.
template <class S>
struct Vector {
  typedef S type __attribute__((vector_size(VECTOR_BYTES)));
  typedef S loose __attribute__((vector_size(VECTOR_BYTES), aligned(alignof(S))));
  static constexpr int lanes = VECTOR_BYTES / sizeof(S);

  static INLINE type load(const S* from) { return *(const loose*)from; }
  static INLINE void store(S* to, type x) { *(loose*)to = x; }
  static INLINE type all(S x) { return x - type{}; }
  static INLINE type max(type a, type b) { return a > b ? a : b; }
  static INLINE type min(type a, type b) { return a < b ? a : b; }
};

#if defined(__AVX512FP16__) && defined(__AVX512BF16__)  // its maps narrow to the latter
#define HAS_HALF 1
typedef _Float16 half;

INLINE void widen(typename Vector<half>::type x, __m512& low, __m512& high) {
  __m512i bits = (__m512i)x;
  low = _mm512_cvtxph_ps((__m256h)_mm512_castsi512_si256(bits));
  high = _mm512_cvtxph_ps((__m256h)_mm512_extracti64x4_epi64(bits, 1));
}

INLINE typename Vector<half>::type narrow(__m512 low, __m512 high) {
  __m512i bits = _mm512_castsi256_si512((__m256i)_mm512_cvtxps_ph(low));
  bits = _mm512_inserti64x4(bits, (__m256i)_mm512_cvtxps_ph(high), 1);
  return (typename Vector<half>::type)bits;
}
#else
#define HAS_HALF 0
#endif
