// Convolutions in blocks of channels: which products are made where, and what follows them.
#include "convolution.h"

#include "pixels.h"
#include "program.h"

using namespace convolution;

namespace {

// Input bytes that one task reads, about, so that they stay in the second-level cache.
constexpr size_t kTaskBytes = 1024 * 1024;
constexpr int kFewest = 32, kMost = 768;  // positions of one task
constexpr float kHalfLimit = 60000;

size_t input_bytes(const Convolution& op) { return op.in_type == kFloat32 ? 4 : 2; }
int out_blocks(const Convolution& op) { return (op.out_channels + kBlock - 1) / kBlock; }

// Positions of one task: some whole products, whose inputs fit the cache.
int chunk(const Convolution& op) {
  const int unit = positions(op.in_type);
  const size_t pixel = input_bytes(op) * kBlock * op.in_blocks;
  const int halo = (op.side - 1) * op.in_pitch, fitting = int(kTaskBytes / pixel) - halo;
  const int most = fitting / op.stride;
  const int wanted = most < kFewest ? kFewest : most > kMost ? kMost : most;
  return (wanted + unit - 1) / unit * unit;
}

int chunks(const Convolution& op) { return (op.length + chunk(op) - 1) / chunk(op); }

// Whether the kernel is larger than the inputs, and should be read only once.
bool kernel_first(const Convolution& op) {
  const size_t kernel = size_t(op.in_blocks) * op.side * op.side * out_blocks(op) * panel_bytes(op.in_type);
  const size_t inputs = size_t(op.in_blocks) * op.in_rows * op.in_pitch * kBlock * input_bytes(op);
  return kernel * chunks(op) * op.runs > inputs * out_blocks(op);
}

// What follows the products, for one position of one block of outputs.
struct Epilogue {
  using Lane = pixels::Lane;
  using V = Lane::type;
  static constexpr int kVectors = pixels::kVectors;

  const Convolution& op;
  int block;
  Target target;
  V limit, slope, branch_slope;
  V gain[kVectors], bias[kVectors], second_gain[kVectors], second_bias[kVectors];

  Epilogue(const Convolution& step, int block, const Target& target)
      : op(step), block(block), target(target), limit(Lane::all(limit_of(step))),
        slope(Lane::all(step.slope)), branch_slope(Lane::all(step.branch_slope)) {
    copy(gain, op.gain);
    copy(bias, op.bias);
    if (op.second) copy(second_gain, op.second_gain);
    if (op.second) copy(second_bias, op.second_bias);
  }

  static float limit_of(const Convolution& step) {
    return step.out_type == kHalf && step.clamp > kHalfLimit ? kHalfLimit : step.clamp;
  }

  void copy(V* to, const float* from) const { memcpy(to, from + block * kBlock, kBlock * sizeof(float)); }

  INLINE void operator()(const float* sums, int run, int at) const {
    V x[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; v++) {
      x[v] = Lane::load(sums + v * Lane::lanes) * gain[v] + bias[v];
      x[v] = Lane::max(x[v], x[v] * slope);
      x[v] = Lane::max(Lane::min(x[v], limit), -limit);
    }
    if (op.branch) add_branch(x, index(run, at, op.branch_rows, op.branch_pitch));
    if (op.out_type == kPlanes) return write_planes(x, size_t(run) * op.out_pitch + at);
    pixels::write(target.out, op.out_type, (target.shift + ptrdiff_t(run) * op.out_pitch + at) * kBlock, x);
    if (!op.second) return;
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; v++) x[v] = x[v] * second_gain[v] + second_bias[v];
    pixels::write(op.second, op.in_type, index(run, at, op.second_rows, op.second_pitch), x);
  }

  void write_planes(const V* x, size_t at) const {
    float* to = (float*)op.out + at;
    for (int c = 0; c < op.out_channels; c++, to += size_t(op.out_rows) * op.out_pitch)
      *to = x[c / Lane::lanes][c % Lane::lanes];
  }

  INLINE void add_branch(V* x, size_t from) const {
    V branch[kVectors];
    pixels::read(op.branch, op.branch_type, from, branch);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; v++) {
      x[v] += branch[v];
      x[v] = Lane::max(x[v], x[v] * branch_slope);
    }
  }

  INLINE size_t index(int run, int at, int rows, int pitch) const {
    return ((size_t(block) * rows + run) * pitch + at) * kBlock;
  }
};

void convolve_run(const Convolution& op, int block, int row, int begin, int end, const Target& target) {
  const size_t pixel = input_bytes(op) * kBlock;
  const int unit = positions(op.in_type);
  const size_t panels = size_t(op.in_blocks) * op.side * op.side * panel_bytes(op.in_type);
  Patch patch{nullptr,
              (const char*)op.kernel + block * panels,
              0,
              pixel * op.stride,
              pixel * op.in_pitch,
              pixel * op.in_pitch * op.in_rows,
              op.in_blocks,
              op.side,
              op.in_channels - (op.in_blocks - 1) * kBlock,
              op.out_channels - block * kBlock <= kBlock / 2};
  const Epilogue finish(op, block, target);
  alignas(64) float sums[kMostPositions][kBlock] = {};
  for (int at = begin; at < end; at += unit) {
    patch.pixel = (const char*)op.in + pixel * op.stride * (size_t(row) * op.in_pitch + at);
    patch.count = end - at < unit ? end - at : unit;
    multiply(patch, op.in_type, sums);
    for (int p = 0; p < patch.count; p++) finish(sums[p], row, at + p);
  }
}

}  // namespace

void convolution::convolve(const Convolution& op, int block, int begin, int end, const Target& target) {
  convolve_run(op, block, 0, begin, end, target);
}

int tasks(const Convolution& op) { return chunks(op) * op.runs * out_blocks(op); }

void run(const Convolution& op, int task) {
  const int places = chunks(op) * op.runs;
  const bool kernel_outside = kernel_first(op);
  const int block = kernel_outside ? task / places : task % out_blocks(op);
  const int place = kernel_outside ? task % places : task / out_blocks(op);
  const int row = place / chunks(op), begin = place % chunks(op) * chunk(op);
  const int end = begin + chunk(op) < op.length ? begin + chunk(op) : op.length;
  const Session session(op.in_type);
  convolve_run(op, block, row, begin, end, {op.out, ptrdiff_t(block) * op.out_rows * op.out_pitch});
}

void pack_kernel(const float* kernel, const int32_t* in_slots, int inputs, int in_blocks, int outputs,
                 int side, int32_t type, void* packed) {
  const size_t blocks = (outputs + kBlock - 1) / kBlock, taps = side * side;
  const size_t panel = kBlock * kBlock;
  memset(packed, 0, blocks * in_blocks * taps * panel_bytes(type));
  for (int o = 0; o < outputs; o++)
    for (int i = 0; i < inputs; i++)
      for (size_t tap = 0; tap < taps; tap++) {
        const float value = kernel[(size_t(o) * inputs + i) * taps + tap];
        const int slot = in_slots[i], in = slot % kBlock, out = o % kBlock;
        const size_t at = ((o / kBlock * in_blocks + slot / kBlock) * taps + tap) * panel;
        if (type == kFloat32)
          ((float*)packed)[at + in * kBlock + out] = value;
        else
          ((bfloat16*)packed)[at + (in / 2 * kBlock + out) * 2 + in % 2] = narrow(value);
      }
}
