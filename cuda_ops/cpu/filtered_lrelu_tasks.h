// One task of a filtered leaky ReLU: some channels, rows and columns.
#pragma once
#include "filtered_lrelu.h"
#include "workspace.h"

namespace filtered_lrelu {

struct Part {
  int channel, end_channel, y0, y1, x0, x1;
};

void paint_half(const FilteredLrelu&, const Part&);
void paint_single(const FilteredLrelu&, const Part&);

INLINE size_t place(const FilteredLrelu& op, int y, int x, int channel) {
  return ((size_t(channel / kBlock) * op.out_rows + y) * op.out_pitch + x) * kBlock + channel % kBlock;
}

template <class S, int U, int P, int R, class Out>
void paint_tile(const FilteredLrelu& op, const Part& part, const Out& out) {
  using Part = Tile<S, U, P, R>;
  Part tile(op, (S*)workspace(Part::bytes(part.x1 - part.x0)), part.x0, part.x1);
  for (int channel = part.channel; channel < part.end_channel; channel += Part::L)
    tile.paint(channel, part.y0, part.y1, out);
}

template <class S, int U, int P, class Out>
void paint_rank(const FilteredLrelu& op, const Part& part, const Out& out) {
  switch (op.rank) {
    case 1: return paint_tile<S, U, P, 1>(op, part, out);
    case 2: return paint_tile<S, U, P, 2>(op, part, out);
    case 3: return paint_tile<S, U, P, 3>(op, part, out);
    case 4: return paint_tile<S, U, P, 4>(op, part, out);
  }
}

template <class S, class Out>
void paint(const FilteredLrelu& op, const Part& part, const Out& out) {
  const int phase = (op.padding % op.factor + op.factor) % op.factor;
  switch (op.factor * 4 + phase) {
    case 8: return paint_rank<S, 2, 0>(op, part, out);
    case 9: return paint_rank<S, 2, 1>(op, part, out);
    case 16: return paint_rank<S, 4, 0>(op, part, out);
    case 17: return paint_rank<S, 4, 1>(op, part, out);
    case 18: return paint_rank<S, 4, 2>(op, part, out);
    case 19: return paint_rank<S, 4, 3>(op, part, out);
  }
}

}  // namespace filtered_lrelu
