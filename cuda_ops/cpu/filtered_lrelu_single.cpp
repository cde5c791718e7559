// The filtered leaky ReLU in single precision.
#include "filtered_lrelu_tasks.h"

namespace filtered_lrelu {

template <class T>
struct Written {
  const FilteredLrelu& op;

  INLINE void operator()(int y, int x, int channel, Vector<float>::type value) const {
    value *= Vector<float>::load(op.scale + channel);
    T* to = (T*)op.out + place(op, y, x, channel);
    if constexpr (sizeof(T) == 4)
      Vector<float>::store(to, value);
    else
      for (int c = 0; c < Vector<float>::lanes; c++) to[c] = narrow(value[c]);
  }
};

void paint_single(const FilteredLrelu& op, const Part& part, void* scratch) {
  if (op.out_type == kBfloat16)
    paint_as<float>(op, part, scratch, Written<bfloat16>{op});
  else
    paint_as<float>(op, part, scratch, Written<float>{op});
}

}  // namespace filtered_lrelu
