// The filtered leaky ReLU in single precision.
#include "filtered_lrelu_tasks.h"

namespace filtered_lrelu {

// Rows of the output from some pixel on.
template <class T>
struct WrittenRows {
  Vector<float>::type scale;
  T* to;
  size_t row;

  INLINE void operator()(int y, int x, Vector<float>::type value) const {
    value *= scale;
    T* at = to + y * row + size_t(x) * kBlock;
    if constexpr (sizeof(T) == 4)
      Vector<float>::store(at, value);
    else
      for (int c = 0; c < Vector<float>::lanes; c++) at[c] = narrow(value[c]);
  }
};

template <class T>
struct Written {
  const FilteredLrelu& op;

  WrittenRows<T> rows(int y, int x, int channel) const {
    return {Vector<float>::load(op.scale + channel), (T*)op.out + place(op, y, x, channel), size_t(op.out_pitch) * kBlock};
  }
};

void paint_single(const FilteredLrelu& op, const Part& part, void* scratch) {
  if (op.out_type == kBfloat16)
    paint_as<float>(op, part, scratch, Written<bfloat16>{op});
  else
    paint_as<float>(op, part, scratch, Written<float>{op});
}

}  // namespace filtered_lrelu
