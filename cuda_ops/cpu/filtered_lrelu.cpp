// How a filtered leaky ReLU is shared out: blocks of channels, and strips of rows.
#include "filtered_lrelu_tasks.h"
#include "program.h"

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

int tasks(const FilteredLrelu& op) { return blocks(op) * strips(op) * columns(op); }

void run(const FilteredLrelu& op, int task) {
  const int block = task % blocks(op), at = task / blocks(op);
  const int strip = at % strips(op), column = at / strips(op);
  const int end = (block + 1) * kBlock < op.channels ? (block + 1) * kBlock : op.channels;
  const Part part{block * kBlock,
                  end,
                  share(strip, strips(op), op.out_height),
                  share(strip + 1, strips(op), op.out_height),
                  share(column, columns(op), op.out_width),
                  share(column + 1, columns(op), op.out_width)};
#if HAS_HALF
  if (op.in_type == kHalf) return paint_half(op, part);
#endif
  paint_single(op, part);
}
