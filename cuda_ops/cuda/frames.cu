// Between pictures, [3][height][width] of single precision in -1 … 1, and the bytes of frames; and
// the grade that a picture gets last.
#include "numbers.cuh"

struct Frame {
  const float* in;
  uint8* out;
  int32 height, width;
};

struct Footage {
  const uint8* in;  // [height][width][3], red first
  float* out;
  int32 height, width;
};

struct Levels {
  const float* in;
  float* out;
  const float* amounts;  // black, white, gamma, gain, saturation
  int32 height, width;
};

namespace frames {

constexpr int kThreads = 256;

DEVICE int64 item() { return int64(blockIdx.x) * kThreads + threadIdx.x; }

// Rounded half up, in 0 … 255.
DEVICE float level(float x) { return fminf(fmaxf(fmaf(x, 127.5f, 128.0f), 0), 255); }

DEVICE uint32 four(float a, float b, float c, float d) {
  return uint32(a) | uint32(b) << 8 | uint32(c) << 16 | uint32(d) << 24;
}

struct Colour {
  float red, green, blue;
};

template <class Op>
DEVICE Colour colour(const Op& op, int64 pixel) {
  const int64 plane = int64(op.height) * op.width;
  return {op.in[pixel], op.in[plane + pixel], op.in[2 * plane + pixel]};
}

// ITU-R BT.709, limited range. Brightness and colours of 0 … 1; the latter about 128.
DEVICE float brightness(Colour c) { return 0.2126f * c.red + 0.7152f * c.green + 0.0722f * c.blue; }

DEVICE Colour unit(Colour c) {
  return {fminf(fmaxf(fmaf(c.red, 0.5f, 0.5f), 0), 1), fminf(fmaxf(fmaf(c.green, 0.5f, 0.5f), 0), 1),
          fminf(fmaxf(fmaf(c.blue, 0.5f, 0.5f), 0), 1)};
}

// Light of 0 … 1, black and white stretched to the ends, and its gamma.
DEVICE float stretched(float x, const float* amounts) {
  const float black = amounts[0], white = amounts[1], gamma = amounts[2];
  const float light = (fmaf(x, 0.5f, 0.5f) - black) / fmaxf(white - black, 1.0f / 255);
  return gamma == 1 ? light : powf(fmaxf(light, 0), 1 / gamma);
}

}  // namespace frames

using namespace frames;

KERNEL(rgba_kernel, Frame, kThreads, 1) {
  const int64 at = item();
  if (at >= int64(op.height) * op.width) return;
  const Colour c = colour(op, at);
  ((uint32*)op.out)[at] = four(level(c.red), level(c.green), level(c.blue), 255);
}

KERNEL(bgra_kernel, Frame, kThreads, 1) {
  const int64 at = item();
  if (at >= int64(op.height) * op.width) return;
  const Colour c = colour(op, at);
  ((uint32*)op.out)[at] = four(level(c.blue), level(c.green), level(c.red), 255);
}

// Two pixels a thread, which share their colour; the width is even.
KERNEL(uyvy_kernel, Frame, kThreads, 1) {
  const int64 at = item();
  if (at >= int64(op.height) * op.width / 2) return;
  const Colour a = unit(colour(op, 2 * at)), b = unit(colour(op, 2 * at + 1));
  const Colour both = {(a.red + b.red) / 2, (a.green + b.green) / 2, (a.blue + b.blue) / 2};
  const float grey = brightness(both);
  const float u = fmaf((both.blue - grey) / 1.8556f, 224, 128.5f);
  const float v = fmaf((both.red - grey) / 1.5748f, 224, 128.5f);
  ((uint32*)op.out)[at] = four(u, fmaf(brightness(a), 219, 16.5f), v, fmaf(brightness(b), 219, 16.5f));
}

KERNEL(footage_kernel, Footage, kThreads, 1) {
  const int64 at = item(), plane = int64(op.height) * op.width;
  if (at >= plane) return;
  for (int c = 0; c < 3; c++) op.out[c * plane + at] = op.in[3 * at + c] / 127.5f - 1;
}

KERNEL(levels_kernel, Levels, kThreads, 1) {
  const int64 at = item(), plane = int64(op.height) * op.width;
  if (at >= plane) return;
  const Colour c = colour(op, at);
  const Colour light = {stretched(c.red, op.amounts), stretched(c.green, op.amounts), stretched(c.blue, op.amounts)};
  const float grey = brightness(light), gain = 2 * op.amounts[3], saturation = op.amounts[4];
  op.out[at] = fmaf(fmaf(light.red - grey, saturation, grey), gain, -1);
  op.out[plane + at] = fmaf(fmaf(light.green - grey, saturation, grey), gain, -1);
  op.out[2 * plane + at] = fmaf(fmaf(light.blue - grey, saturation, grey), gain, -1);
}
