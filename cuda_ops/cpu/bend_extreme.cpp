// The highest or the lowest around each pixel: of columns first, then of rows of these.
#include <limits>
#include <type_traits>

#include "bend_rows.h"
#include "program.h"

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

  static INLINE V better(V a, V b) {
    if constexpr (lowest) return Vec::min(a, b);
    return Vec::max(a, b);
  }

  static INLINE V none() {
    using Limits = std::numeric_limits<Number>;
    constexpr Number least = Limits::has_infinity ? -Limits::infinity() : Limits::min();
    constexpr Number most = Limits::has_infinity ? Limits::infinity() : Limits::max();
    return Vec::all(lowest ? most : least);
  }

  // The best from `before` to `after` each of the N places from `first` on, in a line of `size`. What
  // all of these windows share is looked at once, which takes N <= before + after + 1.
  template <int N, class Load>
  static INLINE void windows(const Load& load, int size, int first, int before, int after, V* best) {
    const auto at = [&](int place) { return unsigned(place) < unsigned(size) ? load(place) : none(); };
    const int begin = first + N - 1 - before, end = first + after;
    V shared = none(), more = none();
    for (int place = begin < 0 ? 0 : begin; place <= end && place < size; place++) shared = better(shared, load(place));
    best[N - 1] = shared;
    for (int j = N - 2; j >= 0; j--) best[j] = better(best[j + 1], at(first + j - before));
    for (int j = 1; j < N; j++) {
      more = better(more, at(end + j));
      best[j] = better(best[j], more);
    }
  }

  template <class To>
  static INLINE To* row_of(To* columns, const Taken& at, int block, int y) {
    return columns + (size_t(block) * at.height + y) * at.width * kBlock;
  }

  template <int N>
  static void down(const BendExtremeDown& op, int block, int first) {
    const int height = op.at.height, before = op.before, after = op.after;
    const size_t line = size_t(op.at.pitch) * kBlock;
    const Number* map = (const Number*)op.at.map + size_t(block) * op.at.rows * line;
    for (int x = 0; x < op.at.width; x++) {
      for (int c = 0; c < kBlock; c += Vec::lanes) {
        const Number* column = map + size_t(x) * kBlock + c;
        const auto load = [&](int y) { return Order::turned(Vec::load(column + y * line)); };
        V best[N];
        windows<N>(load, height, first, before, after, best);
        for (int j = 0; j < N && first + j < height; j++)
          Vec::store(row_of((Number*)op.columns, op.at, block, first + j) + size_t(x) * kBlock + c, best[j]);
      }
    }
  }

  template <int N>
  static void across(const BendExtremeAcross& op, int block, int y) {
    const Row<S> row(op.at, block, y);
    const auto line = [&](int y) { return row_of((const Number*)op.columns, op.at, block, y); };
    const Number *here = line(y), *above = line(y > 0 ? y - 1 : y), *below = line(y + 1 < op.at.height ? y + 1 : y);
    const auto narrow = [&](size_t at) { return Vec::load(here + at); };
    const auto wide = [&](size_t at) { return better(narrow(at), better(Vec::load(above + at), Vec::load(below + at))); };
    for (int x = 0; x < op.at.width; x += N) {
      alignas(64) Number one[N][kBlock], two[N][kBlock];
      best_of<N>(narrow, op, x, 0, one);
      if (op.share > 0) best_of<N>(wide, op, x, 1, two);
      for (int j = 0; j < N && x + j < op.at.width; j++) {
        Pixel made = Order::pixel(one[j]);
        if (op.share > 0) {
          const Pixel more = Order::pixel(two[j]);
          for (int v = 0; v < kVectors; v++) made.v[v] += (more.v[v] - made.v[v]) * op.share;
        }
        row.take(x + j, made);
      }
    }
  }

  template <int N, class Load>
  static INLINE void best_of(const Load& load, const BendExtremeAcross& op, int x, int more, Number (*to)[kBlock]) {
    for (int c = 0; c < kBlock; c += Vec::lanes) {
      V best[N];
      const auto at = [&](int place) { return load(size_t(place) * kBlock + c); };
      windows<N>(at, op.at.width, x, op.before + more, op.after + more, best);
      for (int j = 0; j < N; j++) Vec::store(to[j] + c, best[j]);
    }
  }
};

// How many neighbours have their windows looked through together.
template <class Op>
int together(const Op& op) {
  const int width = op.before + op.after + 1;
  return width >= 8 ? 8 : width >= 4 ? 4 : 1;
}

// Calls `visit` with what is looked for, and how many together.
template <class S, class Op, class Visit>
void choose(const Op& op, const Visit& visit) {
  const auto with = [&](auto extreme) {
    switch (together(op)) {
      case 8: return visit(extreme, std::integral_constant<int, 8>{});
      case 4: return visit(extreme, std::integral_constant<int, 4>{});
      default: return visit(extreme, std::integral_constant<int, 1>{});
    }
  };
  if (op.lowest)
    with(Extreme<S, true>{});
  else
    with(Extreme<S, false>{});
}

}  // namespace

int tasks(const BendExtremeDown& op) { return strips_of(op.at, together(op)); }

void run(const BendExtremeDown& op, int task) {
  each_strip(op.at, together(op), task, [&](auto number, int block, int y) {
    choose<decltype(number)>(op, [&](auto extreme, auto count) {
      decltype(extreme)::template down<decltype(count)::value>(op, block, y);
    });
  });
}

int tasks(const BendExtremeAcross& op) { return rows_of(op.at); }

void run(const BendExtremeAcross& op, int task) {
  each_row(op.at, task, [&](auto number, int block, int y) {
    choose<decltype(number)>(op, [&](auto extreme, auto count) {
      decltype(extreme)::template across<decltype(count)::value>(op, block, y);
    });
  });
}
