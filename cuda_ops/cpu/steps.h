// What a program is made of: plain structures, filled by Python (cuda_ops/cpu/steps.py).
//
// Feature maps lie in blocks of 32 channels, [blocks][rows][pitch][32], some within a border of
// zeros. Pointers to a map point at its first pixel, or at its border's where a convolution reads.
#pragma once
#include <cstddef>
#include <cstdint>

constexpr int kBlock = 32;

// kPlanes is a plain float32 picture, [channels][rows][pitch], which convolutions alone can write.
enum Type : int32_t { kFloat32 = 0, kBfloat16 = 1, kHalf = 2, kPlanes = 3 };

// An affine layer, and the gains that keep its convolution at unit variance.
struct Style {
  const float *weight, *bias, *w;  // [inputs][w_dim], [inputs], [w_dim]
  const float* energy;             // [outputs][inputs] squares of the kernel; null: no demodulation
  const int32_t *in_slots, *out_slots;  // where each channel lies in its blocks
  float *styles, *gains;                // by slot
  int32_t inputs, outputs, w_dim;
  float length, gain;  // of the kernels before they were scaled to 1; of the layer
};

// The styles of all layers.
struct Styles {
  static constexpr int kind = 0;
  const Style* each;
  int32_t count;
};

// Sine waves sin(x + y), from tables of both angles by pixel and channel.
struct Waves {
  static constexpr int kind = 1;
  const float *sin_x, *cos_x;  // [width][blocks * 32]
  const float *sin_y, *cos_y;  // [height][blocks * 32], amplitudes included
  void* out;
  int32_t type, blocks, height, width, out_rows, out_pitch;
};

// Channels of a plain picture [channels][height][width], scaled, into blocks.
struct Pack {
  static constexpr int kind = 2;
  const float* in;
  void* out;
  const float* scale;    // by slot; null: 1
  const int32_t* slots;  // of each channel
  int32_t type, channels, height, width, out_rows, out_pitch;
};

// Channels out of their blocks, as Pack put them in.
struct Unpack {
  static constexpr int kind = 3;
  const void* in;
  float* out;
  const int32_t* slots;
  int32_t type, channels, height, width, in_rows, in_pitch;
  float gain;
};

// Blocks mirrored at their borders, with a bias, into blocks without one.
struct Mirror {
  static constexpr int kind = 4;
  const void* in;
  void* out;
  const float *gain, *bias;  // by slot
  int32_t in_type, out_type, blocks, in_rows, in_height, in_width, in_pitch;
  int32_t out_rows, out_height, out_width, out_pitch;
};

// A correlation and what follows it: gain, bias, leaky ReLU, clamp, a second branch.
//
// `runs` times `length` positions follow each other. With a stride of 1 and the same pitch on both
// sides, rows join to one run, whose positions between the rows mean nothing.
struct Convolution {
  static constexpr int kind = 5;
  const void *in, *kernel;         // kernel: as `pack_kernel` wrote it
  void* out;
  const float *gain, *bias;        // by slot
  const void* branch;              // a map like `out`, of type half or float; null: none
  void* second;                    // another `out`, of the type of inputs; null: none
  const float *second_gain, *second_bias;
  int32_t in_type, out_type, branch_type;
  int32_t side, stride, in_channels, in_blocks, in_rows, in_pitch, out_channels;  // by slot
  int32_t runs, length, out_rows, out_pitch, branch_rows, branch_pitch, second_rows, second_pitch;
  float slope, clamp, branch_slope;
};

struct FilteredLrelu {
  static constexpr int kind = 6;
  const void* in;
  void* out;
  const float* scale;               // by slot, of what is written
  const float *up, *across, *down;  // taps, gains included; `rank` times 12 of the latter two
  int32_t in_type, out_type, channels, in_rows, in_height, in_width, in_pitch;
  int32_t out_rows, out_height, out_width, out_pitch;
  int32_t factor, padding, rank;
  float slope, clamp;
};

// A convolution (its `out` unused) and perhaps mirrored blocks behind its own, filtered at once: what
// lies between is some rows of one block, which stay in the cache. The filter's `in` is unused.
struct Layer {
  static constexpr int kind = 7;
  const Convolution* convolution;
  const Mirror* skip;  // null: none
  const FilteredLrelu* filter;
};

// The transpose of a FilteredLrelu at what lay between its filters: `out` is laid out as `in`.
struct FilteredLreluGradient {
  static constexpr int kind = 8;
  const void *in, *grad;  // biased; float32 like all maps here
  void* out;
  const float *up, *across, *down;
  int32_t channels, in_rows, in_height, in_width, in_pitch;
  int32_t grad_rows, grad_height, grad_width, grad_pitch;
  int32_t factor, padding, rank;
  float slope, clamp;
};

struct Step {
  int32_t kind;
  const void* what;
};
