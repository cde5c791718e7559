// Upsampling by zeros, FIR filter, downsampling: one output a thread, any layout in memory.
// The build defines ELEMENT: Whole (float), Half or Bfloat. Source: Karras et al. 2020,
// arXiv:1912.04958.
#include "numbers.cuh"

struct Upfirdn2d {
  const void* in;
  void* out;
  const float* taps;  // [tap_rows][tap_columns], as they correlate, gain included
  int64 in_strides[4], out_strides[4];  // of samples, channels, rows, columns, in elements
  int64 count;                          // of outputs
  int32 channels, in_height, in_width, out_height, out_width;
  int32 up_x, up_y, down_x, down_y, low_x, low_y;
  int32 tap_rows, tap_columns;
  int32 channels_last;  // whether neighbouring threads take neighbouring channels
};

namespace upfirdn2d {

constexpr int kThreads = 256;

struct Whole {
  typedef float Stored;
  static DEVICE float load(float x) { return x; }
  static DEVICE float store(float x) { return x; }
};

struct Half {
  typedef uint16 Stored;
  static DEVICE float load(uint16 x) { return numbers::of_half(x); }
  static DEVICE uint16 store(float x) { return uint16(numbers::halves_of(x, 0)); }
};

struct Bfloat {
  typedef uint16 Stored;
  static DEVICE float load(uint16 x) { return numbers::float_of(uint32(x) << 16); }
  static DEVICE uint16 store(float x) { return uint16(numbers::rounded_to_bfloat(x) >> 16); }
};

struct Place {
  int sample, channel, y, x;
};

DEVICE Place place(const Upfirdn2d& op, int64 at) {
  Place p;
  if (op.channels_last) {
    p.channel = int(at % op.channels);
    at /= op.channels;
  }
  p.x = int(at % op.out_width);
  at /= op.out_width;
  p.y = int(at % op.out_height);
  at /= op.out_height;
  if (!op.channels_last) {
    p.channel = int(at % op.channels);
    at /= op.channels;
  }
  p.sample = int(at);
  return p;
}

// The first tap, from `begin` on, under which a sample lies and no inserted zero.
DEVICE int first_tap(int begin, int low, int up) {
  const int rest = (low - begin) % up;
  return rest < 0 ? rest + up : rest;
}

}  // namespace upfirdn2d

using namespace upfirdn2d;

KERNEL(upfirdn2d_kernel, Upfirdn2d, kThreads, 1) {
  const int64 at = int64(blockIdx.x) * kThreads + threadIdx.x;
  if (at >= op.count) return;
  const Place p = place(op, at);
  const ELEMENT::Stored* const in =
      (const ELEMENT::Stored*)op.in + p.sample * op.in_strides[0] + p.channel * op.in_strides[1];
  const int top = p.y * op.down_y, left = p.x * op.down_x;
  float sum = 0;
  for (int i = first_tap(top, op.low_y, op.up_y); i < op.tap_rows; i += op.up_y) {
    const int y = (top + i - op.low_y) / op.up_y;
    if (top + i < op.low_y || y >= op.in_height) continue;
    for (int j = first_tap(left, op.low_x, op.up_x); j < op.tap_columns; j += op.up_x) {
      const int x = (left + j - op.low_x) / op.up_x;
      if (left + j < op.low_x || x >= op.in_width) continue;
      sum = fmaf(ELEMENT::load(in[y * op.in_strides[2] + x * op.in_strides[3]]),
                 op.taps[i * op.tap_columns + j], sum);
    }
  }
  ((ELEMENT::Stored*)op.out)[p.sample * op.out_strides[0] + p.channel * op.out_strides[1] +
                             p.y * op.out_strides[2] + p.x * op.out_strides[3]] = ELEMENT::store(sum);
}
