// Steps that bend a feature map where it lies, plain structures filled by Python (bends.py).
//
// A step takes as much of what it makes as `Taken` says, by channel and by pixel; a block none of
// whose channels is wanted costs nothing. Where a step reads pixels that it also writes, a copy of
// the map is made first: [blocks][height][width][32], without a border, of the same type.
#pragma once
#include <cstdint>

struct Taken {
  void* map;            // its first pixel within the border; float or bfloat16
  const float* share;   // by slot
  const float* mask;    // [height][width], times that; null: everywhere
  int32_t type, blocks, rows, pitch, height, width;
};

// The map as it is, to a copy.
struct BendCopy {
  static constexpr int kind = 32;
  Taken at;
  void* out;
};

// Beyond a map lies: it mirrored, its outermost pixels, it again, nothing.
enum Border : int32_t { kReflect = 0, kEdge = 1, kWrap = 2, kZeros = 3 };

// A copy read elsewhere: at `matrix` [2][3] times (x, y, 1), or where `positions` say; both in
// pixels about the centre of the map, x to the right and y down.
struct BendResample {
  static constexpr int kind = 33;
  Taken at;
  const void* copy;
  const float* positions;  // [height][width][2]; null: the matrix
  float matrix[6];
  int32_t border, nearest;
};

enum Formula : int32_t { kLinear = 0, kRamp = 1, kClamp = 2, kPower = 3, kOther = 4, kBySlot = 5 };

// A pixel from the same pixel: a x + b; c clamp(a x + b, 0, 1); clamp(x, -a, a); sign(x) |x / b|^a b;
// that of a copy; scale x + shift by slot.
struct BendPoint {
  static constexpr int kind = 34;
  Taken at;
  const void* other;
  const float *scale, *shift;
  int32_t formula;
  float a, b, c;
};

// The highest of the pixels from `before` above each one to `after` below it, with `lowest` the lowest;
// beyond the map lies nothing that counts. `columns` are [blocks][height][width][32] of the map's bits
// as numbers in whose order they are.
struct BendExtremeDown {
  static constexpr int kind = 35;
  Taken at;
  void* columns;
  int32_t before, after, lowest;
};

// The same of these to the left and right, `share` of the way to that of one pixel more all around.
struct BendExtremeAcross {
  static constexpr int kind = 40;
  Taken at;
  const void* columns;
  int32_t before, after, lowest;
  float share;
};

// `own` times the map, and `smoothed` times sums of a copy weighted by `2 reach + 1` taps each way.
// Beyond the map its outermost pixels go on.
struct BendSmooth {
  static constexpr int kind = 36;
  Taken at;
  const void* copy;
  const float* taps;
  int32_t reach;
  float own, smoothed;
};

// Sums and sums of squares of each row by slot: [blocks][height][2][32].
struct BendSums {
  static constexpr int kind = 37;
  Taken at;
  float* sums;
};

// From these, what gives each channel a wanted mean and deviation: scale and shift by slot.
struct BendMoments {
  static constexpr int kind = 38;
  Taken at;
  const float *sums, *mean, *deviation;  // of the latter two, by slot, what is wanted
  float *scale, *shift;
  float least;  // that a deviation is taken for
};

// Channels of a copy in another order; `sources` by slot.
struct BendPermute {
  static constexpr int kind = 39;
  Taken at;
  const void* copy;
  const int32_t* sources;
};
