// Steps that make and move feature maps: one task is one row of one block.
#include "program.h"
#include "vectors.h"

namespace {

INLINE size_t index(int block, int row, int rows, int pitch) {
  return (size_t(block) * rows + row) * pitch * kBlock;
}

INLINE float read(const void* from, int32_t type, size_t at) {
#if HAS_HALF
  if (type == kHalf) return float(((const half*)from)[at]);
#endif
  return type == kBfloat16 ? widen(((const bfloat16*)from)[at]) : ((const float*)from)[at];
}

INLINE void write(void* to, int32_t type, size_t at, float x) {
#if HAS_HALF
  if (type == kHalf) ((half*)to)[at] = half(x);
#endif
  if (type == kBfloat16) ((bfloat16*)to)[at] = narrow(x);
  if (type == kFloat32) ((float*)to)[at] = x;
}

// A row at a time, with the types known to the compiler.
template <int32_t from_type, int32_t to_type>
void copy_row(const Mirror& op, size_t from, void* out, const float* gain, const float* bias, int margin,
              int left, int right) {
  const int period = op.in_width > 1 ? 2 * (op.in_width - 1) : 1;
  for (int x = left; x < right; x++) {
    int source = (x - margin) % period;
    source = source < 0 ? source + period : source;
    source = source < op.in_width ? source : period - source;
    for (int c = 0; c < kBlock; c++) {
      float value = read(op.in, from_type, from + size_t(source) * kBlock + c);
      write(out, to_type, size_t(x - left) * kBlock + c, value * gain[c] + bias[c]);
    }
  }
}

int mirrored(int at, int size) {
  const int period = size > 1 ? 2 * (size - 1) : 1;
  at = (at % period + period) % period;
  return at < size ? at : period - at;
}

}  // namespace

int tasks(const Waves& op) { return op.blocks * op.height; }

void run(const Waves& op, int task) {
  const int block = task / op.height, y = task % op.height, all = op.blocks * kBlock;
  const float *sin_y = op.sin_y + size_t(y) * all + block * kBlock, *cos_y = op.cos_y + (sin_y - op.sin_y);
  const size_t to = index(block, y, op.out_rows, op.out_pitch);
  for (int x = 0; x < op.width; x++) {
    const size_t at = size_t(x) * all + block * kBlock;
    for (int c = 0; c < kBlock; c++) {
      float wave = op.sin_x[at + c] * cos_y[c] + op.cos_x[at + c] * sin_y[c];
      write(op.out, op.type, to + size_t(x) * kBlock + c, wave);
    }
  }
}

int tasks(const Pack& op) { return op.height; }

void run(const Pack& op, int y) {
  for (int channel = 0; channel < op.channels; channel++) {
    const int slot = op.slots[channel];
    const float* from = op.in + (size_t(channel) * op.height + y) * op.width;
    const size_t to = index(slot / kBlock, y, op.out_rows, op.out_pitch) + slot % kBlock;
    const float scale = op.scale ? op.scale[slot] : 1;
    for (int x = 0; x < op.width; x++) write(op.out, op.type, to + size_t(x) * kBlock, from[x] * scale);
  }
}

int tasks(const Unpack& op) { return op.height; }

void run(const Unpack& op, int y) {
  for (int channel = 0; channel < op.channels; channel++) {
    const int slot = op.slots[channel];
    const size_t from = index(slot / kBlock, y, op.in_rows, op.in_pitch) + slot % kBlock;
    float* to = op.out + (size_t(channel) * op.height + y) * op.width;
    for (int x = 0; x < op.width; x++) to[x] = read(op.in, op.type, from + size_t(x) * kBlock) * op.gain;
  }
}

int tasks(const Mirror& op) { return op.blocks * op.out_height; }

void mirror_row(const Mirror& op, int block, int y, int left, int right, void* out) {
  const int source = mirrored(y - (op.out_height - op.in_height) / 2, op.in_height);
  const size_t from = index(block, source, op.in_rows, op.in_pitch);
  const float *gain = op.gain + block * kBlock, *bias = op.bias + block * kBlock;
  const int margin = (op.out_width - op.in_width) / 2;
  const auto copy = op.in_type == kHalf ? op.out_type == kHalf       ? copy_row<kHalf, kHalf>
                                          : op.out_type == kBfloat16 ? copy_row<kHalf, kBfloat16>
                                                                     : copy_row<kHalf, kFloat32>
                    : op.out_type == kHalf     ? copy_row<kFloat32, kHalf>
                    : op.out_type == kBfloat16 ? copy_row<kFloat32, kBfloat16>
                                               : copy_row<kFloat32, kFloat32>;
  copy(op, from, out, gain, bias, margin, left, right);
}

void run(const Mirror& op, int task) {
  const int block = task / op.out_height, y = task % op.out_height;
  const size_t bytes = op.out_type == kFloat32 ? 4 : 2;
  mirror_row(op, block, y, 0, op.out_width, (char*)op.out + index(block, y, op.out_rows, op.out_pitch) * bytes);
}
