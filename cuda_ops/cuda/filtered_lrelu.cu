// The filtered leaky ReLU in one pass: gain and bias, up-FIR, leaky ReLU, clamp, down-FIR, scale.
//
// Maps are channels-last, [height][width][slots], and a lane holds the channels of one 32-bit word.
// A block paints a strip of COLUMNS outputs, from its top to its bottom, ROWS input rows at a time:
//
//   input rows -> shared memory -> each worker's upsampled columns, whose vertical windows stay in
//   its registers all the way down: upsampled along both axes, activated, filtered and downsampled
//   vertically -> shared memory -> filtered and downsampled horizontally -> output rows.
//
// A worker is LANES neighbouring threads. An input row brings, of each column, the UP upsampled
// samples that are complete with it, so no filter's phase depends on the padding; what does is how
// many of the first ones lie before the strip (LEAD). A radial down-filter is a sum of RANK
// separable ones. Source of the operator: Karras et al. 2021, arXiv:2106.12423, section 3.2.
//
// The build defines: KIND, UP, RANK, LEAD, SKIP (whether there is one), LANES, COLUMNS, STEPS (input
// steps of a worker), ROWS, SEGMENT (outputs of a worker at a time), RESIDENT (blocks that a
// multiprocessor runs at once); and perhaps UP_TAPS, DOWN_TAPS, ACROSS_TAPS, SLOPE and LIMIT, whose
// numbers then stand in the instructions themselves and take no registers.
#include "numbers.cuh"

struct FilteredLrelu {
  const void* in;
  const void* skip;  // a smaller map that lies, mirrored, in the slots after those of `in`; or null
  void* out;
  const float *gain, *bias;  // by slot, of what is read
  const float* scale;        // by slot, of what is written
  int32 in_slots, in_height, in_width;
  int32 skip_slots, skip_height, skip_width, skip_margin;
  int32 out_height, out_width;
  int32 padding, strip_rows;
  uint32 slope, limit;  // as taps
  uint32 up[24], down[48], across[48];
};

namespace filtered_lrelu {

constexpr int kTaps = 6;       // of the up-filter for each sample
constexpr int kDownTaps = 12;  // of the down-filter, which keeps every second sample

CONSTANT int ceil_div(int a, int b) { return (a + b - 1) / b; }

// Rounded up, for negative numbers too.
DEVICE int ceil_quotient(int a, int b) { return a >= 0 ? (a + b - 1) / b : -((-a) / b); }

#if defined(UP_TAPS)
__device__ constexpr uint32 kUp[] = {UP_TAPS}, kDown[] = {DOWN_TAPS}, kAcross[] = {ACROSS_TAPS};
#define UP_OF(op) kUp
#define DOWN_OF(op) kDown
#define ACROSS_OF(op) kAcross
#define SLOPE_OF(op) SLOPE
#define LIMIT_OF(op) LIMIT
#else
#define UP_OF(op) op.up
#define DOWN_OF(op) op.down
#define ACROSS_OF(op) op.across
#define SLOPE_OF(op) op.slope
#define LIMIT_OF(op) op.limit
#endif

template <class Kind, int up, int rank, int lead, int lanes, int columns, int steps, int rows, int segment>
struct Strip {
  typedef typename Kind::Value Value;
  typedef typename Kind::Stored Stored;

  static constexpr int fine = 2 * columns + kDownTaps - 2;               // upsampled columns
  static constexpr int workers = ceil_div(ceil_div(lead + fine, up), steps);
  static constexpr int threads = ceil_div(workers * lanes, 32) * 32;
  static constexpr int kept = up * steps;                                // columns of a worker
  static constexpr int raw = workers * steps + kTaps - 1;                // input columns
  static constexpr int fetched = ceil_div(raw, workers);                 // of them, by a worker
  static constexpr int settled = rows * up / 2;                          // output rows at a time
  // Odd, so that neighbouring workers of a warp reach different banks.
  static constexpr int raw_pitch = raw | 1, fine_pitch = (workers * kept) | 1;
  static constexpr int reach = 2 * segment + kDownTaps - 2;
  static constexpr int memory = rank == 1 ? kTaps : kDownTaps;           // of the down-filter
  // Rows completed before the first of the strip: under the down-filter, and under the up-filter.
  static constexpr int early = (lead + kDownTaps - 1) / 2 + (kTaps - 1) * up / 2;
  static constexpr int segments = columns / segment;
  static_assert(columns % segment == 0, "segments fill a strip");

  const FilteredLrelu& op;
  int lane, worker, slot;
  bool paints;           // whether there are such channels
  int first_row;         // of the input
  int y0, y1, x0;        // of the output
  Value gain, bias;
  const Stored* from;
  int row_words, at[fetched];  // where a worker's input columns lie in a row; negative: nowhere
  Value *input, *fallen;       // shared
  Stored coming[rows][fetched];

  DEVICE Strip(const FilteredLrelu& op, Value* shared) : op(op) {
    lane = threadIdx.x % lanes;
    worker = threadIdx.x / lanes;
    slot = (blockIdx.z * lanes + lane) * Kind::channels;
    paints = slot < op.in_slots + op.skip_slots;
    x0 = blockIdx.x * columns;
    y0 = blockIdx.y * op.strip_rows;
    y1 = y0 + op.strip_rows < op.out_height ? y0 + op.strip_rows : op.out_height;
    first_row = ceil_quotient(2 * y0 - op.padding, up);
    gain = paints ? Kind::by_channel(op.gain + slot) : Kind::none();
    bias = paints ? Kind::by_channel(op.bias + slot) : Kind::none();
    input = shared;
    fallen = shared + rows * raw_pitch * lanes;
    from = (const Stored*)op.in + slot / Kind::channels;
    row_words = op.in_width * (op.in_slots / Kind::channels);
    if (reads_skip()) {
      from = (const Stored*)op.skip + (slot - op.in_slots) / Kind::channels;
      row_words = op.skip_width * (op.skip_slots / Kind::channels);
    }
    const int first = ceil_quotient(2 * x0 - op.padding, up);
    UNROLL for (int each = 0; each < fetched; each++) at[each] = place(worker + each * workers, first);
  }

  DEVICE bool reads_skip() const { return SKIP && slot >= op.in_slots; }

  // Where input column `x` of the strip lies in its row.
  DEVICE int place(int x, int first) const {
    if (!paints || x >= raw || uint32(first + x) >= uint32(op.in_width)) return -1;
    if (!reads_skip()) return (first + x) * (op.in_slots / Kind::channels);
    return mirrored(first + x - op.skip_margin, op.skip_width) * (op.skip_slots / Kind::channels);
  }

  // Ask for `rows` rows; they may be under way for as long as nobody looks.
  DEVICE void fetch(int row) {
    UNROLL for (int y = 0; y < rows; y++) {
      const bool inside = uint32(row + y) < uint32(op.in_height);
      const int line = reads_skip() ? mirrored(row + y - op.skip_margin, op.skip_height) : row + y;
      const Stored* const begin = from + (inside ? int64(line) * row_words : 0);
      UNROLL for (int each = 0; each < fetched; each++)
        coming[y][each] = inside && at[each] >= 0 ? begin[at[each]] : Stored();
    }
  }

  // Put what was asked for where all workers see it.
  DEVICE void land(int row) {
    UNROLL for (int y = 0; y < rows; y++) {
      const bool inside = uint32(row + y) < uint32(op.in_height);
      UNROLL for (int each = 0; each < fetched; each++) {
        const int x = worker + each * workers;
        Value value = Kind::none();
        if (inside && at[each] >= 0) value = mul_add(Kind::load(coming[y][each]), gain, bias);
        if (x < raw) input[(y * raw_pitch + x) * lanes + lane] = value;
      }
    }
  }

  // What a worker remembers of each of its columns.
  struct Column {
    Value window[kTaps], state[memory];
  };

  DEVICE static Value resampled(const uint32* taps, int phase, const Value* window) {
    Value sum = mul(window[0], Kind::tap(taps[up * (kTaps - 1) + phase]));
    UNROLL for (int k = 1; k < kTaps; k++)
      sum = mul_add(window[k], Kind::tap(taps[up * (kTaps - 1 - k) + phase]), sum);
    return sum;
  }

  DEVICE Value activated(Value x) const {
    x = larger(x, mul(x, Kind::tap(SLOPE_OF(op))));
    return larger(smaller(x, Kind::tap(LIMIT_OF(op))), Kind::tap(LIMIT_OF(op) ^ Kind::signs));
  }

  // One more sample of a column; where it is `odd`, the output row that ends in it, at `to`.
  //
  // One product: the state is the sums of the rows that the sample belongs to, the newest first.
  // Several, whose filters are all symmetric: the last samples, of which pairs are added once.
  DEVICE void settle(Column& column, Value sample, bool odd, Value* to) const {
    if constexpr (rank == 1) {
      Value* sums = column.state;
      if (!odd) {
        sums[0] = mul(sample, tap(DOWN_OF(op), 0, 0));
        UNROLL for (int k = 1; k < kTaps; k++) sums[k] = mul_add(sample, tap(DOWN_OF(op), 0, 2 * k), sums[k]);
        return;
      }
      *to = mul_add(sample, tap(DOWN_OF(op), 0, kDownTaps - 1), sums[kTaps - 1]);
      UNROLL for (int k = kTaps - 1; k > 0; k--)
        sums[k] = mul_add(sample, tap(DOWN_OF(op), 0, 2 * k - 1), sums[k - 1]);
    } else {
      UNROLL for (int k = 0; k < memory - 1; k++) column.state[k] = column.state[k + 1];
      column.state[memory - 1] = sample;
      if (!odd) return;
      Value pairs[kTaps];
      UNROLL for (int k = 0; k < kTaps; k++) pairs[k] = add(column.state[k], column.state[kDownTaps - 1 - k]);
      UNROLL for (int a = 0; a < rank; a++) {
        Value sum = mul(pairs[0], tap(DOWN_OF(op), a, 0));
        UNROLL for (int k = 1; k < kTaps; k++) sum = mul_add(pairs[k], tap(DOWN_OF(op), a, k), sum);
        to[a * fine_pitch * lanes] = sum;
      }
    }
  }

  // Tap `t` from the oldest sample on, of one separable part.
  DEVICE static typename Kind::Tap tap(const uint32* taps, int part, int t) {
    return Kind::tap(taps[part * kDownTaps + kDownTaps - 1 - t]);
  }

  // A worker's columns go down `rows` input rows. The first of all only fill the windows.
  DEVICE void fall(Column* columns_of, int done) {
    UNROLL for (int row = 0; row < rows; row++) {
      Value near[steps + kTaps - 1];
      UNROLL for (int k = 0; k < steps + kTaps - 1; k++)
        near[k] = input[(row * raw_pitch + worker * steps + k) * lanes + lane];
      UNROLL for (int each = 0; each < kept; each++) {
        Value* const window = columns_of[each].window;
        UNROLL for (int k = 0; k < kTaps - 1; k++) window[k] = window[k + 1];
        window[kTaps - 1] = resampled(UP_OF(op), each % up, near + each / up);
      }
      if (done + row < kTaps - 1) continue;
      UNROLL for (int each = 0; each < kept; each++) rise(columns_of[each], row, each);
    }
  }

  // The samples of a worker's column that are complete with an input row.
  DEVICE void rise(Column& column, int row, int each) {
    UNROLL for (int phase = 0; phase < up; phase++) {
      const int sample = row * up + phase, line = sample / 2 * rank;
      const Value value = activated(resampled(UP_OF(op), phase, column.window));
      Value* const to = fallen + (line * fine_pitch + worker * kept + each) * lanes + lane;
      settle(column, value, (sample + lead) % 2, to);
    }
  }

  // Write the output rows from `y` on, as far as they belong to the strip.
  DEVICE void paint(int y) {
    for (int item = worker; item < settled * segments; item += workers) {
      const int row = item / segments, begin = item % segments * segment;
      if (y + row < y0 || y + row >= y1 || !paints) continue;
      Value sums[segment];
      UNROLL for (int j = 0; j < segment; j++) sums[j] = Kind::none();
      UNROLL for (int a = 0; a < rank; a++) {
        const Value* line = fallen + ((row * rank + a) * fine_pitch + lead + 2 * begin) * lanes + lane;
        UNROLL for (int t = 0; t < reach; t++) {
          const Value value = line[t * lanes];
          UNROLL for (int j = 0; j < segment; j++)
            if (t >= 2 * j && t < 2 * j + kDownTaps) sums[j] = mul_add(value, tap(ACROSS_OF(op), a, t - 2 * j), sums[j]);
        }
      }
      write(y + row, x0 + begin, sums);
    }
  }

  DEVICE void write(int y, int x, const Value* sums) {
    const int words = (op.in_slots + op.skip_slots) / Kind::channels;
    Stored* to = (Stored*)op.out + (uint64(y) * op.out_width + x) * words + slot / Kind::channels;
    const Value scale = Kind::by_channel(op.scale + slot);
    UNROLL for (int j = 0; j < segment; j++)
      if (x + j < op.out_width) to[j * words] = Kind::store(mul(sums[j], scale));
  }

  DEVICE void run() {
    Column mine[kept];
    UNROLL for (int each = 0; each < kept; each++) {
      UNROLL for (int k = 0; k < kTaps; k++) mine[each].window[k] = Kind::none();
      UNROLL for (int k = 0; k < memory; k++) mine[each].state[k] = Kind::none();
    }
    const bool works = worker < workers;
    const int all = early + y1 - y0;  // rows that are completed, the early ones included
    if (works) fetch(first_row);
    if (works) land(first_row);
    for (int done = 0, ready = 0; ready < all; done += rows, ready += settled) {
      __syncthreads();
      if (works) {
        fetch(first_row + done + rows);
        fall(mine, done);
      }
      __syncthreads();
      if (works) {
        land(first_row + done + rows);
        paint(y0 + ready - early);
      }
    }
  }
};

}  // namespace filtered_lrelu

typedef filtered_lrelu::Strip<KIND, UP, RANK, LEAD, LANES, COLUMNS, STEPS, ROWS, SEGMENT> OurStrip;

KERNEL(filtered_lrelu_kernel, FilteredLrelu, OurStrip::threads, RESIDENT) {
  SHARED_MEMORY(KIND::Value, shared);
  OurStrip(op, shared).run();
}
