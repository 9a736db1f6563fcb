// The pool against the pools that people would use otherwise (pool/peers.h), two threads each.
//   bench_pool [--quick|--smoke]
#include <tbb/global_control.h>

#include "harness.h"
#include "pool/behaviour.h"
#include "pool/peers.h"
#include "pool/throughput.h"
#include "pool/waking.h"

int main(int argc, char** argv) {
  namespace bench = taskforge::bench;
  const bench::Options options = bench::ParseOptions(argc, argv);
  // oneTBB counts a thread that waits in its limit, and otherwise has one worker on two cores.
  const tbb::global_control two_workers(tbb::global_control::max_allowed_parallelism,
                                        bench::kPoolThreads + 1);
  bench::CompareThroughput(options);
  bench::CompareWaking(options);
  bench::ShowBehaviour(options);
  return 0;
}
