// naive_stress WHAT SEED: runs the stress checks over one of the wrong structures on the heap, ten
// times from that seed on, unless a sanitizer ends it. Exit 0: nobody noticed.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "stress/bus_driver.h"
#include "stress/container_driver.h"
#include "stress/naive/naive_bus.h"
#include "stress/naive/naive_containers.h"

namespace taskforge {
namespace {

// Items are lost all the time, and it is the sanitizer that is waited for.
constexpr absl::Duration kPatience = absl::Seconds(1);

std::string RunOnce(const std::string& what, uint64_t seed) {
  if (what == "queue") {
    naive::NaiveQueue<uint64_t, SeededYield> queue;
    return CheckDeliversOnce(queue, Order::kFifo, 4, 500, seed, kPatience);
  }
  if (what == "stack") {
    naive::NaiveStack<uint64_t, SeededYield> stack;
    return CheckDeliversOnce(stack, Order::kLifo, 4, 500, seed, kPatience);
  }
  if (what == "bus") {
    return CheckPublishesOnce<naive::NaiveBus<SeededYield>>(4, 500, seed, kPatience);
  }
  return "usage: naive_stress queue|stack|bus SEED";
}

}  // namespace
}  // namespace taskforge

int main(int argc, char** argv) {
  const uint64_t first = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 0;
  bool caught = false;
  for (uint64_t seed = first; seed < first + 10; ++seed) {
    const std::string wrong = taskforge::RunOnce(argc == 3 ? argv[1] : "", seed);
    if (wrong.empty()) continue;
    caught = true;
    std::printf("caught by the checks: %s\n", wrong.c_str());
  }
  if (!caught) std::printf("not caught\n");
  return caught ? 1 : 0;
}
