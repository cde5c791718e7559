// How a filtered leaky ReLU is shared out: blocks of channels, and strips of rows.
#include "filtered_lrelu_tasks.h"
#include "program.h"
#include "workspace.h"

using namespace filtered_lrelu;

namespace {

// A strip makes 6 rows more than it writes, so it is not to be too low.
constexpr int kStripRows = 64;
// Columns whose rows of the ring fit the second-level cache.
constexpr int kColumns = 512;

int strips(const FilteredLrelu& op) { return (op.out_height + kStripRows - 1) / kStripRows; }
int columns(const FilteredLrelu& op) { return (op.out_width + kColumns - 1) / kColumns; }
int blocks(const FilteredLrelu& op) { return (op.channels + kBlock - 1) / kBlock; }

// An even share, so that all strips begin on even rows and columns.
int share(int part, int parts, int whole) {
  return part == parts ? whole : int(int64_t(whole) * part / parts) & ~1;
}

}  // namespace

namespace filtered_lrelu {

size_t part_bytes(const FilteredLrelu& op, const Part& part) {
  const int columns = part.x1 - part.x0;
  const size_t vectors = kRise * kChunk + kRing * op.rank * columns;
  return vectors * (part.end_channel - part.channel + VECTOR_BYTES) * sizeof(float);
}

void paint(const FilteredLrelu& op, const Part& part, void* scratch) {
#if HAS_HALF
  if (op.in_type == kHalf) return paint_half(op, part, scratch);
#endif
  paint_single(op, part, scratch);
}

}  // namespace filtered_lrelu

int tasks(const FilteredLrelu& op) { return blocks(op) * strips(op) * columns(op); }

void run(const FilteredLrelu& op, int task) {
  const int block = task % blocks(op), at = task / blocks(op);
  const int strip = at % strips(op), column = at / strips(op);
  const int end = (block + 1) * kBlock < op.channels ? (block + 1) * kBlock : op.channels;
  const size_t blocks_before = size_t(block) * op.in_rows * op.in_pitch * kBlock;
  const void* in = (const char*)op.in + blocks_before * (op.in_type == kHalf ? 2 : 4);
  const Rows rows{in, 0, op.in_height, op.in_pitch, 0, op.in_width, nullptr, nullptr};
  const Part part{block * kBlock,
                  end,
                  share(strip, strips(op), op.out_height),
                  share(strip + 1, strips(op), op.out_height),
                  share(column, columns(op), op.out_width),
                  share(column + 1, columns(op), op.out_width),
                  rows};
  paint(op, part, workspace(part_bytes(op, part)));
}
