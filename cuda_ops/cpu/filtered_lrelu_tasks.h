// Parts of a filtered leaky ReLU, whatever the type, the factor, the phase and the rank.
#pragma once
#include "filtered_lrelu.h"

namespace filtered_lrelu {

// Scratch memory that painting a part takes.
size_t part_bytes(const FilteredLrelu&, const Part&);

void paint(const FilteredLrelu&, const Part&, void* scratch);
void paint_half(const FilteredLrelu&, const Part&, void* scratch);
void paint_single(const FilteredLrelu&, const Part&, void* scratch);

INLINE size_t place(const FilteredLrelu& op, int y, int x, int channel) {
  return ((size_t(channel / kBlock) * op.out_rows + y) * op.out_pitch + x) * kBlock + channel % kBlock;
}

template <class S, int U, int P, int R, class Out>
void paint_tile(const FilteredLrelu& op, const Part& part, void* scratch, const Out& out) {
  Tile<S, U, P, R>(op, part, (S*)scratch).paint(out);
}

template <class S, int U, int P, class Out>
void paint_rank(const FilteredLrelu& op, const Part& part, void* scratch, const Out& out) {
  switch (op.rank) {
    case 1: return paint_tile<S, U, P, 1>(op, part, scratch, out);
    case 2: return paint_tile<S, U, P, 2>(op, part, scratch, out);
    case 3: return paint_tile<S, U, P, 3>(op, part, scratch, out);
    case 4: return paint_tile<S, U, P, 4>(op, part, scratch, out);
  }
}

template <class S, class Out>
void paint_as(const FilteredLrelu& op, const Part& part, void* scratch, const Out& out) {
  const int phase = (op.padding % op.factor + op.factor) % op.factor;
  switch (op.factor * 4 + phase) {
    case 8: return paint_rank<S, 2, 0>(op, part, scratch, out);
    case 9: return paint_rank<S, 2, 1>(op, part, scratch, out);
    case 16: return paint_rank<S, 4, 0>(op, part, scratch, out);
    case 17: return paint_rank<S, 4, 1>(op, part, scratch, out);
    case 18: return paint_rank<S, 4, 2>(op, part, scratch, out);
    case 19: return paint_rank<S, 4, 3>(op, part, scratch, out);
  }
}

}  // namespace filtered_lrelu
