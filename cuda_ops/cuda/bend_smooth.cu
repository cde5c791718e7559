// A Gaussian blur around each pixel: of columns first, in single precision, then of rows of these.
// Beyond the map its outermost pixels go on.
//
// The build defines KIND as in maps.cu.
#include "bends.cuh"

// The Gaussian of a width, cut off at 3 of these; each tap is what lies under the curve between its
// neighbours. `taps` are how many there are on each side, and [2 most + 1] about the middle one.
struct Taps {
  float* taps;
  const float* sigma;  // picture heights
  float pixels;        // per picture height
  int32 most;
};

struct Smooth {
  Taken at;
  const void* in;
  float* columns;        // [height][width][slots]
  const float* taps;
  const float* sharpen;  // how many times what the blur takes away is added; null: it is taken away
  int32 most;
};

using namespace bends;

constexpr int kRun = 4;  // neighbours that a thread sums up, so that a pixel is read once for them

DEVICE float below(float edge, float limit, float sigma) {
  return 0.5f * erff(fminf(fmaxf(edge, -limit), limit) / (sigma * 1.41421356f));
}

KERNEL(taps_kernel, Taps, kThreads, 1) {
  const float sigma = fmaxf(*op.sigma * op.pixels, 1e-6f), limit = 3 * sigma + 0.5f;
  const int reach = int(fminf(ceilf(3 * sigma), op.most));
  const float whole = 2 * below(limit, limit, sigma);
  if (threadIdx.x == 0) op.taps[0] = reach;
  for (int tap = int(threadIdx.x) - reach; tap <= reach; tap += kThreads)
    op.taps[1 + op.most + tap] = (below(tap + 0.5f, limit, sigma) - below(tap - 0.5f, limit, sigma)) / whole;
}

// Sums of `read` from `first` - reach on, weighted by the taps about each of some neighbours.
template <class Read>
DEVICE void sums_of(const Smooth& op, int first, int size, const Read& read, Single2* sums) {
  const int reach = int(op.taps[0]);
  const float* const taps = op.taps + 1 + op.most;
  UNROLL for (int j = 0; j < kRun; j++) sums[j] = {0, 0};
  for (int k = -reach; k < reach + kRun; k++) {
    const int place = first + k;
    const Single2 here = read(place < 0 ? 0 : place < size ? place : size - 1);
    UNROLL for (int j = 0; j < kRun; j++)
      if (k - j >= -reach && k - j <= reach) sums[j] = mul_add(here, taps[k - j], sums[j]);
  }
}

DEVICE Single2 column(const Smooth& op, int64 word) {
  const float* const from = op.columns + word * KIND::channels;
  return {from[0], KIND::channels == 2 ? from[1] : 0};
}

KERNEL(smooth_down_kernel, Smooth, kThreads, 1) {
  const Place p = place(op.at.slots);
  if (p.x >= op.at.width || !is_wanted(op.at, p.slot())) return;
  Single2 sums[kRun];
  const auto read = [&](int y) { return load(op.in, word_at(op.at, p.word, p.x, y)); };
  sums_of(op, p.y * kRun, op.at.height, read, sums);
  for (int j = 0; j < kRun && p.y * kRun + j < op.at.height; j++) {
    float* const to = op.columns + word_at(op.at, p.word, p.x, p.y * kRun + j) * KIND::channels;
    to[0] = sums[j].x;
    if (KIND::channels == 2) to[1] = sums[j].y;
  }
}

KERNEL(smooth_across_kernel, Smooth, kThreads, 1) {
  const Place p = place(op.at.slots);
  const int first = p.x * kRun;
  if (first >= op.at.width) return;
  Single2 sums[kRun];
  if (is_wanted(op.at, p.slot()))
    sums_of(op, first, op.at.width, [&](int x) { return column(op, word_at(op.at, p.word, x, p.y)); }, sums);
  for (int j = 0; j < kRun && first + j < op.at.width; j++)
    take(op.at, p.word, first + j, p.y, [&]() -> Single2 {
      if (!op.sharpen) return sums[j];
      const Single2 own = load(op.in, word_at(op.at, p.word, first + j, p.y));
      return mul_add(add(own, mul(sums[j], -1)), *op.sharpen, own);
    });
}
