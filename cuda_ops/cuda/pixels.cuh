// Maps word by word: each word as two channels in single precision, whatever the KIND; of
// SingleKind, whose words hold one, the second is nobody's.
#pragma once
#include "numbers.cuh"

namespace pixels {

typedef KIND::Stored Stored;
constexpr int kThreads = 256;

DEVICE Single2 both(Single2 x) { return x; }
DEVICE Single2 both(float x) { return {x, 0}; }

template <class Kind>
struct Stores {
  static DEVICE Stored one(Single2 x) { return Kind::store(x); }
};

template <>
struct Stores<SingleKind> {
  static DEVICE float one(Single2 x) { return x.x; }
};

DEVICE Single2 load(const void* from, int64 word) { return both(KIND::load(((const Stored*)from)[word])); }
DEVICE void store(void* to, int64 word, Single2 x) { ((Stored*)to)[word] = Stores<KIND>::one(x); }

// One number for each slot of a word, `otherwise` where there are none.
DEVICE Single2 by_slot(const float* from, int slot, float otherwise) {
  if (!from) return {otherwise, otherwise};
  return {from[slot], KIND::channels == 2 ? from[slot + 1] : 0};
}

// What this thread is to do.
DEVICE int64 item() { return int64(blockIdx.x) * kThreads + threadIdx.x; }

DEVICE int words(int slots) { return slots / KIND::channels; }

}  // namespace pixels
