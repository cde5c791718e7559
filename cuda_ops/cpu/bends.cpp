// The bends that look at each pixel alone.
#include <cmath>

#include "bend_rows.h"
#include "program.h"

using namespace bends;

namespace {

typedef int32_t whole_numbers __attribute__((vector_size(VECTOR_BYTES)));

// The logarithm to base 2 of a positive number: its exponent, and a series for what is left.
INLINE Lane::type log2(Lane::type x) {
  whole_numbers bits = (whole_numbers)x;
  const whole_numbers exponent = (bits - 0x3f3504f3) >> 23;  // so that a mantissa lies about 1
  const Lane::type m = (Lane::type)(bits - (exponent << 23)), s = (m - 1) / (m + 1), t = s * s;
  const Lane::type series = s * (2.88539008f + t * (0.96179669f + t * (0.57707802f + t * (0.41219859f + t * 0.32059890f))));
  return __builtin_convertvector(exponent, Lane::type) + series;
}

// 2 to the x, within the range of numbers.
INLINE Lane::type exp2(Lane::type x) {
  x = Lane::min(Lane::max(x, Lane::all(-126.f)), Lane::all(127.f));
  const whole_numbers whole = __builtin_convertvector(x + (x < 0 ? Lane::all(-0.5f) : Lane::all(0.5f)), whole_numbers);
  const Lane::type f = (x - __builtin_convertvector(whole, Lane::type)) * 0.69314718f;
  const Lane::type e = 1 + f * (1 + f * (0.5f + f * (0.16666667f + f * (0.041666667f + f * (8.3333333e-3f + f * 1.3888889e-3f)))));
  return (Lane::type)((whole_numbers)e + (whole << 23));
}

INLINE Lane::type power(Lane::type x, float exponent, float magnitude) {
  const Lane::type size = (x < 0 ? -x : x) / magnitude;
  const Lane::type raised = exp2(log2(Lane::max(size, Lane::all(1e-30f))) * exponent) * magnitude;
  const Lane::type made = size > 1e-30f ? raised : Lane::all(0.f);
  return x < 0 ? -made : made;
}

INLINE Lane::type clamped(Lane::type x, float low, float high) {
  return Lane::min(Lane::max(x, Lane::all(low)), Lane::all(high));
}

// Every pixel of a row after `formula(x, vector, place)`.
template <class S, class F>
void pointwise(const Taken& at, int block, int y, const F& formula) {
  const Row<S> row(at, block, y);
  for (int x = 0; x < at.width; x++) {
    Pixel made = row[x];
    for (int v = 0; v < kVectors; v++) made.v[v] = formula(made.v[v], v);
    row.take(x, made);
  }
}

template <class S>
void point(const BendPoint& op, int block, int y) {
  const float a = op.a, b = op.b, c = op.c;
  const auto each = [&](const auto& formula) { pointwise<S>(op.at, block, y, formula); };
  switch (op.formula) {
    case kLinear: return each([=](Lane::type x, int) { return x * a + b; });
    case kRamp: return each([=](Lane::type x, int) { return c * clamped(x * a + b, 0, 1); });
    case kClamp: return each([=](Lane::type x, int) { return clamped(x, -a, a); });
    case kPower: return each([=](Lane::type x, int) { return power(x, a, b); });
    case kBySlot: {
      const Pixel scale = get(op.scale + block * kBlock), shift = get(op.shift + block * kBlock);
      return each([&](Lane::type x, int v) { return x * scale.v[v] + shift.v[v]; });
    }
    case kOther: {
      const Row<S> row(op.at, block, y);
      const S* other = copied_row<S>(op.other, op.at, block, y);
      for (int x = 0; x < op.at.width; x++) row.take(x, get(other + size_t(x) * kBlock));
    }
  }
}

template <class S>
void sums(const BendSums& op, int block, int y) {
  const Row<S> row(op.at, block, y);
  Pixel sum = {}, squares = {};
  for (int x = 0; x < op.at.width; x++) {
    const Pixel here = row[x];
    for (int v = 0; v < kVectors; v++) sum.v[v] += here.v[v], squares.v[v] += here.v[v] * here.v[v];
  }
  float* to = op.sums + (size_t(block) * op.at.height + y) * 2 * kBlock;
  put(to, sum), put(to + kBlock, squares);
}

template <class S>
void permute(const BendPermute& op, int block, int y) {
  const Row<S> row(op.at, block, y);
  const S* from[kBlock];
  for (int c = 0; c < kBlock; c++) {
    const int source = op.sources[block * kBlock + c];
    from[c] = copied_row<S>(op.copy, op.at, source / kBlock, y) + source % kBlock;
  }
  for (int x = 0; x < op.at.width; x++) {
    S gathered[kBlock];
    for (int c = 0; c < kBlock; c++) gathered[c] = from[c][size_t(x) * kBlock];
    row.take(x, get(gathered));
  }
}

}  // namespace

int tasks(const BendCopy& op) { return rows_of(op.at); }

void run(const BendCopy& op, int task) {
  each_row(op.at, task, [&](auto number, int block, int y) {
    using S = decltype(number);
    const size_t pixels = size_t(op.at.width) * kBlock;
    memcpy((void*)copied_row<S>(op.out, op.at, block, y), Row<S>(op.at, block, y).pixels, pixels * sizeof(S));
  });
}

int tasks(const BendPoint& op) { return rows_of(op.at); }

void run(const BendPoint& op, int task) {
  each_row(op.at, task, [&](auto number, int block, int y) { point<decltype(number)>(op, block, y); });
}

int tasks(const BendSums& op) { return rows_of(op.at); }

void run(const BendSums& op, int task) {
  each_row(op.at, task, [&](auto number, int block, int y) { sums<decltype(number)>(op, block, y); });
}

int tasks(const BendMoments& op) { return op.at.blocks; }

void run(const BendMoments& op, int block) {
  if (!is_wanted(op.at, block)) return;
  const float* rows = op.sums + size_t(block) * op.at.height * 2 * kBlock;
  const double pixels = double(op.at.height) * op.at.width;
  for (int c = 0; c < kBlock; c++) {
    double sum = 0, squares = 0;
    for (int y = 0; y < op.at.height; y++) {
      sum += rows[size_t(2 * y) * kBlock + c];
      squares += rows[size_t(2 * y + 1) * kBlock + c];
    }
    const double mean = sum / pixels, variance = squares / pixels - mean * mean;
    const double deviation = std::sqrt(variance > 0 ? variance : 0);
    const int slot = block * kBlock + c;
    op.scale[slot] = float(op.deviation[slot] / (deviation > op.least ? deviation : op.least));
    op.shift[slot] = float(op.mean[slot] - mean * op.scale[slot]);
  }
}

int tasks(const BendPermute& op) { return rows_of(op.at); }

void run(const BendPermute& op, int task) {
  each_row(op.at, task, [&](auto number, int block, int y) { permute<decltype(number)>(op, block, y); });
}
