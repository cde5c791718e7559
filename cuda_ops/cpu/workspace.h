// Scratch memory of a thread, which grows and is kept.
#pragma once
#include <cstdlib>

inline void* workspace(size_t bytes) {
  struct Memory {
    void* at = nullptr;
    size_t size = 0;
    ~Memory() { free(at); }
  };
  static thread_local Memory memory;
  if (memory.size < bytes) {
    free(memory.at);
    memory.size = (bytes + 4095) / 4096 * 4096;
    memory.at = aligned_alloc(64, memory.size);
  }
  return memory.at;
}
