// Steps that make and move feature maps: one task is one row of one block.
#include "pixels.h"
#include "program.h"
#include "vectors.h"

namespace {

INLINE size_t index(int block, int row, int rows, int pitch) {
  return (size_t(block) * rows + row) * pitch * kBlock;
}

constexpr int kTile = 16;  // pixels turned from planes into blocks at a time, or back

// Runs of channels that lie in one block.
template <class Visit>
void each_block(const int32_t* slots, int channels, const Visit& visit) {
  for (int begin = 0, end; begin < channels; begin = end) {
    for (end = begin + 1; end < channels && slots[end] / kBlock == slots[begin] / kBlock;) end++;
    visit(begin, end);
  }
}

int mirrored(int at, int size) {
  const int period = size > 1 ? 2 * (size - 1) : 1;
  at = (at % period + period) % period;
  return at < size ? at : period - at;
}

// Pixels of a row of one block, scaled and shifted by channel.
struct Copy {
  using Lane = pixels::Lane;
  static constexpr int kVectors = pixels::kVectors;
  const Mirror& op;
  size_t row;  // where it begins in the input
  void* out;
  Lane::type gain[kVectors], bias[kVectors];

  Copy(const Mirror& step, int block, size_t row, void* out) : op(step), row(row), out(out) {
    memcpy(gain, op.gain + block * kBlock, sizeof gain);
    memcpy(bias, op.bias + block * kBlock, sizeof bias);
  }

  INLINE void operator()(int from, int to) const {
    Lane::type x[kVectors];
    pixels::read(op.in, op.in_type, row + size_t(from) * kBlock, x);
    for (int v = 0; v < kVectors; v++) x[v] = x[v] * gain[v] + bias[v];
    pixels::write(out, op.out_type, size_t(to) * kBlock, x);
  }
};

}  // namespace

int tasks(const Waves& op) { return op.blocks * op.height; }

void run(const Waves& op, int task) {
  const int block = task / op.height, y = task % op.height, all = op.blocks * kBlock;
  const float *sin_y = op.sin_y + size_t(y) * all + block * kBlock, *cos_y = op.cos_y + (sin_y - op.sin_y);
  const size_t to = index(block, y, op.out_rows, op.out_pitch);
  using Lane = pixels::Lane;
  for (int x = 0; x < op.width; x++) {
    Lane::type wave[pixels::kVectors];
    for (int v = 0; v < pixels::kVectors; v++) {
      const size_t at = size_t(x) * all + block * kBlock + v * Lane::lanes;
      wave[v] = Lane::load(op.sin_x + at) * Lane::load(cos_y + v * Lane::lanes) +
                Lane::load(op.cos_x + at) * Lane::load(sin_y + v * Lane::lanes);
    }
    pixels::write(op.out, op.type, to + size_t(x) * kBlock, wave);
  }
}

int tasks(const Pack& op) { return op.height; }

void run(const Pack& op, int y) {
  each_block(op.slots, op.channels, [&](int begin, int end) {
    const size_t to = index(op.slots[begin] / kBlock, y, op.out_rows, op.out_pitch);
    for (int left = 0; left < op.width; left += kTile) {
      const int count = op.width - left < kTile ? op.width - left : kTile;
      alignas(64) float tile[kTile][kBlock] = {};
      for (int channel = begin; channel < end; channel++) {
        const int slot = op.slots[channel];
        const float* from = op.in + (size_t(channel) * op.height + y) * op.width + left;
        const float scale = op.scale ? op.scale[slot] : 1;
        for (int x = 0; x < count; x++) tile[x][slot % kBlock] = from[x] * scale;
      }
      for (int x = 0; x < count; x++) pixels::store(op.out, op.type, to + size_t(left + x) * kBlock, tile[x]);
    }
  });
}

int tasks(const Unpack& op) { return op.height; }

void run(const Unpack& op, int y) {
  each_block(op.slots, op.channels, [&](int begin, int end) {
    const size_t from = index(op.slots[begin] / kBlock, y, op.in_rows, op.in_pitch);
    for (int left = 0; left < op.width; left += kTile) {
      const int count = op.width - left < kTile ? op.width - left : kTile;
      alignas(64) float tile[kTile][kBlock];
      for (int x = 0; x < count; x++) pixels::load(op.in, op.type, from + size_t(left + x) * kBlock, tile[x]);
      for (int channel = begin; channel < end; channel++) {
        float* to = op.out + (size_t(channel) * op.height + y) * op.width + left;
        for (int x = 0; x < count; x++) to[x] = tile[x][op.slots[channel] % kBlock] * op.gain;
      }
    }
  });
}

int tasks(const Mirror& op) { return op.blocks * op.out_height; }

void mirror_row(const Mirror& op, int block, int y, int left, int right, void* out) {
  const int source = mirrored(y - (op.out_height - op.in_height) / 2, op.in_height);
  const Copy copy(op, block, index(block, source, op.in_rows, op.in_pitch), out);
  const int margin = (op.out_width - op.in_width) / 2;
  const int begin = margin < left ? left : margin < right ? margin : right;
  const int edge = margin + op.in_width, end = edge < begin ? begin : edge < right ? edge : right;
  for (int x = left; x < begin; x++) copy(mirrored(x - margin, op.in_width), x - left);
  for (int x = begin; x < end; x++) copy(x - margin, x - left);
  for (int x = end; x < right; x++) copy(mirrored(x - margin, op.in_width), x - left);
}

void run(const Mirror& op, int task) {
  const int block = task / op.out_height, y = task % op.out_height;
  const size_t bytes = op.out_type == kFloat32 ? 4 : 2;
  mirror_row(op, block, y, 0, op.out_width, (char*)op.out + index(block, y, op.out_rows, op.out_pitch) * bytes);
}
