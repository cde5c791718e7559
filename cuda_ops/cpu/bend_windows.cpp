// The bends that look around each pixel: columns first, to a row that stays in the cache, then rows.
#include <initializer_list>
#include <limits>

#include "bend_rows.h"
#include "program.h"
#include "workspace.h"

using namespace bends;

namespace {

// Pixels as numbers of which the larger is larger: floats are, the bits of a bfloat16 nearly.
template <class S>
struct Ordered;

template <>
struct Ordered<float> {
  using Number = float;
  using Vec = Vector<float>;
  static INLINE Vec::type turned(Vec::type x) { return x; }
  static INLINE Pixel pixel(const Number* from) { return get(from); }
};

template <>
struct Ordered<bfloat16> {
  using Number = int16_t;
  using Vec = Vector<int16_t>;
  static INLINE Vec::type turned(Vec::type x) { return x ^ ((x >> 15) & 0x7fff); }  // and back again
  static INLINE Pixel pixel(const Number* from) {
    alignas(VECTOR_BYTES) int16_t bits[kBlock];
    for (int c = 0; c < kBlock; c += Vec::lanes) Vec::store(bits + c, turned(Vec::load(from + c)));
    return get((const bfloat16*)bits);
  }
};

template <class S, bool lowest>
struct Extreme {
  using Order = Ordered<S>;
  using Number = typename Order::Number;
  using Vec = typename Order::Vec;
  using V = typename Vec::type;
  static constexpr int kVecs = kBlock / Vec::lanes;
  static constexpr int kTile = 4;  // pixels whose columns are gone through at a time

  static INLINE V better(V a, V b) {
    if constexpr (lowest) return Vec::min(a, b);
    return Vec::max(a, b);
  }

  static INLINE V load(const S* from) { return Order::turned(Vec::load((const Number*)from)); }

  const BendExtreme& op;
  int block, y, reach, height, width;
  Number *narrow, *wide;  // a row of columns' extremes, and room for `reach + 1` more on both sides

  Extreme(const BendExtreme& step, int block, int y)
      : op(step), block(block), y(y), reach(step.reach), height(step.at.height), width(step.at.width) {
    const size_t row = size_t(width + 2 * (reach + 1)) * kBlock;
    narrow = (Number*)workspace(2 * row * sizeof(Number)), wide = narrow + row;
    for (int beyond = 0; beyond <= reach; beyond++) {
      blank(beyond);
      blank(width + 2 * reach + 1 - beyond);
    }
  }

  void blank(int place) {
    using Limits = std::numeric_limits<Number>;
    const Number least = Limits::has_infinity ? -Limits::infinity() : Limits::min();
    const Number most = Limits::has_infinity ? Limits::infinity() : Limits::max();
    for (int c = 0; c < kBlock; c++) narrow[size_t(place) * kBlock + c] = lowest ? most : least;
    for (int c = 0; c < kBlock; c++) wide[size_t(place) * kBlock + c] = lowest ? most : least;
  }

  const S* source(int row, int x) const { return copied_row<S>(op.copy, op.at, block, row) + size_t(x) * kBlock; }

  void columns() {
    const int top = y - reach < 0 ? 0 : y - reach, bottom = y + reach >= height ? height - 1 : y + reach;
    for (int x = 0; x < width; x += kTile) {
      const int count = width - x < kTile ? width - x : kTile;
      for (int c = 0; c < kBlock; c += Vec::lanes) {
        V best[kTile];
        for (int i = 0; i < count; i++) best[i] = load(source(y, x + i) + c);
        for (int row = top; row <= bottom; row++) {
          const S* from = source(row, x) + c;
          for (int i = 0; i < count; i++) best[i] = better(best[i], load(from + i * kBlock));
        }
        for (int i = 0; i < count; i++) Vec::store(narrow + size_t(x + i + reach + 1) * kBlock + c, best[i]);
        for (const int row : {y - reach - 1, y + reach + 1}) {
          if (row < 0 || row >= height) continue;
          const S* from = source(row, x) + c;
          for (int i = 0; i < count; i++) best[i] = better(best[i], load(from + i * kBlock));
        }
        for (int i = 0; i < count; i++) Vec::store(wide + size_t(x + i + reach + 1) * kBlock + c, best[i]);
      }
    }
  }

  // The best of the places from `first` to `last`, to `to`.
  static INLINE void best_of(const Number* row, int first, int last, Number* to) {
    for (int c = 0; c < kBlock; c += Vec::lanes) {
      V best = Vec::load(row + size_t(first) * kBlock + c);
      for (int place = first + 1; place <= last; place++)
        best = better(best, Vec::load(row + size_t(place) * kBlock + c));
      Vec::store(to + c, best);
    }
  }

  void rows() const {
    const Row<S> row(op.at, block, y);
    for (int x = 0; x < width; x++) {
      alignas(64) Number one[kBlock], two[kBlock];
      best_of(narrow, x + 1, x + 1 + 2 * reach, one);
      Pixel made = Order::pixel(one);
      if (op.share > 0) {
        best_of(wide, x, x + 2 + 2 * reach, two);
        const Pixel more = Order::pixel(two);
        for (int v = 0; v < kVectors; v++) made.v[v] += (more.v[v] - made.v[v]) * op.share;
      }
      row.take(x, made);
    }
  }
};

template <class S>
void extreme(const BendExtreme& op, int block, int y) {
  const auto play = [](auto&& row) { row.columns(), row.rows(); };
  if (op.lowest)
    play(Extreme<S, true>(op, block, y));
  else
    play(Extreme<S, false>(op, block, y));
}

INLINE int inside(int i, int size) { return i < 0 ? 0 : i < size ? i : size - 1; }

template <class S>
void smooth(const BendSmooth& op, int block, int y) {
  const int width = op.at.width, reach = op.reach;
  float* columns = (float*)workspace(size_t(width + 2 * reach) * kBlock * sizeof(float));
  constexpr int kTile = 4;
  for (int x = 0; x < width; x += kTile) {
    const int count = width - x < kTile ? width - x : kTile;
    Pixel sum[kTile] = {};
    for (int tap = -reach; tap <= reach; tap++) {
      const S* from = copied_row<S>(op.copy, op.at, block, inside(y + tap, op.at.height));
      for (int i = 0; i < count; i++) {
        const Pixel here = get(from + size_t(x + i) * kBlock);
        for (int v = 0; v < kVectors; v++) sum[i].v[v] += here.v[v] * op.taps[tap + reach];
      }
    }
    for (int i = 0; i < count; i++) put(columns + size_t(x + i + reach) * kBlock, sum[i]);
  }
  for (int x = 0; x < reach; x++) {
    put(columns + size_t(x) * kBlock, get(columns + size_t(reach) * kBlock));
    put(columns + size_t(width + reach + x) * kBlock, get(columns + size_t(width + reach - 1) * kBlock));
  }
  const Row<S> row(op.at, block, y);
  for (int x = 0; x < width; x++) {
    Pixel sum = {};
    for (int tap = 0; tap <= 2 * reach; tap++) {
      const Pixel here = get(columns + size_t(x + tap) * kBlock);
      for (int v = 0; v < kVectors; v++) sum.v[v] += here.v[v] * op.taps[tap];
    }
    const Pixel own = row[x];
    for (int v = 0; v < kVectors; v++) sum.v[v] = own.v[v] * op.own + sum.v[v] * op.smoothed;
    row.take(x, sum);
  }
}

}  // namespace

int tasks(const BendExtreme& op) { return rows_of(op.at); }

void run(const BendExtreme& op, int task) {
  each_row(op.at, task, [&](auto number, int block, int y) { extreme<decltype(number)>(op, block, y); });
}

int tasks(const BendSmooth& op) { return rows_of(op.at); }

void run(const BendSmooth& op, int task) {
  each_row(op.at, task, [&](auto number, int block, int y) { smooth<decltype(number)>(op, block, y); });
}
