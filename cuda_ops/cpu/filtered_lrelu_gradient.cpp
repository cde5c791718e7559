// The gradient of the filtered leaky ReLU towards its input, in one pass.
//
// It is the operator's transpose at what lay between its filters. `factor` rows of the finer grid
// are made at a time, one register of channels at a time:
//
//   7 rows of the input, some of the output's gradient -> upsampled vertically, each in its own way
//   -> along themselves: both upsampled, the one says what passes of the other, downsampled
//   -> added to the 7 rows of the result that they belong to, of which one is finished then.
//
// Groups of rows begin where the up-filter's first phase does, so that its padding shifts them and
// no more. The down-filter's phase is then whether that padding is odd.
#include "program.h"
#include "vectors.h"
#include "workspace.h"

namespace {

constexpr int kTaps = 6;        // of either filter on each of its phases
constexpr int kWindow = 7;      // inputs under the samples that one step brings
constexpr int kMargin = 6;      // steps before the first input
constexpr int kDownTaps = 12;
constexpr int kStripRows = 64;  // a strip makes 6 steps more than it writes

int strips(const FilteredLreluGradient& op) { return (op.in_height + kStripRows - 1) / kStripRows; }
int blocks(const FilteredLreluGradient& op) { return (op.channels + kBlock - 1) / kBlock; }

template <int U, int Odd, int R>
struct Tile {
  using Lane = Vector<float>;
  using V = Lane::type;
  static constexpr int L = Lane::lanes;
  static constexpr int kStep = U / 2;                          // gradients that one step passes
  static constexpr int kGradWindow = kTaps + (U - 1 + Odd) / 2;

  const FilteredLreluGradient& op;
  const float *in, *grad;  // of these channels
  float* out;
  int shift;               // gradients before the input's first, but for those the filter reaches
  int columns, steps, grad_columns;
  V up[U][kTaps], across[R][kDownTaps], down[R][kDownTaps];
  float *risen, *risen_grad, *fallen, *ring;

  Tile(const FilteredLreluGradient& step, int block, int group, float* scratch) : op(step) {
    in = (const float*)op.in + place(block, op.in_rows, op.in_pitch) + group * L;
    out = (float*)op.out + place(block, op.in_rows, op.in_pitch) + group * L;
    grad = (const float*)op.grad + place(block, op.grad_rows, op.grad_pitch) + group * L;
    shift = (op.padding - Odd) / 2 - 5;
    columns = op.in_width;
    steps = columns + kMargin;
    grad_columns = count_of_gradients(columns);
    risen = scratch;
    risen_grad = risen + size_t(U) * (steps + kMargin) * L;
    fallen = risen_grad + size_t(R) * U * grad_columns * L;
    ring = fallen + size_t(U) * columns * L;
    for (int s = 0; s < U; s++)
      for (int k = 0; k < kTaps; k++)
        up[s][k] = Lane::all(op.up[s + 6 * U - 1 - U * (first_input(s) + k)]);
    for (int a = 0; a < R; a++)
      for (int t = 0; t < kDownTaps; t++) {
        across[a][t] = Lane::all(op.across[a * kDownTaps + t]);
        down[a][t] = Lane::all(op.down[a * kDownTaps + t]);
      }
  }

  static size_t place(int block, int rows, int pitch) { return size_t(block) * rows * pitch * kBlock; }
  static int count_of_gradients(int columns) { return kStep * (columns + kMargin - 1) + kGradWindow; }

  static size_t bytes(int columns) {
    const size_t inputs = size_t(U) * (columns + 2 * kMargin), results = size_t(U + kWindow) * columns;
    return (inputs + size_t(R) * U * count_of_gradients(columns) + results) * L * sizeof(float);
  }

  // Which of a step's inputs, and of its gradients, sample `s` reads first.
  static constexpr int first_input(int s) { return s > 0; }
  static constexpr int first_gradient(int s) { return (s + Odd) / 2; }
  static constexpr int tap(int s, int k) { return 1 - Odd - s + 2 * (first_gradient(s) + k); }

  // The inputs of step `q` upsampled vertically, zeros on both sides.
  void rise(int q) {
    const float* rows[kWindow];
    for (int k = 0; k < kWindow; k++)
      rows[k] = unsigned(q + k) < unsigned(op.in_height) ? in + size_t(q + k) * op.in_pitch * kBlock : nullptr;
    for (int x = 0; x < columns; x++) {
      V w[kWindow];
#pragma GCC unroll 7
      for (int k = 0; k < kWindow; k++) w[k] = rows[k] ? Lane::load(rows[k] + size_t(x) * kBlock) : V{};
#pragma GCC unroll 4
      for (int s = 0; s < U; s++) {
        V sum = w[first_input(s)] * up[s][0];
#pragma GCC unroll 5
        for (int k = 1; k < kTaps; k++) sum = w[first_input(s) + k] * up[s][k] + sum;
        Lane::store(risen + (size_t(s) * (steps + kMargin) + kMargin + x) * L, sum);
      }
    }
  }

  // The gradients under step `q` upsampled vertically, once for each product.
  void rise_gradient(int q) {
    const float* rows[kGradWindow];
    for (int k = 0; k < kGradWindow; k++) {
      const int row = kStep * q + shift + k;
      rows[k] = unsigned(row) < unsigned(op.grad_height) ? grad + size_t(row) * op.grad_pitch * kBlock : nullptr;
    }
    const int before = shift - kStep * kMargin;  // the gradient at the first column
    for (int x = 0; x < grad_columns; x++) {
      const bool inside = unsigned(before + x) < unsigned(op.grad_width);
      V w[kGradWindow];
#pragma GCC unroll 8
      for (int k = 0; k < kGradWindow; k++)
        w[k] = inside && rows[k] ? Lane::load(rows[k] + ptrdiff_t(before + x) * kBlock) : V{};
#pragma GCC unroll 4
      for (int a = 0; a < R; a++)
#pragma GCC unroll 4
        for (int s = 0; s < U; s++) {
          V sum = w[first_gradient(s)] * down[a][tap(s, 0)];
#pragma GCC unroll 5
          for (int k = 1; k < kTaps; k++) sum = w[first_gradient(s) + k] * down[a][tap(s, k)] + sum;
          Lane::store(risen_grad + (size_t(a * U + s) * grad_columns + x) * L, sum);
        }
    }
  }

  // What passes of a gradient where the leaky ReLU and its clamp saw `x`.
  INLINE V pulled(V gradient, V x, V slope, V high) const {
    const V y = Lane::max(x, x * slope), passed = x > V{} ? gradient : gradient * slope;
    return (y > high) | (y < -high) ? V{} : passed;
  }

  // Row `row` of a step along itself: up, pulled back, down.
  void fold(int row) {
    const V slope = Lane::all(op.slope), high = Lane::all(op.clamp);
    const float* from = risen + size_t(row) * (steps + kMargin) * L;
    const float* gradients[R];
    for (int a = 0; a < R; a++) gradients[a] = risen_grad + size_t(a * U + row) * grad_columns * L;
    float* to = fallen + size_t(row) * columns * L;
    V state[kWindow] = {};
    for (int q = 0; q < steps; q++) {
      V w[kWindow], samples[U];
#pragma GCC unroll 7
      for (int k = 0; k < kWindow; k++) w[k] = Lane::load(from + size_t(q + k) * L);
#pragma GCC unroll 4
      for (int s = 0; s < U; s++) {
        V x = w[first_input(s)] * up[s][0], sum = V{};
#pragma GCC unroll 5
        for (int k = 1; k < kTaps; k++) x = w[first_input(s) + k] * up[s][k] + x;
#pragma GCC unroll 4
        for (int a = 0; a < R; a++)
#pragma GCC unroll 6
          for (int k = 0; k < kTaps; k++)
            sum = Lane::load(gradients[a] + size_t(kStep * q + first_gradient(s) + k) * L) * across[a][tap(s, k)] + sum;
        samples[s] = pulled(sum, x, slope, high);
      }
#pragma GCC unroll 4
      for (int s = 0; s < U; s++)
#pragma GCC unroll 6
        for (int k = 0; k < kTaps; k++) {
          V& sum = state[first_input(s) + k];
          sum = samples[s] * up[s][k] + sum;
        }
      if (q >= kMargin) Lane::store(to + size_t(q - kMargin) * L, state[0]);
#pragma GCC unroll 6
      for (int k = 0; k + 1 < kWindow; k++) state[k] = state[k + 1];
      state[kWindow - 1] = V{};
    }
  }

  // The rows of step `q`, added to those of the result from `begin` to `end`.
  void fall(int q, int begin, int end) {
    float* rows[kWindow];
    for (int k = 0; k < kWindow; k++)
      rows[k] = q + k >= begin && q + k < end ? ring + size_t((q + k) % kWindow) * columns * L : nullptr;
    float* finished = rows[0] ? out + size_t(q) * op.in_pitch * kBlock : nullptr;
    for (int x = 0; x < columns; x++) {
      V samples[U];
#pragma GCC unroll 4
      for (int s = 0; s < U; s++) samples[s] = Lane::load(fallen + (size_t(s) * columns + x) * L);
#pragma GCC unroll 7
      for (int k = 0; k < kWindow; k++) {
        if (!rows[k]) continue;
        V sum = k + 1 < kWindow ? Lane::load(rows[k] + size_t(x) * L) : V{};
#pragma GCC unroll 4
        for (int s = 0; s < U; s++) {
          const int t = k - first_input(s);
          if (t >= 0 && t < kTaps) sum = samples[s] * up[s][t] + sum;
        }
        k ? Lane::store(rows[k] + size_t(x) * L, sum) : Lane::store(finished + size_t(x) * kBlock, sum);
      }
    }
  }

  void paint(int begin, int end) {
    memset(risen, 0, size_t(U) * (steps + kMargin) * L * sizeof(float));
    for (int q = begin - kMargin; q < end; q++) {
      rise(q);
      rise_gradient(q);
      for (int row = 0; row < U; row++) fold(row);
      fall(q, begin, end);
    }
  }
};

template <int U, int Odd, int R>
void paint(const FilteredLreluGradient& op, int block, int begin, int end) {
  using Each = Tile<U, Odd, R>;
  float* scratch = (float*)workspace(Each::bytes(op.in_width));
  const int left = op.channels - block * kBlock, channels = left < kBlock ? left : kBlock;
  for (int group = 0; group * Each::L < channels; group++) Each(op, block, group, scratch).paint(begin, end);
}

template <int U, int Odd>
void paint_rank(const FilteredLreluGradient& op, int block, int begin, int end) {
  switch (op.rank) {
    case 1: return paint<U, Odd, 1>(op, block, begin, end);
    case 2: return paint<U, Odd, 2>(op, block, begin, end);
    case 3: return paint<U, Odd, 3>(op, block, begin, end);
    case 4: return paint<U, Odd, 4>(op, block, begin, end);
  }
}

}  // namespace

int tasks(const FilteredLreluGradient& op) { return blocks(op) * strips(op); }

void run(const FilteredLreluGradient& op, int task) {
  const int block = task % blocks(op), strip = task / blocks(op), all = strips(op);
  const int begin = int(int64_t(op.in_height) * strip / all), end = int(int64_t(op.in_height) * (strip + 1) / all);
  const bool odd = op.padding & 1;
  if (op.factor == 2)
    odd ? paint_rank<2, 1>(op, block, begin, end) : paint_rank<2, 0>(op, block, begin, end);
  else
    odd ? paint_rank<4, 1>(op, block, begin, end) : paint_rank<4, 0>(op, block, begin, end);
}
