// The inner products of a convolution at 32 output channels and some positions that follow each
// other, by whatever the processor has for it.
#pragma once
#include "steps.h"
#include "vectors.h"

namespace convolution {

// What some products read: the pixel of the input under the first tap of the first position, and the
// kernel of these 32 outputs, [blocks][taps][32 inputs][32 outputs] (in pairs of inputs, where two
// are multiplied at once).
struct Patch {
  const char* pixel;
  const char* kernel;
  int count;  // of positions
  size_t pixel_bytes, row_bytes, block_bytes;  // from a position, a row, a block to the next
  int blocks, side, inputs;  // inputs: of the last block
  bool narrow;  // only the first 16 outputs are wanted
};

constexpr int kMostPositions = 128;

// Positions that are best multiplied at once, for inputs of `type`. Sums beyond what a patch counts
// are scratch.
int positions(int32_t type);

// Bytes of a kernel of 32 outputs at one tap and 32 inputs.
constexpr size_t panel_bytes(int32_t type) { return kBlock * kBlock * (type == kFloat32 ? 4 : 2); }

// While one exists, this thread may multiply inputs of `type`. Others in the process lay out the
// same tile registers for themselves, so that none may be long.
struct Session {
  explicit Session(int32_t type);
  ~Session();
  Session(const Session&) = delete;
};

void multiply(const Patch&, int32_t type, float (*sums)[kBlock]);

// Where the results of a block go: position `at` of a run to `out`, in pixels past it.
struct Target {
  void* out;
  ptrdiff_t shift;
};

// Positions `begin` to `end` of one run, for one block of outputs, to `target` instead of the step's
// own `out`. A session must exist.
void convolve(const Convolution&, int block, int begin, int end, const Target& target);

}  // namespace convolution
