// A whole layer in one step: its convolution makes rows as the filters ask for them.
#include "convolution.h"
#include "filtered_lrelu_tasks.h"
#include "program.h"
#include "workspace.h"

using namespace filtered_lrelu;

namespace {

// Positions that a convolution makes at once: enough for its kernel to be read from the
// second-level cache seldom.
constexpr int kPositionsAtOnce = 512;
// Columns of one task: its rows then fit the second-level cache. Equal for all tasks of a layer.
constexpr int kMostColumns = 512;
constexpr int kTasksPerThread = 2;
// Columns of which two halves are worth being painted at once.
constexpr int kFewestPaired = 16;

// One task's share of a layer.
struct Share {
  int block, y0, y1, x0, x1;
};

int blocks(const Layer& layer) { return (layer.filter->channels + kBlock - 1) / kBlock; }

int columns(const Layer& layer) { return (layer.filter->out_width + kMostColumns - 1) / kMostColumns; }

// Strips of rows: each costs some rows more, so there are as few as keep all threads busy.
int strips(const Layer& layer) {
  const int threads = thread_count(), alone = blocks(layer) * columns(layer);
  const int wanted = threads == 1 ? 1 : (kTasksPerThread * threads + alone - 1) / alone;
  const int most = (layer.filter->out_height + 15) / 16;
  return wanted < most ? wanted : most;
}

int cut(int part, int parts, int whole) {
  return part == parts ? whole : int(int64_t(whole) * part / parts) & ~1;
}

Share share(const Layer& layer, int task) {
  const int block = task % blocks(layer), at = task / blocks(layer);
  const int strip = at % strips(layer), column = at / strips(layer);
  const FilteredLrelu& op = *layer.filter;
  return {block, cut(strip, strips(layer), op.out_height), cut(strip + 1, strips(layer), op.out_height),
          cut(column, columns(layer), op.out_width), cut(column + 1, columns(layer), op.out_width)};
}

// The first sample under an output, along either axis, and how many there are under a share's columns.
int first_sample(const FilteredLrelu& op, int output) { return ceil_div(2 * output - op.padding, op.factor); }

int sample_count(const FilteredLrelu& op, int outputs) {
  const int pairs = op.factor / 2;
  return (outputs + kMargin + pairs - 1) / pairs + kTaps;
}

// Whether two halves of a share are painted at once, side by side in the registers.
bool paired(const Layer& layer, const Share& share) {
  const FilteredLrelu& op = *layer.filter;
  const bool narrow = op.channels - share.block * kBlock <= kBlock / 2;
  return op.in_type == kHalf && narrow && share.x1 - share.x0 >= kFewestPaired;
}

Part part_of(const Layer& layer, const Share& share) {
  const int channel = share.block * kBlock, channels = layer.filter->channels;
  const int end = channel + kBlock < channels ? channel + kBlock : channels;
  Part part{channel, end, share.y0, share.y1, share.x0, share.x1, {}};
  if (!paired(layer, share)) return part;
  part.apart = ((share.x1 - share.x0 + 1) / 2 + 1) & ~1;
  part.x1 = share.x0 + part.apart;
  part.paired_end = share.x1;
  return part;
}

// Makes rows of one block into a ring, some at a time.
class Maker {
 public:
  Maker(const Layer& layer, const Share& share, const Part& part) : layer_(layer), block_(share.block) {
    const FilteredLrelu& op = *layer.filter;
    bytes_ = op.in_type == kHalf ? 2 : 4;
    const bool whole = columns(layer) == 1;
    left_ = whole ? 0 : clamp(first_sample(op, share.x0), 0, op.in_width);
    right_ = whole ? op.in_pitch : clamp(first_sample(op, share.x0) + sample_count(op, share.x1 - share.x0), left_, op.in_width);
    first_ = made_ = clamp(first_sample(op, share.y0), 0, op.in_height);
    at_once_ = kPositionsAtOnce / (right_ - left_ + 1) + 1;
    const int live = kTaps + kRise + at_once_;
    count_ = (live + at_once_ - 1) / at_once_ * at_once_;
    if (part.apart) pair(part);
  }

  size_t bytes() const { return size_t(count_) * width() * kBlock * bytes_ + plain_bytes(); }

  Rows rows(void* memory) {
    plain_ = ring_ = (char*)memory;
    ring_ += plain_bytes();
    const ptrdiff_t pixel = kBlock * bytes_;
    const int begin = paired() ? low_ : 0, end = paired() ? low_ + width_ : layer_.filter->in_width;
    return {ring_ - (paired() ? low_ : left_) * pixel, first_, count_, width(), begin, end, make, this};
  }

 private:
  static void make(void* maker, int row) { ((Maker*)maker)->make_before(row); }

  void make_before(int row) {
    while (made_ < row) {
      const int end = made_ + at_once_ < layer_.filter->in_height ? made_ + at_once_ : layer_.filter->in_height;
      const int own = (layer_.convolution->out_channels + kBlock - 1) / kBlock;
      block_ < own ? convolve_rows(end) : mirror_rows(block_ - own, end);
      if (paired()) pair_rows(end);
      made_ = end;
    }
  }

  // Where a row goes as it is made.
  char* place(int row) const {
    const int at = paired() ? row - made_ : (row - first_) % count_;
    return plain_ + size_t(at) * (right_ - left_) * kBlock * bytes_;
  }

  void convolve_rows(int end) {
    const Convolution& op = *layer_.convolution;
    if (right_ - left_ == op.out_pitch) return convolve(made_, end, 0, 0);
    for (int row = made_; row < end; row++) convolve(row, row + 1, left_, right_ - op.out_pitch);
  }

  // Rows `from` to `to`, from the first one's column `left` to `right` past the end of the last.
  void convolve(int from, int to, int left, int right) {
    const Convolution& op = *layer_.convolution;
    const int begin = from * op.out_pitch + left, end = to * op.out_pitch + right;
    const int last = end < op.length ? end : op.length;
    convolution::convolve(op, block_, begin, last, {place(from), -begin});
  }

  void mirror_rows(int block, int end) {
    const Mirror& op = *layer_.skip;
    const int right = right_ < op.out_width ? right_ : op.out_width;
    for (int row = made_; row < end; row++) mirror_row(op, block, row, left_, right, place(row));
  }

  // Two halves side by side: the ring then holds pixels of both, zeros where there are none.

  bool paired() const { return width_ > 0; }
  int width() const { return paired() ? width_ : right_ - left_; }
  size_t plain_bytes() const { return paired() ? size_t(at_once_) * (right_ - left_) * kBlock * bytes_ : 0; }

  void pair(const Part& part) {
    const FilteredLrelu& op = *layer_.filter;
    low_ = first_sample(op, part.x0);
    apart_ = first_sample(op, part.x0 + part.apart) - low_;
    width_ = sample_count(op, part.x1 - part.x0);
  }

  void pair_rows(int end) {
    for (int row = made_; row < end; row++) {
      char* to = ring_ + size_t((row - first_) % count_) * width_ * kBlock * bytes_;
      copy_half(row, low_, to);
      copy_half(row, low_ + apart_, to + kBlock);
    }
  }

  // The first 16 channels of a row, from some column on, into halves of the ring's pixels.
  void copy_half(int row, int from, char* to) const {
    constexpr int half = kBlock;  // bytes of 16 numbers
    const int right = layer_.filter->in_width < right_ ? layer_.filter->in_width : right_;
    const int begin = clamp(-from + left_, 0, width_), end = clamp(right - from, begin, width_);
    const char* pixel = place(row) + ptrdiff_t(from - left_) * 2 * half;
    for (int x = 0; x < begin; x++) memset(to + x * 2 * half, 0, half);
    for (int x = begin; x < end; x++) memcpy(to + x * 2 * half, pixel + x * 2 * half, half);
    for (int x = end; x < width_; x++) memset(to + x * 2 * half, 0, half);
  }

  const Layer& layer_;
  int block_, left_, right_, first_, made_, at_once_, count_;
  int low_ = 0, apart_ = 0, width_ = 0;
  size_t bytes_;
  char *ring_ = nullptr, *plain_ = nullptr;
};

}  // namespace

int tasks(const Layer& layer) { return blocks(layer) * strips(layer) * columns(layer); }

void run(const Layer& layer, int task) {
  const Share own = share(layer, task);
  Part part = part_of(layer, own);
  Maker maker(layer, own, part);
  const size_t ring = (maker.bytes() + 63) / 64 * 64;
  char* scratch = (char*)workspace(ring + part_bytes(*layer.filter, part));
  part.rows = maker.rows(scratch);
  const convolution::Session session(layer.convolution->in_type);
  paint(*layer.filter, part, scratch + ring);
}
