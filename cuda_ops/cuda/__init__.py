"""Fast operators for CUDA devices: sources that NVRTC or nvcc compiles, and how they are called."""
