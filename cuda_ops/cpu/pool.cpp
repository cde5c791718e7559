#include "pool.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

constexpr int kSpins = 400;  // some ten microseconds
constexpr uint64_t kField = (1 << 20) - 1;

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

uint64_t stage_of(uint64_t generation, uint64_t step) { return generation << 20 | step; }

}  // namespace

Pool::Pool(int threads) {
  for (int each = 1; each < threads; each++) threads_.emplace_back([this] { serve(); });
}

Pool::~Pool() {
  ends_ = true;
  stage_ = stage_of(++generation_ & 0xffffff, kField);
  stage_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Pool::run(const Work* work, int steps) {
  generation_ = (generation_ + 1) & 0xffffff;
  for (int step = 0; step < steps; step++) {
    queues_[step].done = 0;
    queues_[step].ticket = generation_ << 40 | uint64_t(work[step].tasks) << 20;
  }
  work_ = work;
  steps_ = steps;
  uint64_t stage = stage_of(generation_, 0);
  stage_ = stage;
  stage_.notify_all();
  while (int(stage & kField) < steps) {
    help(stage);
    wait(stage);
    stage = stage_;
  }
}

void Pool::serve() {
  uint64_t stage = 0;
  while (!ends_) {
    if (int(stage & kField) < steps_) help(stage);
    wait(stage);
    stage = stage_;
  }
}

// Do what is left of a stage's step; whoever does the last task opens the next stage.
void Pool::help(uint64_t stage) {
  const uint64_t generation = stage >> 20, step = stage & kField;
  Queue& queue = queues_[step];
  uint64_t ticket = queue.ticket;
  for (;;) {
    uint64_t next = ticket & kField, tasks = ticket >> 20 & kField;
    if (ticket >> 40 != generation || next >= tasks) return;
    if (!queue.ticket.compare_exchange_weak(ticket, ticket + 1)) continue;
    const Work& work = work_.load()[step];  // ours to read: the step cannot end before this task
    work.task(work.what, int(next));
    if (queue.done.fetch_add(1) + 1 == int(tasks)) {
      stage_ = stage_of(generation, step + 1);
      stage_.notify_all();
    }
    ticket = queue.ticket;
  }
}

void Pool::wait(uint64_t stage) {
  for (int spin = 0; spin < kSpins; spin++) {
    if (stage_ != stage) return;
    relax();
  }
  stage_.wait(stage);
}
