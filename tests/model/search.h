// Runs a model under Relacy and says what became of it.
#ifndef TASKFORGE_MODEL_SEARCH_H_
#define TASKFORGE_MODEL_SEARCH_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "model/relacy_atomics.h"

namespace taskforge::model {

// How a model is searched.
struct Effort {
  // Every schedule, if none; else every schedule with at most so many switches away from a thread
  // that could go on. In both, a load may return the newest value or the one before.
  std::optional<unsigned> switches;
  // Random schedules after that, in which a load may return an older value too.
  uint64_t random = 1'000'000;
};

struct Found {
  rl::test_result_e what = rl::test_result_success;
  uint64_t schedules = 0;  // Until then.
  std::string story;       // The schedule that failed, for people.
};

// What the environment says, for a longer search than that of the test run; else `usual`.
inline uint64_t FromEnvironment(const char* name, uint64_t usual) {
  const char* set = std::getenv(name);
  uint64_t value = 0;
  return set != nullptr && absl::SimpleAtoi(set, &value) ? value : usual;
}

template <typename Model>
Found SearchBy(rl::scheduler_type_e scheduler, const Effort& effort) {
  // Relacy counts what is allocated while it runs, but for what its own stream allocates.
  rl::ostringstream story;
  rl::test_params params;
  params.output_stream = &story;
  params.progress_stream = &story;
  params.progress_output_period = 1'000'000;  // Seconds.
  params.search_type = scheduler;
  params.context_bound = effort.switches.value_or(0);
  params.iteration_count = std::max<uint64_t>(effort.random, 1);
  rl::simulate<Model>(params);
  return {params.test_result, params.stop_iteration, std::string(story.str().c_str())};
}

// Every schedule within the bound, then random ones. TASKFORGE_MODEL_SWITCHES and
// TASKFORGE_MODEL_RANDOM in the environment replace the model's own numbers, for a longer search.
template <typename Model>
void ExpectHolds(Effort effort) {
  const auto start = std::chrono::steady_clock::now();
  effort.random = FromEnvironment("TASKFORGE_MODEL_RANDOM", effort.random);
  if (effort.switches.has_value()) {
    effort.switches =
        static_cast<unsigned>(FromEnvironment("TASKFORGE_MODEL_SWITCHES", *effort.switches));
  }
  const Found all =
      SearchBy<Model>(effort.switches.has_value() ? rl::fair_context_bound_scheduler_type
                                                  : rl::fair_full_search_scheduler_type,
                      effort);
  ASSERT_EQ(all.what, rl::test_result_success) << all.story;
  const Found some = SearchBy<Model>(rl::random_scheduler_type, effort);
  ASSERT_EQ(some.what, rl::test_result_success) << some.story;
  const std::string bound = effort.switches.has_value()
                                ? absl::StrCat("at most ", *effort.switches, " switches")
                                : "no bound";
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("holds in all %llu schedules (%s) and in %llu random ones; %.1f s\n",
              static_cast<unsigned long long>(all.schedules), bound.c_str(),
              static_cast<unsigned long long>(some.schedules), took.count());
}

// The checker finds what is wrong with the model, within 10^6 random schedules, and calls it one of
// `any`.
template <typename Model>
void ExpectFound(std::initializer_list<rl::test_result_e> any) {
  const Found found = SearchBy<Model>(rl::random_scheduler_type, Effort{});
  ASSERT_NE(found.what, rl::test_result_success) << "not found in " << found.schedules;
  EXPECT_NE(std::find(any.begin(), any.end(), found.what), any.end()) << found.story;
  std::printf("%s, found in schedule %llu\n", rl::test_result_str(found.what),
              static_cast<unsigned long long>(found.schedules));
}

// The same with a fault seeded into the product's code.
template <typename Model>
void ExpectFound(std::initializer_list<rl::test_result_e> any, const Fault& fault) {
  seeded_fault = &fault;
  seeded_fault_met = 0;
  ExpectFound<Model>(any);
  seeded_fault = nullptr;
  EXPECT_GT(seeded_fault_met, 0u) << "nothing in the code is as the fault says";
}

// What Relacy calls memory that was read before it is known to be written, plain or atomic.
inline constexpr std::initializer_list<rl::test_result_e> kUnordered = {
    rl::test_result_data_race, rl::test_result_unitialized_access};
// ... that was read after it was freed, or freed again.
inline constexpr std::initializer_list<rl::test_result_e> kUsedAfterFree = {
    rl::test_result_access_to_freed_memory, rl::test_result_double_free, rl::test_result_data_race,
    rl::test_result_unitialized_access};
inline constexpr std::initializer_list<rl::test_result_e> kAsleep = {rl::test_result_deadlock};

}  // namespace taskforge::model

#endif  // TASKFORGE_MODEL_SEARCH_H_
