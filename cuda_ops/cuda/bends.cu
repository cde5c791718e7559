// Bends whose amounts lie on the device: a graph that was captured once follows them.
//
// Each works on the slots whose `mask` is set, and mixes with what was there: `amounts[0]` is the
// mix, as in model/bends. The build defines KIND as in maps.cu.
#include "pixels.cuh"

struct Affine {
  const void* in;
  void* out;
  const uint8* mask;     // by slot; null: all
  const float* amounts;  // the mix
  const float* matrix;   // [2][3], from output to input, in pixels about the middle
  int32 slots, height, width;
};

struct Extreme {
  const void* in;
  const void* plain;     // what is mixed with; null: nothing is
  void* out;
  const uint8* mask;
  const float* amounts;  // mix, and side of the square in pixels
  int32 slots, height, width;
  int32 vertical, smallest;
};

struct Multiply {
  const void* in;
  void* out;
  const uint8* mask;
  const float* amounts;  // mix and factor
  int32 slots, pixels;
};

using namespace pixels;

// Write what was bent, mixed with what was there where a channel is bent at all.
DEVICE void mix(void* out, int64 at, int slot, const uint8* mask, float share, Single2 was, Single2 bent) {
  const float first = !mask || mask[slot] ? share : 0;
  const float next = KIND::channels == 2 && mask ? (mask[slot + 1] ? share : 0) : first;
  const Single2 mixed = {first == 1 ? bent.x : fmaf(first, bent.x - was.x, was.x),
                         next == 1 ? bent.y : fmaf(next, bent.y - was.y, was.y)};
  store(out, at, mixed);
}

// A position mirrored at the outer edges of the border pixels, as often as it takes.
DEVICE float reflected(float at, int size) {
  const float far = fabsf(at + 0.5f), turns = floorf(far / size), rest = far - turns * size;
  const float within = fmodf(turns, 2) != 0 ? size - rest - 0.5f : rest - 0.5f;
  return fminf(fmaxf(within, 0), size - 1.0f);
}

// Bilinear, mirrored at the borders.
KERNEL(affine_bend_kernel, Affine, kThreads, 1) {
  const int64 at = item();
  const int row = op.width * words(op.slots);
  if (at >= int64(op.height) * row) return;
  const int word = int(at % words(op.slots));
  const float* const m = op.matrix;
  const float x = int(at % row) / words(op.slots) + 0.5f - 0.5f * op.width;
  const float y = int(at / row) + 0.5f - 0.5f * op.height;
  const float u = reflected(fmaf(m[0], x, fmaf(m[1], y, m[2])) + 0.5f * op.width - 0.5f, op.width);
  const float v = reflected(fmaf(m[3], x, fmaf(m[4], y, m[5])) + 0.5f * op.height - 0.5f, op.height);
  const int left = int(u), top = int(v);
  const int right = left + 1 < op.width ? left + 1 : left, low = top + 1 < op.height ? top + 1 : top;
  const float across = u - left, down = v - top;
  const int64 upper = int64(top) * row + word, lower = int64(low) * row + word;
  Single2 bent = mul(load(op.in, upper + left * words(op.slots)), (1 - across) * (1 - down));
  bent = mul_add(load(op.in, upper + right * words(op.slots)), across * (1 - down), bent);
  bent = mul_add(load(op.in, lower + left * words(op.slots)), (1 - across) * down, bent);
  bent = mul_add(load(op.in, lower + right * words(op.slots)), across * down, bent);
  mix(op.out, at, word * KIND::channels, op.mask, op.amounts[0], load(op.in, at), bent);
}

// The largest (or smallest) of a row or column of pixels, from half a side before on; two such
// launches make a square. A side of 0 changes nothing.
KERNEL(extreme_bend_kernel, Extreme, kThreads, 1) {
  const int64 at = item();
  const int row = op.width * words(op.slots);
  if (at >= int64(op.height) * row) return;
  const int word = int(at % words(op.slots)), side = int(op.amounts[1]);
  const int place = op.vertical ? int(at / row) : int(at % row) / words(op.slots);
  const int size = op.vertical ? op.height : op.width, step = op.vertical ? row : words(op.slots);
  const float sign = op.smallest ? -1 : 1;
  Single2 best = mul(load(op.in, at), sign);
  for (int k = -(side / 2); k < side - side / 2; k++)
    if (uint32(place + k) < uint32(size)) best = larger(best, mul(load(op.in, at + int64(k) * step), sign));
  const float share = op.plain ? op.amounts[0] : 1;
  mix(op.out, at, word * KIND::channels, op.plain ? op.mask : nullptr, share,
      load(op.plain ? op.plain : op.in, at), mul(best, sign));
}

KERNEL(multiply_bend_kernel, Multiply, kThreads, 1) {
  const int64 at = item();
  if (at >= int64(op.pixels) * words(op.slots)) return;
  const Single2 was = load(op.in, at);
  const int slot = int(at % words(op.slots)) * KIND::channels;
  mix(op.out, at, slot, op.mask, op.amounts[0], was, mul(was, op.amounts[1]));
}
