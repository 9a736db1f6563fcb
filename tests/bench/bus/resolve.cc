#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bus/bars.h"
#include "bus/rig.h"

namespace taskforge::bench {
namespace {

constexpr int kFiltersEach = 50;

// A bus with `filters` wildcard filters, of which three match each topic below.
class Crowd {
 public:
  explicit Crowd(int filters) {
    Subscribe({"orders.*.paid", "orders.>", "*.eu.*"});
    std::vector<std::string> others;
    for (int i = 3; i < filters; ++i) {
      const int kind = i % 3;
      others.push_back(kind == 0   ? absl::StrCat("shop", i, ".*.paid")
                       : kind == 1 ? absl::StrCat("orders.region", i, ".>")
                                   : absl::StrCat("*.region", i, ".sent"));
      if (others.size() == kFiltersEach || i + 1 == filters) Subscribe(std::move(others));
    }
  }
  // Nanoseconds to find out who gets an event of a topic.
  double ResolveNs(int count) {
    int found = 0;
    const double begin = ThreadCpuSeconds();
    for (int i = 0; i < count; ++i) found += rig_.bus().HasSubscribers("orders.eu.paid") ? 1 : 0;
    const double took = ThreadCpuSeconds() - begin;
    if (found != count) std::abort();
    return took / count * 1e9;
  }

 private:
  void Subscribe(std::vector<std::string> filters) {
    SubscribeOptions options;
    options.filters = std::move(filters);
    subscriptions_.push_back(*rig_.bus().Subscribe(options, [](const Event&) {}));
  }

  Rig rig_;
  std::vector<std::unique_ptr<Subscription>> subscriptions_;
};

}  // namespace

void MeasureResolve(const Options& options) {
  const int count = options.Count(500'000, 100'000);
  Crowd few(10);
  Crowd many(10'000);
  std::vector<double> few_ns;
  std::vector<double> many_ns;
  std::vector<double> ratios;
  few.ResolveNs(count);
  many.ResolveNs(count);
  for (int round = 0; round < options.rounds; ++round) {
    few_ns.push_back(few.ResolveNs(count));
    many_ns.push_back(many.ResolveNs(count));
    ratios.push_back(many_ns.back() / few_ns.back());
  }
  PrintCost("resolve_among_10_filters", few_ns, "ns");
  PrintCost("resolve_among_10000_filters", many_ns, "ns");
  PrintCostRatio("resolve_among_10000_vs_10_filters", ratios);
}

}  // namespace taskforge::bench
