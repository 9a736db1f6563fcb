// What a server that a benchmark started says of itself on /metrics.
#ifndef TASKFORGE_BENCH_METRICS_H_
#define TASKFORGE_BENCH_METRICS_H_

#include <optional>
#include <string>

namespace taskforge::bench {

// The body of GET `path` from a loopback port. Ends the benchmark with a message if there is none.
std::string HttpGet(int port, const std::string& path);

// Of a text in Prometheus' format the sum of all series of this name; nothing: it has none.
std::optional<double> SumOf(const std::string& metrics, const std::string& name);

}  // namespace taskforge::bench

#endif  // TASKFORGE_BENCH_METRICS_H_
