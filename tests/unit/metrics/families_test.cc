#include "metrics/families.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metrics/exporter.h"
#include "metrics/process_metrics.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;

HistogramSnapshot Of(std::initializer_list<int64_t> values) {
  SingleWriterHistogram histogram;
  for (const int64_t value : values) histogram.Record(value);
  HistogramSnapshot snapshot;
  histogram.AddTo(snapshot);
  return snapshot;
}

TEST(FamiliesTest, InfinityBucketEqualsCount) {
  Families families;
  families.Histogram("h_seconds", "Help.", {}, Of({1'000, 2'000'000, 1'000'000'000'000}),
                     WaitBuckets());
  const auto out = families.Take();
  const auto& histogram = out[0].metric[0].histogram;
  EXPECT_EQ(histogram.sample_count, 3u);
  EXPECT_EQ(histogram.bucket.back().cumulative_count, 3u);
  EXPECT_EQ(histogram.bucket.size(), WaitBuckets().size() + 1);
}

TEST(FamiliesTest, BucketsNeverFall) {
  Families families;
  HistogramSnapshot snapshot;
  SingleWriterHistogram histogram;
  for (int64_t i = 1; i < 1'000'000'000'000; i = i * 3 / 2 + 1) histogram.Record(i);
  histogram.AddTo(snapshot);
  families.Histogram("h_seconds", "Help.", {}, snapshot, RunBuckets());
  uint64_t last = 0;
  const auto out = families.Take();
  for (const auto& bucket : out[0].metric[0].histogram.bucket) {
    EXPECT_GE(bucket.cumulative_count, last);
    last = bucket.cumulative_count;
  }
}

TEST(FamiliesTest, TellsSecondsFromNanoseconds) {
  Families families;
  families.Histogram("h_seconds", "Help.", {}, Of({500'000'000, 250'000'000}), RpcBuckets());
  EXPECT_DOUBLE_EQ(families.Take()[0].metric[0].histogram.sample_sum, 0.75);
}

TEST(FamiliesTest, GathersMetricsOfOneNameIntoOneFamily) {
  Families families;
  families.Counter("c_total", "Help.", {{"a", "1"}}, 1);
  families.Gauge("g", "Help.", {}, 5);
  families.Counter("c_total", "Help.", {{"a", "2"}}, 2);
  const auto out = families.Take();
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].name, "c_total");
  EXPECT_EQ(out[0].metric.size(), 2u);
}

TEST(ExporterTest, WritesTheTextFormat) {
  const Exporter exporter({[](Families& families) {
    families.Counter("taskforge_c_total", "What it counts.", {{"queue", "default"}}, 3);
  }});
  const std::string text = exporter.Text();
  EXPECT_THAT(text, HasSubstr("# HELP taskforge_c_total What it counts.\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE taskforge_c_total counter\n"));
  EXPECT_THAT(text, HasSubstr("taskforge_c_total{queue=\"default\"} 3\n"));
}

TEST(ExporterTest, EscapesLabels) {
  const Exporter exporter({[](Families& families) {
    families.Gauge("g", "H.", {{"l", "a\"b\\c\nd"}}, 1);
  }});
  EXPECT_THAT(exporter.Text(), HasSubstr(R"(l="a\"b\\c\nd")"));
}

TEST(ProcessMetricsTest, TellsTheStandardOnes) {
  const Exporter exporter({CollectProcess});
  const std::string text = exporter.Text();
  for (const char* name :
       {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
        "process_max_fds", "process_start_time_seconds", "process_virtual_memory_bytes"}) {
    EXPECT_THAT(text, HasSubstr(std::string("# TYPE ") + name)) << name;
  }
}

}  // namespace
}  // namespace taskforge
