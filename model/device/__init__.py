"""Networks as steps on a CUDA device: cuDNN's convolutions, and our kernels between them."""
