"""The operators under StyleGAN networks, each with a plain reference (`cuda_ops.reference`)."""

from cuda_ops.bias_act import bias_act
from cuda_ops.conv2d_resample import conv2d_resample
from cuda_ops.filtered_lrelu import filtered_lrelu
from cuda_ops.modulated_conv2d import modulated_conv2d_stylegan2, modulated_conv2d_stylegan3
from cuda_ops.paths import choose, is_native, path
from cuda_ops.upfirdn2d import downsample2d, filter2d, setup_filter, upfirdn2d, upsample2d

__all__ = [
    "bias_act",
    "choose",
    "conv2d_resample",
    "downsample2d",
    "filter2d",
    "filtered_lrelu",
    "is_native",
    "modulated_conv2d_stylegan2",
    "modulated_conv2d_stylegan3",
    "path",
    "setup_filter",
    "upfirdn2d",
    "upsample2d",
]
