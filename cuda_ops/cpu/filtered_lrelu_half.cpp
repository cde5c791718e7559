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

// The two halves of a register, which belong some columns apart.
struct Parted {
  const FilteredLrelu& op;
  const Part& part;

  INLINE void operator()(int y, int x, int channel, Vector<half>::type value) const {
    __m512 low, high;
    widen(value, low, high);
    const __m512 scale = _mm512_loadu_ps(op.scale + channel);
    char* to = (char*)op.out + place(op, y, x, channel) * 2;
    write(to, low * scale);
    if (x + part.apart < part.paired_end) write(to + part.apart * kBlock * 2, high * scale);
  }

  INLINE void write(char* to, __m512 x) const {
    const __m256i narrowed = op.out_type == kBfloat16 ? (__m256i)_mm512_cvtneps_pbh(x) : (__m256i)_mm512_cvtxps_ph(x);
    _mm256_storeu_si256((__m256i*)to, narrowed);
  }
};

void paint_half(const FilteredLrelu& op, const Part& part, void* scratch) {
  if (part.apart) return paint_as<half>(op, part, scratch, Parted{op, part});
  paint_as<half>(op, part, scratch, Narrowed{op});
}

}  // namespace filtered_lrelu
#endif
