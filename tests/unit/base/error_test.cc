#include "base/error.h"

#include <gtest/gtest.h>

namespace taskforge {
namespace {

TEST(Error, DetailsSurviveTheStatus) {
  ErrorDetails details;
  details.reason = "QUEUE_FULL";
  details.metadata = {{"queue", "default"}, {"limit", "10000"}, {"", ""}};
  details.field_violations = {{"task.handler", "is empty"}, {"task.name", "has 3:4 colons:"}};
  details.quota_violations = {{"queues/default", "10000 of 10000 tasks"}};
  details.retry_after = absl::Milliseconds(250);
  const absl::Status status = WithDetails(absl::ResourceExhaustedError("full"), details);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "full");
  EXPECT_EQ(DetailsOf(status), details);
}

TEST(Error, DetailsKeepAnyBytes) {
  ErrorDetails details;
  details.reason = std::string("a\0b\xff:9", 6);
  details.metadata = {{std::string("\0", 1), "12:34"}};
  EXPECT_EQ(DetailsOf(WithDetails(absl::InternalError("x"), details)), details);
}

TEST(Error, AStatusWithoutDetailsHasEmptyOnes) {
  EXPECT_EQ(DetailsOf(absl::OkStatus()), ErrorDetails{});
  EXPECT_EQ(DetailsOf(absl::NotFoundError("x")), ErrorDetails{});
}

TEST(Error, ReasonErrorHasItsReason) {
  const absl::Status status =
      ReasonError(absl::StatusCode::kUnavailable, "DRAINING", "the server is draining");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(DetailsOf(status).reason, "DRAINING");
}

TEST(Error, WhatMayBeTriedAgainSaysWhen) {
  const absl::Status draining = DrainingError("the server stops", absl::Seconds(3));
  EXPECT_EQ(draining.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(DetailsOf(draining).reason, "DRAINING");
  EXPECT_EQ(DetailsOf(draining).retry_after, absl::Seconds(3));
  const absl::Status full =
      QuotaError("WORKERS_FULL", "full", {"workers", "2 of 2 workers"}, absl::Seconds(1));
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailsOf(full).reason, "WORKERS_FULL");
  EXPECT_EQ(DetailsOf(full).quota_violations,
            (std::vector<QuotaViolation>{{"workers", "2 of 2 workers"}}));
  EXPECT_EQ(DetailsOf(full).retry_after, absl::Seconds(1));
}

TEST(Error, InvalidArgumentCarriesEveryViolation) {
  const absl::Status status = InvalidArgument({{"a", "is bad"}, {"b", "too"}, {"c", "also"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "a: is bad (and 2 more; see the details)");
  EXPECT_EQ(DetailsOf(status).field_violations.size(), 3u);
  EXPECT_EQ(DetailsOf(status).field_violations[2].field, "c");
}

TEST(Error, InvalidArgumentWithOneViolationCountsNoMore) {
  EXPECT_EQ(InvalidArgument({{"a", "is bad"}}).message(), "a: is bad");
}

}  // namespace
}  // namespace taskforge
