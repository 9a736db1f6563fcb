#include "pool/throughput.h"

#include <atomic>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "pool/ours.h"
#include "pool/peers.h"
#include "pool/queued.h"

namespace taskforge::bench {
namespace {

constexpr int kWindow = 64;  // Outstanding for each producer, in a closed loop.
constexpr int kBatch = 32;   // Submitted at once, where many are.

// Runs `produce(p)` on so many threads; returns when all are done.
void OnThreads(int count, const std::function<void(int)>& produce) {
  std::vector<std::thread> threads;
  for (int p = 0; p < count; ++p) threads.emplace_back(produce, p);
  for (std::thread& thread : threads) thread.join();
}

void YieldUntil(const std::atomic<int>& counter, int value) {
  while (counter.load(std::memory_order_acquire) < value) std::this_thread::yield();
}

template <typename Body>
Sample Timed(int tasks, Body body) {
  const double cpu = ProcessCpuSeconds();
  const double begin = WallSeconds();
  body();
  return {static_cast<double>(tasks), WallSeconds() - begin, ProcessCpuSeconds() - cpu};
}

// All are submitted, then all are waited for.
template <typename Pool>
Sample Burst(int producers, int tasks) {
  Pool pool;
  std::atomic<int> done{0};
  const int each = tasks / producers;
  return Timed(each * producers, [&] {
    OnThreads(producers, [&](int) {
      for (int i = 0; i < each; ++i) {
        pool.Submit(i, [&done] { done.fetch_add(1, std::memory_order_release); });
      }
    });
    YieldUntil(done, each * producers);
  });
}

template <typename Pool>
Sample ClosedLoop(int producers, int tasks) {
  Pool pool;
  const int each = tasks / producers;
  return Timed(each * producers, [&] {
    OnThreads(producers, [&](int) {
      std::atomic<int> done{0};
      for (int i = 0; i < each; ++i) {
        YieldUntil(done, i - kWindow + 1);
        pool.Submit(i, [&done] { done.fetch_add(1, std::memory_order_release); });
      }
      YieldUntil(done, each);
    });
  });
}

template <typename Pool>
Sample BurstOfBatches(int producers, int tasks) {
  Pool pool;
  std::atomic<int> done{0};
  const int each = tasks / producers / kBatch * kBatch;
  return Timed(each * producers, [&] {
    OnThreads(producers, [&](int) {
      for (int i = 0; i < each; i += kBatch) {
        pool.SubmitMany(i, kBatch, [&done] { done.fetch_add(1, std::memory_order_release); });
      }
    });
    YieldUntil(done, each * producers);
  });
}

std::vector<double> PairedRatios(const std::vector<Sample>& ours,
                                 const std::vector<Sample>& theirs) {
  std::vector<double> ratios;
  for (size_t i = 0; i < ours.size(); ++i) ratios.push_back(ours[i].rate() / theirs[i].rate());
  return ratios;
}

// The geometric mean over all points of the lower quartile of the paired ratios; and the least
// point.
class Score {
 public:
  void Add(const std::vector<Sample>& ours, const std::vector<Sample>& theirs) {
    const double low = QuartilesOf(PairedRatios(ours, theirs)).low;
    log_sum_ += std::log(low);
    least_ = std::min(least_, low);
    ++points_;
  }
  void Print(const std::string& name) const {
    std::printf("ratio %s %.2f  (least of %d points %.2f)\n", name.c_str(),
                std::exp(log_sum_ / points_), points_, least_);
  }

 private:
  double log_sum_ = 0;
  double least_ = std::numeric_limits<double>::max();
  int points_ = 0;
};

struct Entry {
  const char* name;
  std::function<Sample(int, int)> burst;
  std::function<Sample(int, int)> loop;
};

template <typename Pool>
Entry MakeEntry(const char* name) {
  return {name, Burst<Pool>, ClosedLoop<Pool>};
}

std::string Title(const char* what, int producers) {
  return std::string(what) + ", " + std::to_string(producers) + " producers";
}

void CompareOneByOne(const Options& options, int tasks) {
  const std::vector<Entry> entries = {
      MakeEntry<OurPool>("taskforge"),
      MakeEntry<TextbookPool>("textbook"),
      MakeEntry<MutexPriorityPool>("mutex_priority_queue"),
      MakeEntry<AsioPool>("asio"),
      MakeEntry<TbbPool>("tbb"),
      MakeEntry<MoodycamelPool>("moodycamel"),
  };
  std::vector<Score> scores(entries.size());
  for (const bool is_loop : {false, true}) {
    for (const int producers : {1, 2, 4, 8}) {
      std::vector<Contender> contenders;
      for (const Entry& entry : entries) {
        contenders.push_back({entry.name, [&entry, is_loop, producers, tasks] {
                                return (is_loop ? entry.loop : entry.burst)(producers, tasks);
                              }});
      }
      const auto samples = RunInterleaved(Title(is_loop ? "closed loop" : "open burst", producers),
                                          options.rounds, contenders);
      for (size_t i = 1; i < entries.size(); ++i) scores[i].Add(samples[0], samples[i]);
    }
  }
  for (size_t i = 1; i < entries.size(); ++i) {
    scores[i].Print(std::string("pool_vs_") + entries[i].name);
  }
}

void CompareBatches(const Options& options, int tasks) {
  Score score;
  for (const int producers : {1, 2, 4, 8}) {
    const auto samples =
        RunInterleaved(Title("open burst of batches of 32", producers), options.rounds,
                       {{"taskforge", [=] { return BurstOfBatches<OurPool>(producers, tasks); }},
                        {"moodycamel bulk",
                         [=] { return BurstOfBatches<MoodycamelBulkPool>(producers, tasks); }}});
    score.Add(samples[0], samples[1]);
  }
  score.Print("pool_many_vs_moodycamel_bulk");
}

void CompareProducers(const Options& options, int tasks) {
  const auto samples =
      RunInterleaved("closed loop, ours, 16 producers and one", options.rounds,
                     {{"16 producers", [=] { return ClosedLoop<OurPool>(16, tasks); }},
                      {"1 producer", [=] { return ClosedLoop<OurPool>(1, tasks); }}});
  Score score;
  score.Add(samples[0], samples[1]);
  score.Print("pool_16_producers_vs_1");
}

void CompareQueued(const Options& options, int tasks) {
  for (const int producers : {1, 2, 4, 8}) {
    const auto samples = RunInterleaved(
        Title("closed loop, ours, through the queues and without", producers), options.rounds,
        {{"through the queues", [=] { return ClosedLoop<QueuedPool>(producers, tasks); }},
         {"pool alone", [=] { return ClosedLoop<OurPool>(producers, tasks); }}});
    PrintRatio("queued_vs_pool_alone_" + std::to_string(producers) + "_producers", samples[0],
               samples[1]);
  }
}

}  // namespace

void CompareThroughput(const Options& options) {
  const int tasks = options.Count(200'000, 40'000);
  CompareOneByOne(options, tasks);
  CompareBatches(options, tasks);
  CompareProducers(options, tasks);
  CompareQueued(options, tasks);
}

}  // namespace taskforge::bench
