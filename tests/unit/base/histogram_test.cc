#include "base/histogram.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <thread>

namespace taskforge {
namespace {

HistogramSnapshot SnapshotOf(const SingleWriterHistogram& histogram) {
  HistogramSnapshot snapshot;
  histogram.AddTo(snapshot);
  return snapshot;
}

TEST(HistogramLayout, EveryBucketHoldsItsBounds) {
  for (size_t i = 0; i < HistogramLayout::kBuckets; ++i) {
    EXPECT_EQ(HistogramLayout::BucketOf(HistogramLayout::LowerBound(i)), i);
    EXPECT_EQ(HistogramLayout::BucketOf(HistogramLayout::UpperBound(i)), i);
  }
}

TEST(HistogramLayout, BucketsLeaveNoGap) {
  for (size_t i = 1; i < HistogramLayout::kBuckets; ++i) {
    EXPECT_EQ(HistogramLayout::UpperBound(i - 1) + 1, HistogramLayout::LowerBound(i));
  }
  EXPECT_EQ(HistogramLayout::UpperBound(HistogramLayout::kBuckets - 1), INT64_MAX);
}

TEST(HistogramLayout, ABucketIsNoWiderThanAnEighthOfItsValues) {
  for (size_t i = HistogramLayout::kSub; i < HistogramLayout::kBuckets; ++i) {
    const int64_t low = HistogramLayout::LowerBound(i);
    EXPECT_LE(HistogramLayout::UpperBound(i) - low + 1, low / 8 + (low % 8 != 0 ? 1 : 0));
  }
}

TEST(HistogramSnapshot, SinceIsWhatCameInAfterwards) {
  SingleWriterHistogram histogram;
  histogram.Record(1'000'000);
  const HistogramSnapshot earlier = SnapshotOf(histogram);
  histogram.Record(10);
  histogram.Record(12);
  const HistogramSnapshot since = SnapshotOf(histogram).Since(earlier);
  EXPECT_EQ(since.count, 2u);
  EXPECT_EQ(since.sum, 22u);
  EXPECT_LT(since.Quantile(1.0), 20);
}

TEST(HistogramLayout, NegativeValuesCountAsZero) {
  EXPECT_EQ(HistogramLayout::BucketOf(-1), 0u);
  EXPECT_EQ(HistogramLayout::BucketOf(INT64_MIN), 0u);
}

TEST(Histogram, IsZeroWhenEmpty) {
  const HistogramSnapshot empty;
  EXPECT_EQ(empty.Quantile(0.5), 0);
  EXPECT_EQ(empty.Mean(), 0.0);
  EXPECT_EQ(empty.CountAtMost(INT64_MAX), 0u);
}

TEST(Histogram, QuantilesAreRightWithinAnEighthAndNeverUnderstated) {
  SingleWriterHistogram histogram;
  for (int64_t i = 1; i <= 10'000; ++i) histogram.Record(i);
  const HistogramSnapshot snapshot = SnapshotOf(histogram);
  for (double q : {0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const double exact = q * 10'000;
    EXPECT_GE(static_cast<double>(snapshot.Quantile(q)), exact);
    EXPECT_LE(static_cast<double>(snapshot.Quantile(q)), exact * 1.125 + 1);
  }
  EXPECT_EQ(snapshot.Quantile(0), 1);
  EXPECT_EQ(snapshot.Quantile(-3), 1);
}

TEST(Histogram, HoldsTheGreatestValue) {
  SingleWriterHistogram histogram;
  histogram.Record(INT64_MAX);
  EXPECT_EQ(SnapshotOf(histogram).Quantile(1.0), INT64_MAX);
  EXPECT_EQ(SnapshotOf(histogram).CountAtMost(INT64_MAX), 1u);
}

TEST(Histogram, MeanAndSumAreExact) {
  SingleWriterHistogram histogram;
  for (int64_t value : {100, 200, 600, -50}) histogram.Record(value);
  const HistogramSnapshot snapshot = SnapshotOf(histogram);
  EXPECT_EQ(snapshot.sum, 900u);
  EXPECT_EQ(snapshot.count, 4u);
  EXPECT_DOUBLE_EQ(snapshot.Mean(), 225.0);
}

TEST(Histogram, CountAtMostIsExactAtBucketBounds) {
  SingleWriterHistogram histogram;
  for (int64_t i = 0; i < 1024; ++i) histogram.Record(i);
  const HistogramSnapshot snapshot = SnapshotOf(histogram);
  EXPECT_EQ(snapshot.CountAtMost(-1), 0u);
  EXPECT_EQ(snapshot.CountAtMost(0), 1u);
  EXPECT_EQ(snapshot.CountAtMost(7), 8u);
  EXPECT_EQ(snapshot.CountAtMost(511), 512u);
  EXPECT_EQ(snapshot.CountAtMost(1'000'000), 1024u);
}

TEST(Histogram, CountAtMostSharesABucketThatStraddles) {
  SingleWriterHistogram histogram;
  for (int64_t i = 512; i < 576; ++i) histogram.Record(i);  // One bucket, full.
  EXPECT_EQ(SnapshotOf(histogram).CountAtMost(543), 32u);
}

TEST(Histogram, MergeAdds) {
  SingleWriterHistogram a;
  SingleWriterHistogram b;
  a.Record(10);
  b.Record(1000);
  b.Record(1000);
  HistogramSnapshot sum = SnapshotOf(a);
  sum.Merge(SnapshotOf(b));
  EXPECT_EQ(sum.count, 3u);
  EXPECT_EQ(sum.sum, 2010u);
  EXPECT_EQ(sum.CountAtMost(10), 1u);
}

TEST(Histogram, MayBeReadWhileItIsWritten) {
  SingleWriterHistogram histogram;
  std::thread writer([&histogram] {
    for (int i = 0; i < 20'000; ++i) histogram.Record(i);
  });
  uint64_t last = 0;
  for (int i = 0; i < 20; ++i) {
    const uint64_t count = SnapshotOf(histogram).count;
    EXPECT_GE(count, last);
    last = count;
  }
  writer.join();
  EXPECT_EQ(SnapshotOf(histogram).count, 20'000u);
}

}  // namespace
}  // namespace taskforge
