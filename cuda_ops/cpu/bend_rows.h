// What the bends share: a task is a row of one block, or some, which take as much as is said of what is made.
#pragma once
#include "bends.h"
#include "pixels.h"
#include "vectors.h"

namespace bends {

using Lane = pixels::Lane;
constexpr int kVectors = pixels::kVectors;

struct Pixel {
  Lane::type v[kVectors];
};

INLINE Pixel get(const float* from) {
  Pixel x;
  for (int v = 0; v < kVectors; v++) x.v[v] = Lane::load(from + v * Lane::lanes);
  return x;
}

INLINE Pixel get(const bfloat16* from) {
  typedef uint16_t narrow_bits __attribute__((vector_size(VECTOR_BYTES / 2), aligned(2)));
  typedef uint32_t wide_bits __attribute__((vector_size(VECTOR_BYTES)));
  Pixel x;
  for (int v = 0; v < kVectors; v++) {
    const narrow_bits bits = *(const narrow_bits*)(from + v * Lane::lanes);
    x.v[v] = (Lane::type)(__builtin_convertvector(bits, wide_bits) << 16);
  }
  return x;
}

INLINE void put(float* to, const Pixel& x) {
  for (int v = 0; v < kVectors; v++) Lane::store(to + v * Lane::lanes, x.v[v]);
}

INLINE void put(bfloat16* to, const Pixel& x) { pixels::write_bfloat16(to, x.v); }

inline bool is_wanted(const Taken& at, int block) {
  for (int slot = block * kBlock; slot < (block + 1) * kBlock; slot++)
    if (at.share[slot] != 0) return true;
  return false;
}

// A row of a map, and how much of what is made there each of its pixels takes.
template <class S>
struct Row {
  S* pixels;
  const float* mask;
  Pixel share;
  bool whole = true;

  Row(const Taken& at, int block, int y)
      : pixels((S*)at.map + (size_t(block) * at.rows + y) * at.pitch * kBlock),
        mask(at.mask ? at.mask + size_t(y) * at.width : nullptr),
        share(get(at.share + block * kBlock)) {
    for (int slot = block * kBlock; slot < (block + 1) * kBlock; slot++) whole &= at.share[slot] == 1;
    whole &= !mask;
  }

  INLINE Pixel operator[](int x) const { return get(pixels + size_t(x) * kBlock); }

  INLINE void take(int x, const Pixel& made) const {
    S* to = pixels + size_t(x) * kBlock;
    if (whole) return put(to, made);
    const float here = mask ? mask[x] : 1;
    Pixel mixed = get(to);
    for (int v = 0; v < kVectors; v++) {
      const Lane::type part = share.v[v] * here;
      mixed.v[v] = mixed.v[v] * (1 - part) + made.v[v] * part;
    }
    put(to, mixed);
  }
};

template <class S>
INLINE const S* copied_row(const void* copy, const Taken& at, int block, int y) {
  return (const S*)copy + (size_t(block) * at.height + y) * at.width * kBlock;
}

inline int strips_of(const Taken& at, int rows) { return at.blocks * ((at.height + rows - 1) / rows); }

// Calls `visit(type of number, block, first row)` of a strip of so many rows where anything is wanted.
template <class Visit>
void each_strip(const Taken& at, int rows, int task, const Visit& visit) {
  const int strips = (at.height + rows - 1) / rows, block = task / strips, y = task % strips * rows;
  if (!is_wanted(at, block)) return;
  if (at.type == kBfloat16)
    visit(bfloat16{}, block, y);
  else
    visit(float{}, block, y);
}

inline int rows_of(const Taken& at) { return strips_of(at, 1); }

template <class Visit>
void each_row(const Taken& at, int task, const Visit& visit) {
  each_strip(at, 1, task, visit);
}

}  // namespace bends
