"""Fast operators for the processor: programs of steps in C++, on threads of their own."""
