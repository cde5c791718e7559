// The bends that read each pixel elsewhere.
#include <cmath>

#include "bend_rows.h"
#include "program.h"

using namespace bends;

namespace {

constexpr float kFar = 1e6f;     // farther away than any pixel
constexpr float kSpoilt = 2;    // pixels along the edge of a map, which padding has made darker
constexpr float kMostSpoilt = 0.125f;  // of a side

// Where index `i` of `size` lies; -1: nowhere.
INLINE int within(int i, int size, int border) {
  if (unsigned(i) < unsigned(size)) return i;
  if (border == kZeros) return -1;
  if (border == kEdge) return i < 0 ? 0 : size - 1;
  const int period = border == kWrap ? size : 2 * size;
  i = (i % period + period) % period;
  return i < size ? i : 2 * size - 1 - i;
}

INLINE float near_enough(float position) {
  position = position > -kFar ? position : -kFar;  // what is no number too
  return position < kFar ? position : kFar;
}

// A position about the centre that does not show padding, of a pixel that lies at `own`: what comes
// in from beyond is taken a little further in, as much as the pixel has moved.
INLINE float unspoilt(float position, float own, int size, int border) {
  const float most = kMostSpoilt * size < kSpoilt ? kMostSpoilt * size : kSpoilt;
  const float moved = std::fabs(position - own);
  const float half = 0.5f * size - (moved < most ? moved : most);
  if (!(std::fabs(position) > half - 0.5f)) return position;
  if (border == kEdge) return std::copysign(half - 0.5f, position);
  if (border != kReflect || std::fabs(position) <= half) return position;
  const float along = std::fmod(position + half, 4 * half);
  return half - std::fabs((along < 0 ? along + 4 * half : along) - 2 * half);
}

// Reads one block of a copy anywhere.
template <class S>
struct Reader {
  const S* pixels;
  int height, width, border;

  INLINE Pixel at(int x, int y) const {
    x = within(x, width, border), y = within(y, height, border);
    if (x < 0 || y < 0) return Pixel{};
    return get(pixels + (size_t(y) * width + x) * kBlock);
  }

  INLINE Pixel nearest(float x, float y) const {
    return at(int(std::floor(x + 0.5f)), int(std::floor(y + 0.5f)));
  }

  INLINE Pixel between(float x, float y) const {
    const float left = std::floor(x), top = std::floor(y), right = x - left, below = y - top;
    const int column = int(left), row = int(top);
    Pixel a, b, c, d;
    if (column >= 0 && row >= 0 && column + 1 < width && row + 1 < height) {
      const S* from = pixels + (size_t(row) * width + column) * kBlock;
      a = get(from), b = get(from + kBlock);
      c = get(from + size_t(width) * kBlock), d = get(from + size_t(width + 1) * kBlock);
    } else {
      a = at(column, row), b = at(column + 1, row);
      c = at(column, row + 1), d = at(column + 1, row + 1);
    }
    Pixel mixed;
    for (int v = 0; v < kVectors; v++)
      mixed.v[v] = (a.v[v] * (1 - right) + b.v[v] * right) * (1 - below) +
                   (c.v[v] * (1 - right) + d.v[v] * right) * below;
    return mixed;
  }
};

template <class S>
void resample(const BendResample& op, int block, int y) {
  const Row<S> row(op.at, block, y);
  const int height = op.at.height, width = op.at.width;
  const Reader<S> reader{copied_row<S>(op.copy, op.at, block, 0), height, width, op.border};
  const float middle_x = 0.5f * width - 0.5f, middle_y = 0.5f * height - 0.5f, *m = op.matrix;
  const float* positions = op.positions ? op.positions + size_t(y) * width * 2 : nullptr;
  for (int x = 0; x < width; x++) {
    const float across = x - middle_x, down = y - middle_y;
    const float to_x = positions ? positions[2 * x] : m[0] * across + m[1] * down + m[2];
    const float to_y = positions ? positions[2 * x + 1] : m[3] * across + m[4] * down + m[5];
    const float from_x = near_enough(unspoilt(to_x, across, width, op.border) + middle_x);
    const float from_y = near_enough(unspoilt(to_y, down, height, op.border) + middle_y);
    row.take(x, op.nearest ? reader.nearest(from_x, from_y) : reader.between(from_x, from_y));
  }
}

}  // namespace

int tasks(const BendResample& op) { return rows_of(op.at); }

void run(const BendResample& op, int task) {
  each_row(op.at, task, [&](auto number, int block, int y) { resample<decltype(number)>(op, block, y); });
}
