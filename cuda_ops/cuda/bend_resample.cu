// The bends that read each pixel elsewhere: where, in one launch for all channels; then what lies
// there. Places are pixels about the centre of the map, x to the right and y down.
//
// The build defines KIND as in maps.cu.
#include "bends.cuh"

enum Move : int32 {
  kTranslate,
  kRotate,
  kScale,
  kShear,
  kFlipAcross,
  kFlipDown,
  kFlipBoth,
  kTrail,
  kKaleidoscope,
  kDisplace,
  kSeed
};

struct Places {
  const float* from;   // [height][width][2], what is moved on; null: where the pixels lie
  float* to;           // the same
  const float* knobs;  // of the bend, without its mix
  const float* waves;  // of kDisplace: weight, frequency across and down, pace, phase; [5][drawn][2]
  int32 move, height, width, count, drawn;  // `count` of the waves that were drawn
  float pixels;        // per picture height
};

// Beyond a map lies: it mirrored, its outermost pixels, it again, nothing.
enum Border : int32 { kReflect, kEdge, kWrap, kZeros };

struct Resample {
  Taken at;
  const void *in, *from;  // the map, and the one that is read elsewhere
  const float* places;    // [height][width][2]
  const float* fade;      // to what is read; null: 1
  int32 border, nearest;
};

using namespace bends;

constexpr float kPi = 3.14159265f;
constexpr float kFar = 1e6f;           // farther away than any pixel
constexpr float kSpoilt = 2;           // pixels along the edge of a map, which padding has made darker
constexpr float kMostSpoilt = 0.125f;  // of a side

struct Point2 {
  float x, y;
};

DEVICE Point2 turned(Point2 p, float cosine, float sine) {
  return {fmaf(cosine, p.x, sine * p.y), fmaf(cosine, p.y, -sine * p.x)};
}

// Where a turn by `degrees`, clockwise on the screen, reads.
DEVICE Point2 turned(Point2 p, float degrees) {
  return turned(p, sinpif(degrees / 180 + 0.5f), sinpif(degrees / 180));
}

DEVICE Point2 folded(Point2 p, float amount, float segments, float degrees) {
  const float turn = degrees / 180 * kPi, period = 2 * kPi / segments, angle = atan2f(p.y, p.x) - turn;
  const float within = angle - floorf(angle / period) * period;
  const float seen = fminf(within, period - within) + turn, far = sqrtf(p.x * p.x + p.y * p.y);
  return {faded(p.x, far * cosf(seen), amount), faded(p.y, far * sinf(seen), amount)};
}

// By waves for one axis (0, 1).
DEVICE float displaced(const Places& op, Point2 p, int axis) {
  const float turns = 2 * kPi / (op.knobs[1] * op.pixels), travelled = op.knobs[3];
  const int wide = 2 * op.drawn;
  float sum = 0;
  for (int wave = 0; wave < op.count; wave++) {
    const float* const drawn = op.waves + 2 * wave + axis;
    const float way = fmaf(drawn[wide], p.x, drawn[2 * wide] * p.y) * turns;
    sum = fmaf(drawn[0], sinf(way + drawn[4 * wide] + drawn[3 * wide] * travelled), sum);
  }
  return sum * op.knobs[0] * op.pixels;
}

// The nearest pixel that the chain of the seed system reads, in the order of its roundings.
DEVICE Point2 seeded(const Places& op, Point2 p) {
  const float* const k = op.knobs;
  const Point2 middle = {0.5f * (op.width - 1), 0.5f * (op.height - 1)};
  const Point2 at = {p.x - k[1] * op.pixels, p.y - k[2] * op.pixels};
  const float cosine = sinpif(k[0] / 180 + 0.5f) / k[3], sine = sinpif(k[0] / 180) / k[3];
  return {rintf(cosine * at.x + sine * at.y + middle.x) - middle.x,
          rintf(cosine * at.y - sine * at.x + middle.y) - middle.y};
}

DEVICE Point2 moved(const Places& op, Point2 p) {
  const float* const k = op.knobs;
  switch (op.move) {
    case kTranslate: return {p.x - k[0] * op.pixels, p.y - k[1] * op.pixels};
    case kRotate: return turned(p, k[0]);
    case kScale: return {p.x / (k[0] * k[1]), p.y / k[0]};
    case kShear: return {fmaf(1 + k[0] * k[1], p.x, -k[0] * p.y), fmaf(-k[1], p.x, p.y)};
    case kFlipAcross: return {-p.x, p.y};
    case kFlipDown: return {p.x, -p.y};
    case kFlipBoth: return {-p.x, -p.y};
    case kTrail: return turned({p.x / k[1], p.y / k[1]}, k[2]);
    case kKaleidoscope: return folded(p, k[0], k[1], k[2]);
    case kDisplace: return {p.x + displaced(op, p, 0), p.y + displaced(op, p, 1)};
    case kSeed: return seeded(op, p);
    default: return p;
  }
}

KERNEL(places_kernel, Places, kThreads, 1) {
  const int x = blockIdx.x * kThreads + threadIdx.x, y = blockIdx.y;
  if (x >= op.width) return;
  const int64 pixel = int64(y) * op.width + x;
  Point2 p = {x + 0.5f - 0.5f * op.width, y + 0.5f - 0.5f * op.height};
  if (op.from) p = {op.from[2 * pixel], op.from[2 * pixel + 1]};
  p = moved(op, p);
  op.to[2 * pixel] = p.x;
  op.to[2 * pixel + 1] = p.y;
}

// Where index `i` of `size` lies; -1: nowhere.
DEVICE int inside(int i, int size, int border) {
  if (uint32(i) < uint32(size)) return i;
  if (border == kZeros) return -1;
  if (border == kEdge) return i < 0 ? 0 : size - 1;
  const int period = border == kWrap ? size : 2 * size;
  i = (i % period + period) % period;
  return i < size ? i : 2 * size - 1 - i;
}

DEVICE Single2 pixel(const Resample& op, int word, int x, int y) {
  x = inside(x, op.at.width, op.border), y = inside(y, op.at.height, op.border);
  if (x < 0 || y < 0) return {0, 0};
  return load(op.from, word_at(op.at, word, x, y));
}

DEVICE float near_enough(float position) { return fminf(fmaxf(position, -kFar), kFar); }  // no number is far too

// A position about the centre that does not show padding, of a pixel that lies at `own`: what comes
// in from beyond is taken a little further in, as much as the pixel has moved.
DEVICE float unspoilt(float position, float own, int size, int border) {
  const float half = 0.5f * size - fminf(fabsf(position - own), fminf(kMostSpoilt * size, kSpoilt));
  if (!(fabsf(position) > half - 0.5f)) return position;
  if (border == kEdge) return copysignf(half - 0.5f, position);
  if (border != kReflect || fabsf(position) <= half) return position;
  const float along = fmodf(position + half, 4 * half);
  return half - fabsf((along < 0 ? along + 4 * half : along) - 2 * half);
}

DEVICE Single2 read(const Resample& op, int word, float x, float y) {
  if (op.nearest) return pixel(op, word, int(floorf(x + 0.5f)), int(floorf(y + 0.5f)));
  const float left = floorf(x), top = floorf(y), across = x - left, down = y - top;
  const int column = int(left), row = int(top);
  Single2 sum = mul(pixel(op, word, column, row), (1 - across) * (1 - down));
  sum = mul_add(pixel(op, word, column + 1, row), across * (1 - down), sum);
  sum = mul_add(pixel(op, word, column, row + 1), (1 - across) * down, sum);
  return mul_add(pixel(op, word, column + 1, row + 1), across * down, sum);
}

KERNEL(resample_bend_kernel, Resample, kThreads, 1) {
  const Place p = place(op.at.slots);
  if (p.x >= op.at.width) return;
  take(op.at, p.word, p.x, p.y, [&]() -> Single2 {
    const float* const to = op.places + 2 * (int64(p.y) * op.at.width + p.x);
    const float middle_x = 0.5f * (op.at.width - 1), middle_y = 0.5f * (op.at.height - 1);
    const float x = near_enough(unspoilt(to[0], p.x - middle_x, op.at.width, op.border) + middle_x);
    const float y = near_enough(unspoilt(to[1], p.y - middle_y, op.at.height, op.border) + middle_y);
    const Single2 found = read(op, p.word, x, y);
    return op.fade ? faded(load(op.in, word_at(op.at, p.word, p.x, p.y)), found, *op.fade) : found;
  });
}
