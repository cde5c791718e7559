// Scratch memory of a thread, which grows and is kept.
#pragma once
#include <cstddef>
#include <new>

inline void* workspace(size_t bytes) {
  static constexpr std::align_val_t kLine{64};  // by new, since Windows has no aligned_alloc
  struct Memory {
    void* at = nullptr;
    size_t size = 0;
    ~Memory() { ::operator delete(at, kLine); }
  };
  static thread_local Memory memory;
  if (memory.size < bytes) {
    ::operator delete(memory.at, kLine);
    memory.at = ::operator new(bytes, kLine);
    memory.size = bytes;
  }
  return memory.at;
}
