// A blur around each pixel: some rows of columns first, to memory that stays in the cache, then rows.
#include "bend_rows.h"
#include "program.h"
#include "workspace.h"

using namespace bends;

namespace {

constexpr int kSums = 4;  // that are made together, so that a pixel is read once for them

INLINE int inside(int i, int size) { return i < 0 ? 0 : i < size ? i : size - 1; }

// Sums of `read(-reach)` … `read(reach)` weighted by taps about 0, about 1 and so on. The taps have
// as many zeros on both sides as there are other sums.
template <class Read>
INLINE void sums_of(const float* taps, int reach, const Read& read, Pixel* sums) {
  for (int each = 0; each < kSums; each++) sums[each] = {};
  for (int place = -reach; place < reach + kSums; place++) {
    const Pixel here = read(place);
    const float* tap = taps + place + reach + kSums - 1;
    for (int each = 0; each < kSums; each++)
      for (int v = 0; v < kVectors; v++) sums[each].v[v] += here.v[v] * tap[-each];
  }
}

template <class S>
struct Smooth {
  const BendSmooth& op;
  int block, first, width, height, reach;
  size_t line;  // of a row of columns, with `reach` pixels more on both sides
  float *taps, *columns;

  Smooth(const BendSmooth& step, int block, int first)
      : op(step), block(block), first(first), width(op.at.width), height(op.at.height), reach(op.reach),
        line(size_t(width + 2 * reach) * kBlock) {
    const size_t room = (2 * (reach + kSums) + kBlock - 1) / kBlock * kBlock;
    taps = (float*)workspace((room + kSums * line + kSums * kBlock) * sizeof(float));
    columns = taps + room;
    for (int tap = 0; tap < 2 * (reach + kSums) - 1; tap++) {
      const int own = tap - kSums + 1;
      taps[tap] = own >= 0 && own <= 2 * reach ? op.taps[own] : 0;
    }
    for (int x = 0; x < kSums; x++) put(columns + kSums * line + x * kBlock, Pixel{});  // read, and times zero
  }

  void down() {
    for (int x = 0; x < width; x++) {
      Pixel sums[kSums];
      const auto read = [&](int place) {
        return get(copied_row<S>(op.copy, op.at, block, inside(first + place, height)) + size_t(x) * kBlock);
      };
      sums_of(taps, reach, read, sums);
      for (int row = 0; row < kSums; row++) put(columns + row * line + size_t(x + reach) * kBlock, sums[row]);
    }
    for (int row = 0; row < kSums; row++) {
      float* begin = columns + row * line;
      for (int x = 0; x < reach; x++) {
        put(begin + size_t(x) * kBlock, get(begin + size_t(reach) * kBlock));
        put(begin + size_t(width + reach + x) * kBlock, get(begin + size_t(width + reach - 1) * kBlock));
      }
    }
  }

  void across(int y) const {
    const Row<S> row(op.at, block, y);
    const float* begin = columns + (y - first) * line + size_t(reach) * kBlock;
    for (int x = 0; x < width; x += kSums) {
      Pixel sums[kSums];
      sums_of(taps, reach, [&](int place) { return get(begin + (x + place) * kBlock); }, sums);
      for (int each = 0; each < kSums && x + each < width; each++) {
        const Pixel own = row[x + each];
        for (int v = 0; v < kVectors; v++)
          sums[each].v[v] = own.v[v] * op.own + sums[each].v[v] * op.smoothed;
        row.take(x + each, sums[each]);
      }
    }
  }
};

}  // namespace

int tasks(const BendSmooth& op) { return strips_of(op.at, kSums); }

void run(const BendSmooth& op, int task) {
  each_strip(op.at, kSums, task, [&](auto number, int block, int first) {
    Smooth<decltype(number)> smooth(op, block, first);
    smooth.down();
    for (int y = first; y < first + kSums && y < op.at.height; y++) smooth.across(y);
  });
}
