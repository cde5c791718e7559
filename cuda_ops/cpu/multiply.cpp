// Inner products of convolutions: AMX tiles, pairs of bfloat16, or plain multiply-adds.
#include "convolution.h"

#if defined(__AMX_BF16__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace convolution {
namespace {

using Lane = Vector<float>;

// Positions that share a block's kernel while it is in the first-level cache, in units of kPositions.
constexpr int kGroup = 4;

// Positions and vectors of outputs whose sums fill the registers.
#if VECTOR_BYTES == 64
constexpr int kPositions = 14, kVectors = 2;
#elif VECTOR_BYTES == 32
constexpr int kPositions = 3, kVectors = 4;
#else
constexpr int kPositions = 6, kVectors = 4;
#endif

// One block of inputs at kPositions, for some outputs: `Step` multiplies one unit of inputs, a number
// or a pair.
template <int vectors, class Step>
INLINE void multiply_some(const Patch& patch, const char* pixels, const char* kernel, int inputs,
                          bool first, int output, float (*sums)[kBlock]) {
  typename Lane::type sum[kPositions][vectors];
  for (int p = 0; p < kPositions; p++)
    for (int v = 0; v < vectors; v++)
      sum[p][v] = first ? typename Lane::type{} : Lane::load(sums[p] + output + v * Lane::lanes);
  const int units = (inputs + Step::inputs - 1) / Step::inputs;
  kernel += size_t(output) * Step::bytes;
  for (int y = 0; y < patch.side; y++)
    for (int x = 0; x < patch.side; x++) {
      const char* pixel = pixels + y * patch.row_bytes + size_t(x) * kBlock * Step::bytes / Step::inputs;
      for (int unit = 0; unit < units; unit++, pixel += 4, kernel += kBlock * 4) {
        typename Lane::type row[vectors];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) row[v] = Lane::load((const float*)kernel + v * Lane::lanes);
#pragma GCC unroll 14
        for (int p = 0; p < kPositions; p++) {
          auto input = Step::spread(pixel + p * patch.pixel_bytes);
#pragma GCC unroll 4
          for (int v = 0; v < vectors; v++) sum[p][v] = Step::add(sum[p][v], input, row[v]);
        }
      }
      kernel += (kBlock / Step::inputs - units) * kBlock * 4;
    }
  for (int p = 0; p < kPositions; p++)
    for (int v = 0; v < vectors; v++) Lane::store(sums[p] + output + v * Lane::lanes, sum[p][v]);
}

template <class Step>
void multiply_units(const Patch& patch, const char* pixels, const char* kernel, int inputs, bool first,
                    float (*sums)[kBlock]) {
  constexpr int step = kVectors * Lane::lanes;
  if constexpr (step == kBlock) {
    if (patch.narrow)
      return multiply_some<kVectors / 2, Step>(patch, pixels, kernel, inputs, first, 0, sums);
  }
  for (int output = 0; output < (patch.narrow ? kBlock / 2 : kBlock); output += step)
    multiply_some<kVectors, Step>(patch, pixels, kernel, inputs, first, output, sums);
}

// All positions of a patch for one block of inputs before the next, so that the kernel of a block
// stays in the first-level cache.
template <class Step>
void multiply_all(const Patch& patch, float (*sums)[kBlock]) {
  const size_t kernel_bytes = size_t(patch.side) * patch.side * kBlock * kBlock * 4 / Step::inputs;
  for (int block = 0; block < patch.blocks; block++)
    for (int at = 0; at < patch.count; at += kPositions)
      multiply_units<Step>(patch, patch.pixel + block * patch.block_bytes + at * patch.pixel_bytes,
                           patch.kernel + block * kernel_bytes,
                           block + 1 < patch.blocks ? kBlock : patch.inputs, block == 0, sums + at);
}

struct Single {
  static constexpr int inputs = 1, bytes = 4;
  static INLINE Lane::type spread(const char* x) { return Lane::all(*(const float*)x); }
  static INLINE Lane::type add(Lane::type sum, Lane::type x, Lane::type w) { return x * w + sum; }
};

#if defined(__AVX512BF16__)
struct Pair {
  static constexpr int inputs = 2, bytes = 4;
  static INLINE __m512i spread(const char* x) { return _mm512_set1_epi32(*(const int32_t*)x); }
  static INLINE Lane::type add(Lane::type sum, __m512i x, Lane::type w) {
    return (Lane::type)_mm512_dpbf16_ps((__m512)sum, (__m512bh)x, (__m512bh)w);
  }
};
#endif

#if defined(__AMX_BF16__)
// Whether the process may use tiles, for which it asks once; a sandbox may refuse.
bool may_use_tiles() {
  constexpr int kRequestPermission = 0x1023, kTileData = 18;
  static const bool granted = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return granted;
}

// Eight tiles of 16 rows of 64 bytes each.
struct alignas(64) TileLayout {
  uint8_t bytes[64] = {1};
  constexpr TileLayout() {
    for (int tile = 0; tile < 8; tile++) {
      bytes[16 + 2 * tile] = 64;
      bytes[48 + tile] = 16;
    }
  }
};
constexpr TileLayout kTileLayout;

// One block of inputs at 32 positions: tiles 0 to 3 are sums, 4 and 5 positions, 6 and 7 outputs.
template <bool narrow>
INLINE void multiply_block(const Patch& patch, const char* pixels, const char* kernel, bool first,
                           float (*sums)[kBlock]) {
  constexpr int row = kBlock * sizeof(float);
  if (first) {
    _tile_zero(0);
    _tile_zero(2);
    if constexpr (!narrow) {
      _tile_zero(1);
      _tile_zero(3);
    }
  } else {
    _tile_loadd(0, sums[0], row);
    _tile_loadd(2, sums[16], row);
    if constexpr (!narrow) {
      _tile_loadd(1, &sums[0][16], row);
      _tile_loadd(3, &sums[16][16], row);
    }
  }
  for (int y = 0; y < patch.side; y++)
    for (int x = 0; x < patch.side; x++, kernel += 2048) {
      const char* pixel = pixels + y * patch.row_bytes + x * 64;
      _tile_loadd(4, pixel, patch.pixel_bytes);
      _tile_loadd(5, pixel + 16 * patch.pixel_bytes, patch.pixel_bytes);
      _tile_loadd(6, kernel, 128);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (!narrow) {
        _tile_loadd(7, kernel + 64, 128);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(3, 5, 7);
      }
    }
  _tile_stored(0, sums[0], row);
  _tile_stored(2, sums[16], row);
  if constexpr (!narrow) {
    _tile_stored(1, &sums[0][16], row);
    _tile_stored(3, &sums[16][16], row);
  }
}

// All positions of a patch for one block of inputs before the next, so that the kernel of a block
// stays in the first-level cache.
template <bool narrow>
void multiply_tiles(const Patch& patch, float (*sums)[kBlock]) {
  const size_t kernel_bytes = patch.side * patch.side * panel_bytes(kBfloat16);
  for (int block = 0; block < patch.blocks; block++)
    for (int at = 0; at < patch.count; at += 32)
      multiply_block<narrow>(patch, patch.pixel + block * patch.block_bytes + at * patch.pixel_bytes,
                             patch.kernel + block * kernel_bytes, block == 0, sums + at);
}
#endif

}  // namespace

Session::Session([[maybe_unused]] int32_t type) {
#if defined(__AMX_BF16__)
  if (type == kBfloat16 && may_use_tiles()) _tile_loadconfig(kTileLayout.bytes);
#endif
}

Session::~Session() {
#if defined(__AMX_BF16__)
  if (may_use_tiles()) _tile_release();
#endif
}

int positions([[maybe_unused]] int32_t type) {
#if defined(__AMX_BF16__)
  if (type == kBfloat16 && may_use_tiles()) return kMostPositions;
#endif
  return kGroup * kPositions;
}

void multiply(const Patch& patch, [[maybe_unused]] int32_t type, float (*sums)[kBlock]) {
#if defined(__AMX_BF16__)
  if (type == kBfloat16 && may_use_tiles())
    return patch.narrow ? multiply_tiles<true>(patch, sums) : multiply_tiles<false>(patch, sums);
#endif
#if defined(__AVX512BF16__)
  if (type == kBfloat16) return multiply_all<Pair>(patch, sums);
#endif
  multiply_all<Single>(patch, sums);
}

}  // namespace convolution
