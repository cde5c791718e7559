// The highest or the lowest around each pixel: of columns first, then of rows of these.
//
// A radius between two whole numbers of pixels is a straight way between their squares, so that
// there are two of everything: of the smaller square, and of the one with a pixel more all around.
// The build defines KIND as in maps.cu.
#include "bends.cuh"

struct Extreme {
  Taken at;
  const void* in;
  void* columns;       // two maps
  const float* knobs;  // a radius in picture heights, or a side in pixels
  float pixels;        // per picture height; 0: it is a side
  int32 lowest;
};

using namespace bends;

constexpr int kRun = 4;  // neighbours for which a thread looks, so that a pixel is read once for them
constexpr float kNone = -1e38f;  // of single precision, below all that maps hold

struct Reach {
  int before, after;
  float more;  // how far on the way to the larger square
};

DEVICE Reach reach_of(const Extreme& op) {
  if (op.pixels > 0) {
    const float radius = op.knobs[0] * op.pixels, least = floorf(radius);
    return {int(least), int(least), radius - least};
  }
  const int side = int(op.knobs[0]);
  return side > 0 ? Reach{side / 2, side - 1 - side / 2, 0} : Reach{0, 0, 0};
}

// The largest that `read` finds from `before` to `after` each of some neighbours from `first` on.
template <class Read>
DEVICE void windows(int before, int after, int first, int size, const Read& read, Single2* best) {
  UNROLL for (int j = 0; j < kRun; j++) best[j] = {kNone, kNone};
  for (int k = -before; k < after + kRun; k++) {
    if (uint32(first + k) >= uint32(size)) continue;
    const Single2 here = read(first + k);
    UNROLL for (int j = 0; j < kRun; j++)
      if (k - j >= -before && k - j <= after) best[j] = larger(best[j], here);
  }
}

DEVICE int64 words_of(const Taken& at) { return int64(at.height) * at.width * words(at.slots); }

KERNEL(extreme_down_kernel, Extreme, kThreads, 1) {
  const Place p = place(op.at.slots);
  if (p.x >= op.at.width || !is_wanted(op.at, p.slot())) return;
  const float sign = op.lowest ? -1 : 1;
  const Reach reach = reach_of(op);
  for (int more = 0; more <= (reach.more > 0); more++) {
    Single2 best[kRun];
    const auto read = [&](int y) { return mul(load(op.in, word_at(op.at, p.word, p.x, y)), sign); };
    windows(reach.before + more, reach.after + more, p.y * kRun, op.at.height, read, best);
    for (int j = 0; j < kRun && p.y * kRun + j < op.at.height; j++)
      store(op.columns, more * words_of(op.at) + word_at(op.at, p.word, p.x, p.y * kRun + j), best[j]);
  }
}

KERNEL(extreme_across_kernel, Extreme, kThreads, 1) {
  const Place p = place(op.at.slots);
  const int first = p.x * kRun;
  if (first >= op.at.width) return;
  const float sign = op.lowest ? -1 : 1;
  const Reach reach = reach_of(op);
  Single2 best[2][kRun];
  for (int more = 0; more <= (reach.more > 0) && is_wanted(op.at, p.slot()); more++) {
    const auto read = [&](int x) { return load(op.columns, more * words_of(op.at) + word_at(op.at, p.word, x, p.y)); };
    windows(reach.before + more, reach.after + more, first, op.at.width, read, best[more]);
  }
  for (int j = 0; j < kRun && first + j < op.at.width; j++)
    take(op.at, p.word, first + j, p.y, [&]() -> Single2 {
      return mul(reach.more > 0 ? faded(best[0][j], best[1][j], reach.more) : best[0][j], sign);
    });
}
