// Styles of all layers, and the gains that keep their convolutions at unit variance: two launches.
// Sources: Karras et al. 2020, arXiv:1912.04958, equation 3; 2021, arXiv:2106.12423, appendix D.
#include "numbers.cuh"

// An affine layer and the demodulation behind it; cuda_ops/cuda/styles.py says what is what.
struct Style {
  const float *weight, *bias, *w;
  const float* energy;  // null: no demodulation
  const int32 *in_slots, *out_slots;
  float *plain, *styles, *gains;
  int32 inputs, outputs, w_dim;
  float length, gain;
};

struct Styles {
  const Style* each;  // on the device
  int32 count;
};

namespace styles {

constexpr int kWarp = 32, kThreads = 256, kRows = kThreads / kWarp;

DEVICE float dot(const float* a, const float* b, int count) {
  float sum = 0;
  for (int i = threadIdx.x % kWarp; i < count; i += kWarp) sum += a[i] * b[i];
  return numbers::sum_of_warp(sum);
}

// The row of a matrix that belongs to this warp; every warp has one, be it of use or not.
DEVICE int row() { return blockIdx.x * kRows + threadIdx.x / kWarp; }

DEVICE bool leads() { return threadIdx.x % kWarp == 0; }

}  // namespace styles

using namespace styles;

// w [w_dim] to styles [inputs], before they are normalised.
KERNEL(affine_kernel, Styles, kThreads, 1) {
  const Style& layer = op.each[blockIdx.y];
  const int i = row();
  const bool is_mine = i < layer.inputs;
  const float sum = dot(layer.weight + (is_mine ? i : 0) * int64(layer.w_dim), layer.w, layer.w_dim);
  if (is_mine && leads()) layer.plain[i] = sum + layer.bias[i];
}

KERNEL(gains_kernel, Styles, kThreads, 1) {
  const Style& layer = op.each[blockIdx.y];
  const int i = row();
  const float size = layer.energy ? rsqrtf(dot(layer.plain, layer.plain, layer.inputs) / layer.inputs) : 1;
  if (i < layer.inputs && leads()) layer.styles[layer.in_slots[i]] = layer.plain[i] * size;
  float sum = 0;
  if (layer.energy && i < layer.outputs) {
    const float* const energies = layer.energy + i * int64(layer.inputs);
    for (int k = threadIdx.x % kWarp; k < layer.inputs; k += kWarp) {
      const float style = layer.plain[k] * size;
      sum += energies[k] * style * style;
    }
  }
  sum = numbers::sum_of_warp(sum);
  if (!layer.energy || i >= layer.outputs || !leads()) return;
  const float squared = layer.length * layer.length;
  layer.gains[layer.out_slots[i]] = layer.gain * layer.length * rsqrtf(squared * sum + 1e-8f);
}
