// Runs the stress checks over one of the wrong structures on the heap, until a sanitizer ends it or
// a check finds something. Exit 0: nobody noticed.
#include <cstdint>
#include <cstdio>
#include <string>

#include "stress/bus_driver.h"
#include "stress/container_driver.h"
#include "stress/naive/naive_bus.h"
#include "stress/naive/naive_containers.h"

namespace taskforge {
namespace {

std::string RunOnce(const std::string& what, uint64_t seed) {
  if (what == "queue") {
    naive::NaiveQueue<uint64_t, SeededYield> queue;
    return CheckDeliversOnce(queue, Order::kFifo, 4, 500, seed);
  }
  if (what == "stack") {
    naive::NaiveStack<uint64_t, SeededYield> stack;
    return CheckDeliversOnce(stack, Order::kLifo, 4, 500, seed);
  }
  if (what == "bus") return CheckPublishesOnce<naive::NaiveBus<SeededYield>>(4, 500, seed);
  return "usage: naive_stress queue|stack|bus";
}

}  // namespace
}  // namespace taskforge

int main(int argc, char** argv) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    const std::string wrong = taskforge::RunOnce(argc == 2 ? argv[1] : "", seed);
    if (wrong.empty()) continue;
    std::printf("caught by the checks: %s\n", wrong.c_str());
    return 1;
  }
  std::printf("not caught\n");
  return 0;
}
