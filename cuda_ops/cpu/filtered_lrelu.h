// The filtered leaky ReLU in one pass: up-FIR, leaky ReLU, clamp, down-FIR.
//
// Four output rows are made at a time, some columns and one register of channels at a time:
//
//   rows of the input -> 8 rows upsampled vertically -> each upsampled along itself, activated,
//   filtered and downsampled along itself -> a ring of 24 such rows -> 4 rows filtered and
//   downsampled vertically, scaled, written.
//
// What lies between stays in the first- and second-level cache. A radial down-filter is a sum of
// `rank` products of a vertical and a horizontal one. Source of the operator: Karras et al. 2021,
// arXiv:2106.12423, section 3.2.
#pragma once
#include "steps.h"
#include "vectors.h"

namespace filtered_lrelu {

constexpr int kTaps = 6;       // of the up-filter on each of its phases
constexpr int kDownTaps = 12;  // of the down-filter, which keeps every second sample
constexpr int kRise = 8;       // upsampled rows made at a time
constexpr int kRing = 24;      // rows between the two halves of the down-filter
constexpr int kSettle = 4;     // output rows made at a time, of 18 of the ring
constexpr int kChunk = 32;     // samples along the rows made at a time
constexpr int kMargin = 5;     // outputs' worth of samples that a down-filter reaches beyond its own

INLINE constexpr int ceil_div(int a, int b) { return a >= 0 ? (a + b - 1) / b : -((-a) / b); }

INLINE int clamp(int x, int low, int high) { return x < low ? low : x > high ? high : x; }

// Input samples from the first that phase 0 reads to the first that phase `r` reads.
template <int U, int P>
INLINE constexpr int offset(int r) {
  return ceil_div(r - P, U) - ceil_div(-P, U);
}

// Where input rows lie: pixel (row, x) at `at` + ((row - first) % count * pitch + x) * kBlock, for x
// from `begin` to `end`; zeros lie beside them. Where `make` is set, all rows before `row` are there
// once it was called.
struct Rows {
  const void* at;
  int first, count, pitch, begin, end;
  void (*make)(void* maker, int row);
  void* maker;
};

// What one task paints: some channels, rows and columns of the output.
//
// At most 16 channels fill half a register of half precision. Where `apart` is not 0, the other half
// holds the same channels that many columns further right, up to `paired_end`.
struct Part {
  int channel, end_channel, y0, y1, x0, x1;
  Rows rows;
  int apart = 0, paired_end = 0;
};

template <class S, int U, int P, int R>
struct Tile {
  using Lane = Vector<S>;
  using V = typename Lane::type;
  static constexpr int L = Lane::lanes;
  // Input rows under `kRise` upsampled ones, and pairs of samples that one input sample brings.
  static constexpr int kRows = kTaps + (kRise - 1) / U + offset<U, P>((kRise - 1) % U);
  static constexpr int kPairs = U / 2;

  // Where a row is along itself.
  struct Front {
    V window[kTaps];     // the last samples
    V state[R == 1 ? kTaps : kDownTaps];  // of the down-filter
  };

  const FilteredLrelu& op;
  const Part& part;
  V up[U][kTaps], across[R][kDownTaps], down[R][kDownTaps];
  int columns;         // of the output
  int first, samples;  // of the input under them
  S *risen, *rings;    // kRise rows of kChunk; for each group of lanes kRing rows of R times `columns`
  Front fronts[kRise];

  Tile(const FilteredLrelu& step, const Part& part, S* workspace)
      : op(step), part(part), columns(part.x1 - part.x0) {
    for (int r = 0; r < U; r++)
      for (int k = 0; k < kTaps; k++) {
        int tap = r - P + kTaps * U - 1 - U * (ceil_div(r - P, U) + k);
        up[r][k] = Lane::all(S(op.up[tap]));
      }
    for (int a = 0; a < R; a++)
      for (int t = 0; t < kDownTaps; t++) {
        across[a][t] = Lane::all(S(op.across[a * kDownTaps + kDownTaps - 1 - t]));
        down[a][t] = Lane::all(S(op.down[a * kDownTaps + kDownTaps - 1 - t]));
      }
    first = ceil_div(2 * part.x0 - op.padding, U);
    samples = sample_count(columns);
    risen = workspace;
    rings = risen + kRise * kChunk * L;
  }

  static int sample_count(int columns) { return (columns + kMargin + kPairs - 1) / kPairs + kTaps; }
  static size_t ring_size(int columns) { return kRing * R * size_t(columns) * L; }
  static int groups(const Part& part) { return (part.end_channel - part.channel + L - 1) / L; }

  static size_t bytes(const Part& part) {
    const int columns = part.x1 - part.x0;
    return (kRise * kChunk * L + groups(part) * ring_size(columns)) * sizeof(S);
  }

  // The input rows under some upsampled ones.
  struct Under {
    const S* rows[kRows];
    bool inside[kRows], whole = true;

    Under(const Tile& tile, int top, int group) {
      const Rows& from = tile.part.rows;
      for (int k = 0; k < kRows; k++) {
        const int row = top + k;
        inside[k] = unsigned(row) < unsigned(tile.op.in_height);
        whole &= inside[k];
        const int at = inside[k] ? (row - from.first) % from.count : 0;
        rows[k] = (const S*)from.at + (ptrdiff_t(at) * from.pitch + tile.first) * kBlock + group * L;
      }
    }
  };

  // Samples `from` to `to` of kRise upsampled rows, upsampled vertically alone.
  void rise(const Under& under, int from, int to) {
    const Rows& rows = part.rows;
    const int begin = clamp(rows.begin - first, from, to), end = clamp(rows.end - first, begin, to);
    blank(0, begin - from);
    under.whole ? rise_run<true>(under, from, begin, end) : rise_run<false>(under, from, begin, end);
    blank(end - from, to - from);
  }

  template <bool whole>
  INLINE void rise_run(const Under& under, int from, int begin, int end) {
    for (int x = begin; x < end; x++) {
      V w[kRows];
#pragma GCC unroll 10
      for (int k = 0; k < kRows; k++)
        w[k] = whole || under.inside[k] ? Lane::load(under.rows[k] + size_t(x) * kBlock) : V{};
      rise_at(w, x - from);
    }
  }

  void blank(int begin, int end) {
    for (int j = 0; j < kRise; j++)
      for (int x = begin; x < end; x++) Lane::store(risen + (j * kChunk + x) * L, V{});
  }

  INLINE void rise_at(const V* w, int x) {
#pragma GCC unroll 8
    for (int j = 0; j < kRise; j++) {
      const int o = j / U + offset<U, P>(j % U);
      V sum = w[o] * up[j % U][0];
#pragma GCC unroll 5
      for (int k = 1; k < kTaps; k++) sum = w[o + k] * up[j % U][k] + sum;
      Lane::store(risen + (j * kChunk + x) * L, sum);
    }
  }

  INLINE V activate(V x, V slope, V high) {
    x = Lane::max(x, x * slope);
    return Lane::max(Lane::min(x, high), -high);
  }

  // Two more samples of a row, and the outputs that they finish. One product's `state`: the sums of
  // the outputs that these samples belong to, the newest first. Several products, whose filters are
  // all symmetric: the last samples, of which pairs are added once for all of them.
  INLINE void filter_down(const V* s, V* state, V* finished) {
    if constexpr (R == 1) {
      finished[0] = s[1] * across[0][11] + (s[0] * across[0][10] + state[5]);
#pragma GCC unroll 5
      for (int k = 5; k > 0; k--)
        state[k] = s[1] * across[0][2 * k - 1] + (s[0] * across[0][2 * k - 2] + state[k - 1]);
      state[0] = V{};
    } else {
#pragma GCC unroll 10
      for (int k = 0; k < kDownTaps - 2; k++) state[k] = state[k + 2];
      state[10] = s[0];
      state[11] = s[1];
      V pairs[kTaps];
#pragma GCC unroll 6
      for (int k = 0; k < kTaps; k++) pairs[k] = state[k] + state[11 - k];
#pragma GCC unroll 4
      for (int a = 0; a < R; a++) {
        finished[a] = pairs[0] * across[a][0];
#pragma GCC unroll 5
        for (int k = 1; k < kTaps; k++) finished[a] = pairs[k] * across[a][k] + finished[a];
      }
    }
  }

  // `count` samples of an upsampled row: upsampled along it, activated, downsampled along it. What
  // they finish goes `to` column `x` and on.
  void fold(const S* row, int count, Front& front, S* to, int x) {
    const V slope = Lane::all(S(op.slope)), high = Lane::all(S(op.clamp));
    V w[kTaps + 1], state[R == 1 ? kTaps : kDownTaps];
    memcpy(w, front.window, sizeof front.window);
    memcpy(state, front.state, sizeof state);
    const S* const end = row + count * L;
    auto step = [&](bool checked) __attribute__((always_inline)) {
      w[kTaps] = Lane::load(row);
      row += L;
#pragma GCC unroll 2
      for (int pair = 0; pair < kPairs; pair++, x++) {
        V s[2];
#pragma GCC unroll 2
        for (int odd = 0; odd < 2; odd++) {
          const int r = 2 * pair + odd, o = offset<U, P>(r);
          V sum = w[o] * up[r][0];
#pragma GCC unroll 5
          for (int k = 1; k < kTaps; k++) sum = w[o + k] * up[r][k] + sum;
          s[odd] = activate(sum, slope, high);
        }
        V finished[R];
        filter_down(s, state, finished);
        if (!checked || (x >= 0 && x < columns))
#pragma GCC unroll 4
          for (int a = 0; a < R; a++) Lane::store(to + (size_t(a) * columns + x) * L, finished[a]);
      }
#pragma GCC unroll 6
      for (int k = 0; k < kTaps; k++) w[k] = w[k + 1];
    };
    while (row < end && x < 0) step(true);
    while (row < end && x + kPairs <= columns) step(false);
    while (row < end) step(true);
    memcpy(front.window, w, sizeof front.window);
    memcpy(front.state, state, sizeof state);
  }

  // Columns `begin` to `end` of the output rows from `y` on, out of a ring.
  template <class Out>
  void settle(const S* ring, int y, int begin, int end, int channel, const Out& out) {
    constexpr int kReach = kDownTaps + 2 * (kSettle - 1);
    const S* rows[kReach][R];
    for (int t = 0; t < kReach; t++)
      for (int a = 0; a < R; a++)
        rows[t][a] = ring + (size_t((2 * y + t + kRing) % kRing) * R + a) * columns * L;
    const int top = clamp(part.y0 - y, 0, kSettle), bottom = clamp(part.y1 - y, 0, kSettle);
    const auto write = out.rows(y, part.x0, channel);
    for (int x = begin; x < end; x++) {
      V sums[kSettle] = {};
#pragma GCC unroll 4
      for (int a = 0; a < R; a++)
#pragma GCC unroll 18
        for (int t = 0; t < kReach; t++) {
          V row = Lane::load(rows[t][a] + size_t(x) * L);
#pragma GCC unroll 4
          for (int j = 0; j < kSettle; j++)
            if (t >= 2 * j && t < 2 * j + kDownTaps) sums[j] = row * down[a][t - 2 * j] + sums[j];
        }
      if (top == 0 && bottom == kSettle) {
#pragma GCC unroll 4
        for (int j = 0; j < kSettle; j++) write(j, x, sums[j]);
      } else {
        for (int j = top; j < bottom; j++) write(j, x, sums[j]);
      }
    }
  }

  // All of the part, whose first row and column are even.
  template <class Out>
  void paint(const Out& out) {
    const int all = groups(part);
    for (int i = 2 * part.y0; i < 2 * part.y1 + 10; i += kRise) {
      const int top = ceil_div(i - op.padding, U);
      if (part.rows.make) part.rows.make(part.rows.maker, clamp(top + kRows, 0, op.in_height));
      for (int group = 0; group < all; group++) paint_rows(i, top, group, out);
    }
  }

  // The upsampled rows from `i` on, and the output rows that end in them.
  template <class Out>
  void paint_rows(int i, int top, int group, const Out& out) {
    const Under under(*this, top, group);
    S* ring = rings + group * ring_size(columns);
    rise(under, 0, kTaps);
    for (int j = 0; j < kRise; j++) {
      fronts[j] = {};
      for (int k = 0; k < kTaps; k++) fronts[j].window[k] = Lane::load(risen + (j * kChunk + k) * L);
    }
    int x = -kMargin;
    const int y = i / 2 - kMargin;
    for (int from = kTaps; from < samples; from += kChunk) {
      const int count = samples - from < kChunk ? samples - from : kChunk;
      rise(under, from, from + count);
      for (int j = 0; j < kRise; j++)
        fold(risen + j * kChunk * L, count, fronts[j], ring + size_t((i + j) % kRing) * R * columns * L, x);
      const int begin = clamp(x, 0, columns), end = clamp(x + count * kPairs, 0, columns);
      if (y + kSettle > part.y0) settle(ring, y, begin, end, part.channel + group * L, out);
      x += count * kPairs;
    }
  }
};

}  // namespace filtered_lrelu
