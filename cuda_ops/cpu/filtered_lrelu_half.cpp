// The filtered leaky ReLU in half precision, where the processor computes in it.
#include "filtered_lrelu_tasks.h"

#if HAS_HALF
namespace filtered_lrelu {

// Scaled, and rounded once more, to what the next convolution reads.
struct Narrowed {
  const FilteredLrelu& op;

  INLINE void operator()(int y, int x, int channel, Vector<half>::type value) const {
    __m512 low, high;
    widen(value, low, high);
    low = _mm512_mul_ps(low, _mm512_loadu_ps(op.scale + channel));
    high = _mm512_mul_ps(high, _mm512_loadu_ps(op.scale + channel + 16));
    char* to = (char*)op.out + place(op, y, x, channel) * 2;
    if (op.out_type == kBfloat16)
      _mm512_storeu_si512(to, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    else
      _mm512_storeu_si512(to, (__m512i)narrow(low, high));
  }
};

void paint_half(const FilteredLrelu& op, const Part& part, void* scratch) { paint_as<half>(op, part, scratch, Narrowed{op}); }

}  // namespace filtered_lrelu
#endif
