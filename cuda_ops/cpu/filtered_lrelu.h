// The filtered leaky ReLU in one pass: up-FIR, leaky ReLU, clamp, down-FIR.
//
// A tile of the picture is made two rows at a time, one register of channels at a time:
//
//   rows of the input -> 4 rows upsampled vertically -> each upsampled along the row, activated,
//   filtered and downsampled along the row -> a ring of 16 such rows -> 2 rows filtered and
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
constexpr int kRing = 16;      // rows between the two halves of the down-filter
constexpr int kMargin = 5;     // outputs' worth of samples that a down-filter reaches beyond its own

INLINE constexpr int ceil_div(int a, int b) { return a >= 0 ? (a + b - 1) / b : -((-a) / b); }

INLINE int clamp(int x, int low, int high) { return x < low ? low : x > high ? high : x; }

// Input samples from the first that phase 0 reads to the first that phase `r` reads.
template <int U, int P>
INLINE constexpr int offset(int r) {
  return ceil_div(r - P, U) - ceil_div(-P, U);
}

template <class S, int U, int P, int R>
struct Tile {
  using Lane = Vector<S>;
  using V = typename Lane::type;
  static constexpr int L = Lane::lanes;
  // Input rows under four upsampled ones, and samples under the pairs of one step.
  static constexpr int kRows = kTaps + 3 / U + offset<U, P>(3 % U) - offset<U, P>(0);
  static constexpr int kPairs = U / 2;

  const FilteredLrelu& op;
  V up[U][kTaps], across[R][kDownTaps], down[R][kDownTaps];
  int x0, columns;      // outputs of this tile
  int first, samples;   // input samples under them
  S *risen, *ring;      // 4 rows of `samples`; kRing rows of R times `columns`

  Tile(const FilteredLrelu& step, S* workspace, int x0, int x1) : op(step), x0(x0), columns(x1 - x0) {
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
    first = ceil_div(2 * x0 - op.padding, U);
    samples = (columns + kMargin + kPairs - 1) / kPairs + kTaps;
    risen = workspace;
    ring = risen + 4 * (samples + 1) * L;
  }

  static size_t bytes(int columns) {
    size_t samples = (columns + kMargin + kPairs - 1) / kPairs + kTaps + 1;
    return (4 * samples + kRing * R * size_t(columns)) * L * sizeof(S);
  }

  // Four rows of the upsampled grid from row `i` on (a multiple of 4), upsampled vertically alone.
  void rise(const S* block, int i) {
    const S* rows[kRows];
    int top = ceil_div(i - op.padding, U);
    bool inside[kRows];
    for (int k = 0; k < kRows; k++) {
      inside[k] = unsigned(top + k) < unsigned(op.in_height);
      rows[k] = block + (ptrdiff_t(top + k) * op.in_pitch + first) * kBlock;
    }
    bool whole = true;
    for (bool each : inside) whole &= each;
    int begin = clamp(-first, 0, samples), end = clamp(op.in_width - first, begin, samples);
    blank(0, begin);
    whole ? rise_run<true>(rows, inside, begin, end) : rise_run<false>(rows, inside, begin, end);
    blank(end, samples);
  }

  template <bool whole>
  INLINE void rise_run(const S* const* rows, const bool* inside, int begin, int end) {
    for (int x = begin; x < end; x++) {
      V w[kRows];
#pragma GCC unroll 8
      for (int k = 0; k < kRows; k++)
        w[k] = whole || inside[k] ? Lane::load(rows[k] + size_t(x) * kBlock) : V{};
      rise_at(w, x);
    }
  }

  void blank(int begin, int end) {
    for (int j = 0; j < 4; j++)
      for (int x = begin; x < end; x++) Lane::store(risen + (size_t(j) * samples + x) * L, V{});
  }

  INLINE void rise_at(const V* w, int x) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      const int o = j / U + offset<U, P>(j % U);
      V sum = w[o] * up[j % U][0];
#pragma GCC unroll 5
      for (int k = 1; k < kTaps; k++) sum = w[o + k] * up[j % U][k] + sum;
      Lane::store(risen + (size_t(j) * samples + x) * L, sum);
    }
  }

  INLINE V activate(V x, V slope, V high) {
    x = Lane::max(x, x * slope);
    return Lane::max(Lane::min(x, high), -high);
  }

  // One upsampled row, upsampled along itself, activated, and downsampled along itself.
  void fold(const S* row, S* to) {
    const V slope = Lane::all(S(op.slope)), high = Lane::all(S(op.clamp));
    V sums[R][kTaps] = {};  // of the outputs that the samples so far belong to, the newest first
    V w[kTaps + 1];
#pragma GCC unroll 6
    for (int k = 0; k < kTaps; k++) w[k] = Lane::load(row + k * L);
    row += kTaps * L;
    int x = -kMargin;
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
#pragma GCC unroll 4
        for (int a = 0; a < R; a++) {
          V oldest = s[1] * across[a][11] + (s[0] * across[a][10] + sums[a][5]);
#pragma GCC unroll 5
          for (int k = 5; k > 0; k--)
            sums[a][k] = s[1] * across[a][2 * k - 1] + (s[0] * across[a][2 * k - 2] + sums[a][k - 1]);
          sums[a][0] = V{};
          if (!checked || (x >= 0 && x < columns)) Lane::store(to + (size_t(a) * columns + x) * L, oldest);
        }
      }
#pragma GCC unroll 6
      for (int k = 0; k < kTaps; k++) w[k] = w[k + 1];
    };
    while (x < 0) step(true);
    while (x + kPairs <= columns) step(false);
    while (x < columns) step(true);
  }

  // Output rows `y` and, where `both`, `y + 1`, out of the ring.
  template <class Out>
  void settle(int y, bool both, int channel, Out out) {
    const S* rows[kDownTaps + 2][R];
    for (int t = 0; t < kDownTaps + 2; t++)
      for (int a = 0; a < R; a++)
        rows[t][a] = ring + (size_t((2 * y + t) % kRing) * R + a) * columns * L;
    for (int x = 0; x < columns; x++) {
      V high[2 * R] = {}, low[2 * R] = {};  // each a chain of its own, for the latency of a sum
#pragma GCC unroll 4
      for (int a = 0; a < R; a++)
#pragma GCC unroll 14
        for (int t = 0; t < kDownTaps + 2; t++) {
          V row = Lane::load(rows[t][a] + size_t(x) * L);
          V &above = high[2 * a + t % 2], &below = low[2 * a + t % 2];
          if (t < kDownTaps) above = row * down[a][t] + above;
          if (t >= 2) below = row * down[a][t - 2] + below;
        }
#pragma GCC unroll 8
      for (int a = 1; a < 2 * R; a++) high[0] += high[a], low[0] += low[a];
      out(y, x0 + x, channel, high[0]);
      if (both) out(y + 1, x0 + x, channel, low[0]);
    }
  }

  // Rows `y0` (even) to `y1` of the channels from `channel` on.
  template <class Out>
  void paint(int channel, int y0, int y1, Out out) {
    const S* block = (const S*)op.in + (size_t(channel / kBlock) * op.in_rows * op.in_pitch) * kBlock +
                     channel % kBlock;
    for (int i = 2 * y0; i < 2 * y1 + 12; i += 4) {
      rise(block, i);
      for (int j = 0; j < 4; j++)
        fold(risen + size_t(j) * samples * L, ring + size_t((i + j) % kRing) * R * columns * L);
      int y = i / 2 - 6;
      if (y >= y0) settle(y, y + 1 < y1, channel, out);
    }
  }
};

}  // namespace filtered_lrelu
