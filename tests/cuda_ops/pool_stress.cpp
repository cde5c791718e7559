// Thousands of random programs: every task must be done once, and all of a step before the next.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include "pool.h"

namespace {

struct Step {
  int number;
  std::vector<int> done;  // how often, by task
  const Step* before;
};

std::atomic<int> mistakes{0};

void check(const Step& step) {
  for (int times : step.done) mistakes += times != 1;
}

void task(const void* what, int number) {
  Step& step = *(Step*)what;
  if (step.before) check(*step.before);
  step.done[number]++;
  if ((number * 31 + step.number) % 97 == 0) std::this_thread::yield();  // now and then a late one
}

}  // namespace

int main(int, char** arguments) {
  const int threads = atoi(arguments[1]), programs = atoi(arguments[2]);
  std::mt19937 random(1);
  Pool pool(threads);
  for (int program = 0; program < programs; program++) {
    std::vector<Step> steps(1 + random() % (random() % 10 ? 6 : Pool::kMost));
    std::vector<Pool::Work> work;
    for (int each = 0; each < int(steps.size()); each++) {
      const int tasks = 1 + random() % (random() % 5 ? 3 : 60);
      steps[each] = {each, std::vector<int>(tasks), each ? &steps[each - 1] : nullptr};
      work.push_back({task, &steps[each], tasks});
    }
    pool.run(work.data(), int(work.size()));
    check(steps.back());
  }
  printf("%d mistakes\n", mistakes.load());
}
