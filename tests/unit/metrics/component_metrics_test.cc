#include "metrics/component_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "metrics/exporter.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string TextOf(const Collector& collector) { return Exporter({collector}).Text(); }

size_t SeriesOf(const std::string& text, const std::string& family) {
  size_t count = 0;
  for (size_t at = text.find(family + "{"); at != std::string::npos;
       at = text.find(family + "{", at + 1)) {
    ++count;
  }
  return count;
}

LaneStats Lane(std::string handler, size_t waiting) {
  LaneStats lane;
  lane.handler = std::move(handler);
  lane.is_served = false;
  lane.waiting[Priority::kLow] = waiting;
  lane.waiting[Priority::kHigh] = 1;
  return lane;
}

HandlerStatus Handler(std::string name, uint64_t running) {
  HandlerStatus handler;
  handler.info.name = std::move(name);
  handler.info.kind = HandlerKind::kRemote;
  handler.info.version = "2";
  handler.running = running;
  return handler;
}

TEST(CollectSchedules, TellsHowManyThereAreAndWhatBecameOfTheirRuns) {
  SchedulesStats stats;
  stats.active = 3;
  stats.paused = 1;
  stats.started = 10;
  stats.skipped = 4;
  stats.missed = 5;
  stats.refused = 6;
  const std::string text = TextOf([&](Families& families) { CollectSchedules(stats, families); });
  EXPECT_THAT(text, HasSubstr("taskforge_schedules{state=\"active\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("taskforge_schedules{state=\"paused\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("taskforge_schedule_runs_total{outcome=\"started\"} 10\n"));
  EXPECT_THAT(text, HasSubstr("taskforge_schedule_runs_total{outcome=\"skipped\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("taskforge_schedule_runs_total{outcome=\"missed\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("taskforge_schedule_runs_total{outcome=\"refused\"} 6\n"));
}

TEST(CollectQueues, TellsWhichQueuesArePaused) {
  TaskQueuesStats stats;
  for (size_t i = 0; i < kMaxQueueLabels + 3; ++i) {
    QueueStats& queue = stats.queues.emplace_back();
    queue.options.name = absl::StrCat("q", i);
    queue.options.is_paused = i == 1 || i >= kMaxQueueLabels;
  }
  const std::string text = TextOf([&](Families& families) { CollectQueues(stats, families); });
  EXPECT_EQ(SeriesOf(text, "taskforge_queue_paused"), kMaxQueueLabels + 1);
  EXPECT_THAT(text, HasSubstr("taskforge_queue_paused{queue=\"q0\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("taskforge_queue_paused{queue=\"q1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("taskforge_queue_paused{queue=\"_other\"} 3\n"));
}

TEST(CollectLanes, SumsWhatWaitsForAHandlerWithoutWorkers) {
  LabelTable labels(kMaxHandlerLabels);
  const std::string text = TextOf([&](Families& families) {
    LaneStats served = Lane("mail", 9);
    served.is_served = true;
    CollectLanes({Lane("", 5), Lane("resize", 2), served}, labels, families);
  });
  EXPECT_THAT(text, HasSubstr("taskforge_handler_unserved_tasks{handler=\"resize\"} 3\n"));
  EXPECT_EQ(SeriesOf(text, "taskforge_handler_unserved_tasks"), 1U);
}

TEST(CollectLanes, NamesTheMetricWhileEveryHandlerIsServed) {
  LabelTable labels(kMaxHandlerLabels);
  const std::string text = TextOf([&](Families& families) { CollectLanes({}, labels, families); });
  EXPECT_THAT(text, HasSubstr("# TYPE taskforge_handler_unserved_tasks gauge\n"));
  EXPECT_EQ(SeriesOf(text, "taskforge_handler_unserved_tasks"), 0U);
}

TEST(CollectLanes, SumsTheHandlersBeyondTheLimit) {
  LabelTable labels(kMaxHandlerLabels);
  std::vector<LaneStats> lanes;
  for (size_t i = 0; i < kMaxHandlerLabels + 3; ++i) lanes.push_back(Lane(absl::StrCat("h", i), 9));
  const std::string text =
      TextOf([&](Families& families) { CollectLanes(lanes, labels, families); });
  EXPECT_EQ(SeriesOf(text, "taskforge_handler_unserved_tasks"), kMaxHandlerLabels + 1);
  EXPECT_THAT(text, HasSubstr("taskforge_handler_unserved_tasks{handler=\"_other\"} 30\n"));
}

TEST(CollectHandlers, CountsAndSumsTheHandlersBeyondTheLimit) {
  LabelTable labels(kMaxHandlerLabels);
  std::vector<HandlerStatus> handlers;
  for (size_t i = 0; i < kMaxHandlerLabels + 2; ++i) {
    handlers.push_back(Handler(absl::StrCat("h", i), 4));
  }
  const std::string text =
      TextOf([&](Families& families) { CollectHandlers(handlers, labels, families); });
  EXPECT_EQ(SeriesOf(text, "taskforge_handler_info"), kMaxHandlerLabels + 1);
  EXPECT_EQ(SeriesOf(text, "taskforge_handler_running"), kMaxHandlerLabels + 1);
  EXPECT_THAT(text, HasSubstr("{handler=\"h0\",kind=\"remote\",version=\"2\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("{handler=\"_other\",kind=\"_other\",version=\"\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("taskforge_handler_running{handler=\"_other\"} 8\n"));
}

// Otherwise a series would begin to mean something else when a handler is registered.
TEST(CollectHandlers, AHandlerThatComesLaterTakesNoOthersLabel) {
  LabelTable labels(1);
  const auto collect = [&](const std::vector<HandlerStatus>& handlers) {
    return TextOf([&](Families& families) { CollectHandlers(handlers, labels, families); });
  };
  collect({Handler("m", 0)});
  const std::string text = collect({Handler("a", 5), Handler("m", 7)});
  EXPECT_THAT(text, HasSubstr("taskforge_handler_running{handler=\"m\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("taskforge_handler_running{handler=\"_other\"} 5\n"));
}

TEST(CollectPool, TellsOfOverloadAndFlips) {
  PoolStats stats;
  const auto text = [&] {
    return TextOf([&](Families& families) { CollectPool(stats, families); });
  };
  EXPECT_THAT(text(), HasSubstr("taskforge_pool_overloaded 0\n"));
  EXPECT_THAT(text(), HasSubstr("taskforge_pool_flips_total 0\n"));
  stats.overloaded = true;
  stats.resizes.flips = 3;
  EXPECT_THAT(text(), HasSubstr("taskforge_pool_overloaded 1\n"));
  EXPECT_THAT(text(), HasSubstr("taskforge_pool_flips_total 3\n"));
}

TEST(CollectSelf, TellsWhenTheCertificateEnds) {
  SelfStats self;
  const auto text = [&] {
    return TextOf([&](Families& families) { CollectSelf(self, families); });
  };
  EXPECT_THAT(text(), Not(HasSubstr("taskforge_tls")));
  self.certificate_expiry = absl::FromUnixSeconds(1'900'000'000);
  EXPECT_THAT(text(), HasSubstr("taskforge_tls_certificate_expiry_timestamp_seconds 1900000000\n"));
}

TEST(CollectBus, SaysWhatIsRetained) {
  BusStats stats;
  stats.replaying = 2;
  stats.replay = {
      .topics = 3, .events = 40, .bytes = 5000, .appended = 60, .trimmed = 20, .replayed = 7};
  const std::string text = TextOf([&](Families& families) { CollectBus(stats, families); });
  for (const char* line :
       {"taskforge_subscribers_replaying 2\n", "taskforge_bus_retained_topics 3\n",
        "taskforge_bus_retained_events 40\n", "taskforge_bus_retained_bytes 5000\n",
        "taskforge_bus_retained_total 60\n", "taskforge_bus_trimmed_total 20\n",
        "taskforge_bus_replayed_total 7\n", "taskforge_bus_dropped_total{reason=\"gone\"} 0\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(CollectDisk, TellsHowTheStoreIsDoing) {
  DurableStoreStats stats;
  stats.committed_writes = 12;
  stats.free_bytes = 4096;
  stats.engine.is_stopped = true;
  stats.engine.marks_failed = 3;
  stats.engine.sync_time.counts[HistogramLayout::BucketOf(2'000'000)] = 5;
  stats.engine.sync_time.count = 5;
  const std::string text =
      TextOf([&](Families& families) { CollectDisk(stats, RecoveryReport(), families); });
  EXPECT_THAT(text, HasSubstr("taskforge_store_committed_writes_total 12\n"));
  EXPECT_THAT(text, HasSubstr("taskforge_store_free_bytes 4096\n"));
  EXPECT_THAT(text, HasSubstr("taskforge_store_stalled{how=\"stopped\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("taskforge_store_stalled{how=\"slowed\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("taskforge_store_marks_failed_total 3\n"));
  EXPECT_THAT(text, HasSubstr("taskforge_store_sync_seconds_bucket{le=\"0.001\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("taskforge_store_sync_seconds_count 5\n"));
}

// What cannot be asked is not told as nothing.
TEST(CollectDisk, LeavesOutWhatTheDiskDoesNotSay) {
  const std::string text = TextOf(
      [](Families& families) { CollectDisk(DurableStoreStats(), RecoveryReport(), families); });
  EXPECT_THAT(text, Not(HasSubstr("\ntaskforge_store_free_bytes ")));
  EXPECT_EQ(TextOf([](Families& families) {
              CollectDisk(std::nullopt, RecoveryReport(), families);
            }).find("taskforge_store"),
            std::string::npos);
}

TEST(CollectAudit, TellsTheResidualWithItsSign) {
  const auto text = [](int64_t residual) {
    return TextOf([residual](Families& families) { CollectAudit(residual, families); });
  };
  EXPECT_THAT(text(-2), HasSubstr("taskforge_audit_residual -2\n"));
  EXPECT_THAT(text(0), HasSubstr("taskforge_audit_residual 0\n"));
}

}  // namespace
}  // namespace taskforge
