// What is done to whole maps pixel by pixel, one 32-bit word of channels a thread, in single
// precision. Maps are channels-last, [height][width][slots].
//
// The build defines KIND: WideHalfKind, BfloatKind or SingleKind.
#include "pixels.cuh"

struct Finish {
  const void* in;
  void* out;                        // null: only the second is wanted
  const float *gain, *bias;         // by slot; null: 1, 0
  const void* branch;               // a map that is added; null: none
  void* second;                     // another `out`; null: none
  const float *second_gain, *second_bias;
  int32 slots, pixels;
  float slope, limit, branch_slope;
};

struct Mirror {
  const void* in;
  void* out;
  const float* gain;  // by slot
  int32 slots, in_height, in_width, out_height, out_width, margin;
};

struct Waves {
  const float *freqs, *phases, *amplitudes;  // [channels][2], [channels], [channels]
  void* out;
  int32 channels, slots, height, width;
  float rate;  // samples per picture height
};

struct Paint {
  const void* in;
  float* out;               // [channels][pixels]
  const float *gain, *bias;  // by slot
  int32 slots, channels, pixels;
  float limit, scale;
};

struct Pack {
  const float* in;  // [channels][pixels]
  void* out;
  int32 slots, channels, pixels;
};

using namespace pixels;

DEVICE Single2 clamped(Single2 x, float limit) { return larger(smaller(x, limit), -limit); }

// What follows a convolution: gain, bias, leaky ReLU, clamp, a branch and its leaky ReLU; and the
// same once more with the gain and bias of whoever reads it next.
KERNEL(finish_kernel, Finish, kThreads, 1) {
  const int64 at = item();
  if (at >= int64(op.pixels) * words(op.slots)) return;
  const int slot = int(at % words(op.slots)) * KIND::channels;
  Single2 x = mul_add(load(op.in, at), by_slot(op.gain, slot, 1), by_slot(op.bias, slot, 0));
  x = clamped(larger(x, mul(x, op.slope)), op.limit);
  if (op.branch) {
    x = add(x, load(op.branch, at));
    x = larger(x, mul(x, op.branch_slope));
  }
  if (op.out) store(op.out, at, x);
  if (op.second) store(op.second, at, mul_add(x, by_slot(op.second_gain, slot, 1), by_slot(op.second_bias, slot, 0)));
}

// Mirrored beyond the borders, and scaled.
KERNEL(mirror_kernel, Mirror, kThreads, 1) {
  const int64 at = item();
  const int row = op.out_width * words(op.slots);
  if (at >= int64(op.out_height) * row) return;
  const int word = int(at % words(op.slots));
  const int y = mirrored(int(at / row) - op.margin, op.in_height);
  const int x = mirrored(int(at % row) / words(op.slots) - op.margin, op.in_width);
  const int64 from = (int64(y) * op.in_width + x) * words(op.slots) + word;
  store(op.out, at, mul(load(op.in, from), by_slot(op.gain, word * KIND::channels, 1)));
}

// Sine waves about the middle of the map. Source: arXiv:2106.12423, appendix F.
DEVICE float wave(const Waves& op, int channel, float x, float y) {
  if (channel >= op.channels) return 0;
  const float turns = fmaf(op.freqs[2 * channel], x, fmaf(op.freqs[2 * channel + 1], y, op.phases[channel]));
  return sinpif(2 * (turns - rintf(turns))) * op.amplitudes[channel];
}

KERNEL(waves_kernel, Waves, kThreads, 1) {
  const int64 at = item();
  const int row = op.width * words(op.slots);
  if (at >= int64(op.height) * row) return;
  const int channel = int(at % words(op.slots)) * KIND::channels;
  const float x = (int(at % row) / words(op.slots) + 0.5f - 0.5f * op.width) / op.rate;
  const float y = (int(at / row) + 0.5f - 0.5f * op.height) / op.rate;
  store(op.out, at, {wave(op, channel, x, y), KIND::channels == 2 ? wave(op, channel + 1, x, y) : 0});
}

// The first channels of a map as plain planes of single precision.
KERNEL(paint_kernel, Paint, kThreads, 1) {
  const int64 pixel = item();
  if (pixel >= op.pixels) return;
  for (int c = 0; c < op.channels; c += KIND::channels) {
    Single2 x = load(op.in, pixel * words(op.slots) + c / KIND::channels);
    x = mul_add(x, by_slot(op.gain, c, 1), by_slot(op.bias, c, 0));
    x = mul(clamped(x, op.limit), op.scale);
    op.out[int64(c) * op.pixels + pixel] = x.x;
    if (KIND::channels == 2 && c + 1 < op.channels) op.out[int64(c + 1) * op.pixels + pixel] = x.y;
  }
}

// Plain planes as the first channels of a map.
KERNEL(pack_kernel, Pack, kThreads, 1) {
  const int64 pixel = item();
  if (pixel >= op.pixels) return;
  for (int c = 0; c < op.slots; c += KIND::channels) {
    const float first = c < op.channels ? op.in[int64(c) * op.pixels + pixel] : 0;
    const bool has_next = KIND::channels == 2 && c + 1 < op.channels;
    const float next = has_next ? op.in[int64(c + 1) * op.pixels + pixel] : 0;
    store(op.out, pixel * words(op.slots) + c / KIND::channels, {first, next});
  }
}
