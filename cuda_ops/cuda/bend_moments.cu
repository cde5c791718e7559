// Mean and deviation of each channel, and what makes them others: scale and shift.
//
// The build defines KIND as in maps.cu.
#include "bends.cuh"

// The mean of each row, and its squares about that: [height][2][slots].
struct Rows {
  const void* in;
  float* rows;
  int32 slots, height, width;
};

struct Moments {
  const float* rows;
  const float *mean, *deviation;  // that are wanted, by slot
  float *scale, *shift;           // by slot
  int32 slots, height, width;
  float least;                    // that a deviation is taken for
};

using namespace bends;

// A thread has a word of a whole row. Differences from its first pixel are small where it varies
// little, so that their squares cancel nothing.
KERNEL(rows_kernel, Rows, kThreads, 1) {
  const int word = blockIdx.x * kThreads + threadIdx.x, y = blockIdx.y;
  if (word >= words(op.slots)) return;
  const int64 begin = int64(y) * op.width * words(op.slots) + word;
  const Single2 first = load(op.in, begin);
  Single2 sum = {0, 0}, squares = {0, 0};
  for (int x = 1; x < op.width; x++) {
    const Single2 far = add(load(op.in, begin + int64(x) * words(op.slots)), mul(first, -1));
    sum = add(sum, far);
    squares = mul_add(far, far, squares);
  }
  const Single2 mean = mul(sum, 1.0f / op.width);
  const Single2 about = add(squares, mul(mul(sum, mean), -1));
  float* const to = op.rows + int64(2 * y) * op.slots + word * KIND::channels;
  to[0] = first.x + mean.x, to[op.slots] = fmaxf(about.x, 0);
  if (KIND::channels == 2) to[1] = first.y + mean.y, to[op.slots + 1] = fmaxf(about.y, 0);
}

constexpr int kWarp = 32;

// A warp has a slot.
KERNEL(moments_kernel, Moments, kThreads, 1) {
  const int lane = threadIdx.x % kWarp, own = blockIdx.x * (kThreads / kWarp) + threadIdx.x / kWarp;
  const int slot = own < op.slots ? own : 0;  // all of a block sum up
  float sum = 0, squares = 0;
  for (int y = lane; y < op.height; y += kWarp) sum += op.rows[int64(2 * y) * op.slots + slot];
  const float mean = numbers::sum_of_warp(sum) / op.height;
  for (int y = lane; y < op.height; y += kWarp) {
    const float* const row = op.rows + int64(2 * y) * op.slots + slot;
    squares += row[op.slots] + op.width * (row[0] - mean) * (row[0] - mean);
  }
  squares = numbers::sum_of_warp(squares);
  if (own >= op.slots || lane > 0) return;
  const float deviation = sqrtf(squares / op.height / op.width);
  op.scale[slot] = op.deviation[slot] / fmaxf(deviation, op.least);
  op.shift[slot] = op.mean[slot] - mean * op.scale[slot];
}
