"""Networks as programs of the native kernels: the fast way to play them on a processor."""
