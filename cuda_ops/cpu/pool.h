// Threads that share the tasks of a program's steps, and sleep when there is nothing to do.
//
// A thread that waits for another spins for microseconds, then sleeps: beside a busy neighbour the
// processor goes to whoever has work. Tasks are claimed one by one, so that a thread which is not
// scheduled holds up nobody.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

class Pool {
 public:
  using Task = void (*)(const void* what, int task);
  struct Work {
    Task task;
    const void* what;
    int tasks;
  };
  static constexpr int kMost = 256;                  // steps of one program
  static constexpr int kMostTasks = (1 << 20) - 1;  // of one step

  explicit Pool(int threads);
  ~Pool();

  // All tasks of each step, before any of the next. One caller at a time.
  void run(const Work* work, int steps);

 private:
  // A ticket is a generation (24 bits), the count of tasks (20) and how many were claimed (20), so
  // that a thread which slept through a whole program can neither claim nor spoil anything.
  struct alignas(64) Queue {
    std::atomic<uint64_t> ticket{0};
    std::atomic<int> done{0};
  };

  void serve();
  void help(uint64_t stage);
  void wait(uint64_t stage);

  std::unique_ptr<Queue[]> queues_{new Queue[kMost]};
  // Generation and step; changes when a step is done. The step `steps_` is the end.
  alignas(64) std::atomic<uint64_t> stage_{0};
  std::atomic<const Work*> work_{nullptr};
  std::atomic<int> steps_{0};
  std::atomic<bool> ends_{false};
  uint64_t generation_ = 0;
  std::vector<std::thread> threads_;
};
