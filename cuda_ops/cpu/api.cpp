// The door to Python: C functions on raw pointers, called through ctypes.
#include <mutex>

#include "pool.h"
#include "program.h"
#include "vectors.h"

namespace {

template <class S>
void task(const void* what, int number) {
  run(*(const S*)what, number);
}

template <class S>
bool fits(const Step& step, Pool::Work& work) {
  if (step.kind != S::kind) return false;
  work = {task<S>, step.what, tasks(*(const S*)step.what)};
  return true;
}

bool fits_bend(const Step& step, Pool::Work& work) {
  return fits<BendCopy>(step, work) || fits<BendResample>(step, work) || fits<BendPoint>(step, work) ||
         fits<BendExtremeDown>(step, work) || fits<BendExtremeAcross>(step, work) ||
         fits<BendSmooth>(step, work) || fits<BendSums>(step, work) || fits<BendMoments>(step, work) ||
         fits<BendPermute>(step, work);
}

// Kept at the end of the process: a thread may still play then, and a forked child has no other.
std::unique_ptr<Pool>& pool = *new std::unique_ptr<Pool>;
int threads = 0;
std::mutex one_program;

}  // namespace

int thread_count() { return threads; }

extern "C" {

// How many threads share the work, the caller among them; a program that plays ends first.
void performer_set_threads(int count) {
  std::lock_guard<std::mutex> lock(one_program);
  if (count == threads) return;
  pool = std::make_unique<Pool>(count);
  threads = count;
}

// Whether all steps were of a known kind and size; they are done, in order, when this returns.
int performer_run(const Step* steps, int count) {
  std::lock_guard<std::mutex> lock(one_program);
  Pool::Work work[Pool::kMost];
  int filled = 0;
  if (count > Pool::kMost) return 0;
  for (int each = 0; each < count; each++) {
    Pool::Work& next = work[filled];
    if (!(fits<Styles>(steps[each], next) || fits<Waves>(steps[each], next) ||
          fits<Pack>(steps[each], next) || fits<Unpack>(steps[each], next) ||
          fits<Mirror>(steps[each], next) || fits<Convolution>(steps[each], next) ||
          fits<FilteredLrelu>(steps[each], next) || fits<Layer>(steps[each], next) ||
          fits<FilteredLreluGradient>(steps[each], next) || fits_bend(steps[each], next)))
      return 0;
    if (next.tasks > Pool::kMostTasks) return 0;
    filled += next.tasks > 0;
  }
  if (!pool) return 0;
  if (filled) pool->run(work, filled);
  return 1;
}

// Lay a kernel [outputs][inputs][side][side] out as the convolution of inputs of `type` reads it.
void performer_pack_kernel(const float* kernel, const int32_t* in_slots, int inputs, int in_blocks,
                           int outputs, int side, int32_t type, void* packed) {
  pack_kernel(kernel, in_slots, inputs, in_blocks, outputs, side, type, packed);
}

// The type of convolutions' inputs where half precision will do, and of what lies between a
// convolution and its filters: what this processor computes in.
int performer_half_input() {
#if defined(__AMX_BF16__) || defined(__AVX512BF16__)
  return kBfloat16;
#else
  return kFloat32;
#endif
}

int performer_half_between() { return HAS_HALF ? kHalf : kFloat32; }

// Bytes of the structure of a kind of step, -1 for a style: what Python lays out must be as large.
int performer_size(int kind) {
  switch (kind) {
    case -1: return sizeof(Style);
    case Styles::kind: return sizeof(Styles);
    case Waves::kind: return sizeof(Waves);
    case Pack::kind: return sizeof(Pack);
    case Unpack::kind: return sizeof(Unpack);
    case Mirror::kind: return sizeof(Mirror);
    case Convolution::kind: return sizeof(Convolution);
    case FilteredLrelu::kind: return sizeof(FilteredLrelu);
    case Layer::kind: return sizeof(Layer);
    case FilteredLreluGradient::kind: return sizeof(FilteredLreluGradient);
    case BendCopy::kind: return sizeof(BendCopy);
    case BendResample::kind: return sizeof(BendResample);
    case BendPoint::kind: return sizeof(BendPoint);
    case BendExtremeDown::kind: return sizeof(BendExtremeDown);
    case BendExtremeAcross::kind: return sizeof(BendExtremeAcross);
    case BendSmooth::kind: return sizeof(BendSmooth);
    case BendSums::kind: return sizeof(BendSums);
    case BendMoments::kind: return sizeof(BendMoments);
    case BendPermute::kind: return sizeof(BendPermute);
    default: return 0;
  }
}

// What was compiled in, for people.
const char* performer_instructions() {
#if defined(__AMX_BF16__) && HAS_HALF
  return "AMX, AVX512-FP16";
#elif defined(__AVX512BF16__)
  return "AVX512-BF16";
#elif defined(__AVX512F__)
  return "AVX-512";
#elif defined(__AVX2__)
  return "AVX2";
#elif defined(__ARM_NEON)
  return "NEON";
#else
  return "plain";
#endif
}
}
