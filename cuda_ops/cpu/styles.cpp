// Styles of a layer, and the gains that keep its convolution at unit variance.
// Source: Karras et al. 2020, arXiv:1912.04958, equation 3; 2021, arXiv:2106.12423, appendix D.
#include <cmath>

#include "program.h"
#include "vectors.h"

namespace {

using Lane = Vector<float>;

float dot(const float* a, const float* b, int count) {
  constexpr int L = Lane::lanes;
  Lane::type sums[4] = {};
  int i = 0;
  for (; i + 4 * L <= count; i += 4 * L)
    for (int j = 0; j < 4; j++) sums[j] += Lane::load(a + i + j * L) * Lane::load(b + i + j * L);
  sums[0] += sums[1] + (sums[2] + sums[3]);
  float sum = 0;
  for (int lane = 0; lane < L; lane++) sum += sums[0][lane];
  for (; i < count; i++) sum += a[i] * b[i];
  return sum;
}

constexpr int kMostChannels = 1 << 14;

}  // namespace

int tasks(const Styles& all) { return all.count; }

void run(const Styles& all, int layer) {
  const Style& op = all.each[layer];
  static thread_local float styles[kMostChannels];
  for (int i = 0; i < op.inputs; i++) styles[i] = dot(op.weight + size_t(i) * op.w_dim, op.w, op.w_dim) + op.bias[i];
  if (op.energy) {
    const float size = 1 / std::sqrt(dot(styles, styles, op.inputs) / op.inputs);
    for (int i = 0; i < op.inputs; i++) styles[i] *= size;
  }
  for (int i = 0; i < op.inputs; i++) op.styles[op.in_slots[i]] = styles[i];
  if (!op.energy) return;
  for (int i = 0; i < op.inputs; i++) styles[i] *= styles[i];
  for (int o = 0; o < op.outputs; o++) {
    const float energy = dot(op.energy + size_t(o) * op.inputs, styles, op.inputs);
    op.gains[op.out_slots[o]] = op.gain * op.length / std::sqrt(op.length * op.length * energy + 1e-8f);
  }
}
