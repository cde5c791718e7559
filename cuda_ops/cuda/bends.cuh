// What bends share on a device: where a thread works, and how much of what it makes is taken.
//
// Blocks lie over the words of a row of pixels (x), and over rows (y).
#pragma once
#include "pixels.cuh"

// How a map takes what was made of it. Numbers that move lie on the device, where a graph that was
// captured once reads them anew.
struct Taken {
  const void* was;     // what is mixed with what was made; null: nothing is
  void* out;           // may be `was`
  const float* share;  // by slot, 0 where no channel lies
  const float* mix;    // null: 1
  const float* mask;   // [height][width]; null: 1
  const float* begun;  // where it is 0, nothing is taken; null: 1
  const float* gain;   // by slot, of all that is written; null: 1
  int32 slots, height, width;
};

namespace bends {

using namespace pixels;

// A word of a pixel, or of the first of some.
struct Place {
  int word, x, y;
  DEVICE int slot() const { return word * KIND::channels; }
};

// Where this thread works; `x` is beyond the last of so many where there is nothing to do.
DEVICE Place place(int slots) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  return {i % words(slots), i / words(slots), int(blockIdx.y)};
}

// The number of a word in a map.
DEVICE int64 word_at(const Taken& at, int word, int x, int y) {
  return (int64(y) * at.width + x) * words(at.slots) + word;
}

DEVICE float faded(float from, float to, float share) {
  return share == 0 ? from : share == 1 ? to : fmaf(share, to - from, from);
}

DEVICE Single2 faded(Single2 from, Single2 to, Single2 share) {
  return {faded(from.x, to.x, share.x), faded(from.y, to.y, share.y)};
}

DEVICE Single2 faded(Single2 from, Single2 to, float share) { return faded(from, to, Single2{share, share}); }

// Whether any channel of a word takes anything, at whatever pixel.
DEVICE bool is_wanted(const Taken& at, int slot) {
  if (!at.was) return true;
  if (at.begun && *at.begun == 0) return false;
  const Single2 share = by_slot(at.share, slot, 1);
  return share.x != 0 || share.y != 0;
}

// Write what `make` makes of a pixel, as far as it is taken.
template <class Make>
DEVICE void take(const Taken& at, int word, int x, int y, const Make& make) {
  const int64 here = word_at(at, word, x, y);
  const int slot = word * KIND::channels;
  Single2 made;
  if (!at.was) {
    made = make();
  } else {
    made = load(at.was, here);
    float part = at.mix ? *at.mix : 1;
    if (at.mask) part *= at.mask[int64(y) * at.width + x];
    if (part != 0 && is_wanted(at, slot)) made = faded(made, make(), mul(by_slot(at.share, slot, 1), part));
  }
  store(at.out, here, mul(made, by_slot(at.gain, slot, 1)));
}

}  // namespace bends
