// The filtered leaky ReLU in half precision, where the processor computes in it.
#include "filtered_lrelu_tasks.h"

#if HAS_HALF
namespace filtered_lrelu {

INLINE void write_half(char* to, bool is_bfloat16, __m512 x) {
  _mm256_storeu_si256((__m256i*)to, is_bfloat16 ? (__m256i)_mm512_cvtneps_pbh(x) : (__m256i)_mm512_cvtxps_ph(x));
}

// Rows of the output from some pixel on: scaled, and rounded once more, to what the next convolution
// reads.
struct NarrowedRows {
  __m512 low_scale, high_scale;
  char* to;
  size_t row_bytes;
  bool is_bfloat16;

  INLINE void operator()(int row, int x, Vector<half>::type value) const {
    __m512 low, high;
    widen(value, low, high);
    low *= low_scale;
    high *= high_scale;
    char* at = to + row * row_bytes + size_t(x) * kBlock * 2;
    _mm512_storeu_si512(at, is_bfloat16 ? (__m512i)_mm512_cvtne2ps_pbh(high, low) : (__m512i)narrow(low, high));
  }
};

struct Narrowed {
  const FilteredLrelu& op;

  NarrowedRows rows(int y, int x, int channel) const {
    return {_mm512_loadu_ps(op.scale + channel), _mm512_loadu_ps(op.scale + channel + 16),
            (char*)op.out + place(op, y, x, channel) * 2, size_t(op.out_pitch) * kBlock * 2, op.out_type == kBfloat16};
  }
};

// The two halves of a register, which belong `apart` columns apart; of the second there are `count`.
struct PartedRows {
  __m512 scale;
  char* to;
  size_t row_bytes, apart_bytes;
  int count;
  bool is_bfloat16;

  INLINE void operator()(int row, int x, Vector<half>::type value) const {
    __m512 low, high;
    widen(value, low, high);
    char* at = to + row * row_bytes + size_t(x) * kBlock * 2;
    write_half(at, is_bfloat16, low * scale);
    if (x < count) write_half(at + apart_bytes, is_bfloat16, high * scale);
  }
};

struct Parted {
  const FilteredLrelu& op;
  const Part& part;

  PartedRows rows(int y, int x, int channel) const {
    return {_mm512_loadu_ps(op.scale + channel), (char*)op.out + place(op, y, x, channel) * 2,
            size_t(op.out_pitch) * kBlock * 2, size_t(part.apart) * kBlock * 2, part.paired_end - part.apart - x,
            op.out_type == kBfloat16};
  }
};

void paint_half(const FilteredLrelu& op, const Part& part, void* scratch) {
  if (part.apart) return paint_as<half>(op, part, scratch, Parted{op, part});
  paint_as<half>(op, part, scratch, Narrowed{op});
}

}  // namespace filtered_lrelu
#endif
