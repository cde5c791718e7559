// The bends that look at each pixel alone. `knobs` are those of a bend, without its mix.
//
// The build defines KIND as in maps.cu.
#include "bends.cuh"

enum Formula : int32 { kMultiply, kAdd, kAblate, kInvert, kThreshold, kClamp, kPower, kOther, kBySlot };

struct Point {
  Taken at;
  const void* in;
  const void* other;           // a map
  const float *scale, *shift;  // by slot
  const float* knobs;
  int32 formula;
  float magnitude;
};

struct Permute {
  Taken at;
  const void* in;
  const int32* sources;  // by slot
  const float* knobs;
};

struct Keep {
  const void* in;
  void* out;
  const float* unless;  // it is not 0; null: always
  int32 slots, height, width;
};

using namespace bends;

DEVICE float within(float x, float low, float high) { return fminf(fmaxf(x, low), high); }

DEVICE float bent(int formula, float x, const float* knob, float magnitude) {
  switch (formula) {
    case kMultiply: return x * knob[0];
    case kAdd: return fmaf(knob[0], magnitude, x);
    case kAblate: return x * (1 - knob[0]);
    case kInvert: return fmaf(2 * knob[0], knob[1] * magnitude - x, x);
    case kThreshold: {
      const float ramp = (x / magnitude - knob[1]) / knob[2] + 0.5f;
      return faded(x, within(ramp, 0, 1) * magnitude, knob[0]);
    }
    case kClamp: return within(x, -knob[0] * magnitude, knob[0] * magnitude);
    case kPower: return copysignf(powf(fabsf(x) / magnitude, knob[0]) * magnitude, x);
    default: return x;
  }
}

KERNEL(point_bend_kernel, Point, kThreads, 1) {
  const Place p = place(op.at.slots);
  if (p.x >= op.at.width) return;
  take(op.at, p.word, p.x, p.y, [&]() -> Single2 {
    const int64 here = word_at(op.at, p.word, p.x, p.y);
    const Single2 x = load(op.in, here);
    if (op.formula == kOther) return faded(x, load(op.other, here), op.knobs[0]);
    if (op.formula == kBySlot)
      return faded(x, mul_add(x, by_slot(op.scale, p.slot(), 1), by_slot(op.shift, p.slot(), 0)), op.knobs[0]);
    return {bent(op.formula, x.x, op.knobs, op.magnitude), bent(op.formula, x.y, op.knobs, op.magnitude)};
  });
}

// One channel of a pixel.
DEVICE float channel(const void* in, int64 pixel, int slots, int slot) {
  const Single2 both = load(in, pixel * words(slots) + slot / KIND::channels);
  return slot % KIND::channels ? both.y : both.x;
}

// Each channel becomes another one of its pixel.
KERNEL(permute_bend_kernel, Permute, kThreads, 1) {
  const Place p = place(op.at.slots);
  if (p.x >= op.at.width) return;
  take(op.at, p.word, p.x, p.y, [&]() -> Single2 {
    const int64 pixel = int64(p.y) * op.at.width + p.x;
    const int* const sources = op.sources + p.slot();
    const float first = channel(op.in, pixel, op.at.slots, sources[0]);
    const float next = KIND::channels == 2 ? channel(op.in, pixel, op.at.slots, sources[1]) : 0;
    return faded(load(op.in, word_at(op.at, p.word, p.x, p.y)), {first, next}, op.knobs[0]);
  });
}

// A map as it is, for a later frame.
KERNEL(keep_kernel, Keep, kThreads, 1) {
  const Place p = place(op.slots);
  if (p.x >= op.width || (op.unless && *op.unless != 0)) return;
  const int64 here = (int64(p.y) * op.width + p.x) * words(op.slots) + p.word;
  ((Stored*)op.out)[here] = ((const Stored*)op.in)[here];
}
