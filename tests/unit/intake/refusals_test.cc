#include "intake/refusals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;

struct RefusalRow {
  absl::Status refusal;
  absl::StatusCode code;
  const char* reason;
  const char* says;
};

TEST(RefusalsTest, EachHasACodeAReasonAndTheWayOut) {
  using absl::StatusCode;
  const RefusalRow rows[] = {
      {HandlerUnknownError("ecoh", {"echo", "sleep"}), StatusCode::kFailedPrecondition,
       "HANDLER_UNKNOWN", "did you mean \"echo\" or \"sleep\"?"},
      {HandlerUnknownError("render", {}), StatusCode::kFailedPrecondition, "HANDLER_UNKNOWN",
       "connect a worker that does"},
      {RequestIdReusedError("id-1", "queues/default/tasks/a"), StatusCode::kAlreadyExists,
       "REQUEST_ID_REUSED", "\"id-1\" stands for queues/default/tasks/a, whose content differs"},
      {RequestIdReusedError("id-1", ""), StatusCode::kAlreadyExists, "REQUEST_ID_REUSED",
       "stands for another submission"},
      {TaskGoneError("id-1", "queues/default/tasks/a"), StatusCode::kNotFound, "TASK_GONE",
       "use a new request_id"},
      {TaskExistsError("queues/default/tasks/a"), StatusCode::kAlreadyExists, "TASK_EXISTS",
       "leave task_id empty"},
      {StoreFailedError(absl::InternalError("disk")), StatusCode::kUnavailable, "STORE_FAILED",
       "was not accepted: disk"},
  };
  for (const RefusalRow& row : rows) {
    EXPECT_EQ(row.refusal.code(), row.code) << row.refusal;
    EXPECT_EQ(DetailsOf(row.refusal).reason, row.reason);
    EXPECT_THAT(std::string(row.refusal.message()), HasSubstr(row.says));
  }
}

TEST(RefusalsTest, WhoIsRefusedForOverloadComesAgainWhenWhatWaitsIsInTime) {
  const auto retry_after = [](absl::Duration late) {
    const absl::Duration limit = absl::Seconds(10);
    return DetailsOf(PoolOverloadedError(Priority::kLow, limit + late, limit)).retry_after;
  };
  EXPECT_EQ(retry_after(absl::ZeroDuration()), absl::Seconds(1));
  EXPECT_EQ(retry_after(absl::Milliseconds(4'500)), absl::Milliseconds(4'500));
  EXPECT_EQ(retry_after(absl::Hours(1)), absl::Seconds(30));
}

}  // namespace
}  // namespace taskforge
