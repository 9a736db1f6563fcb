#include "settings/queue_codec.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

KeptQueue Everything() {
  KeptQueue queue;
  QueueOptions& now = queue.now;
  now.name = "mail";
  now.max_tasks = 7;
  now.max_bytes = size_t{3} << 40;
  now.default_priority = Priority::kLow;
  now.task_defaults.durability = Durability::kBuffered;
  now.task_defaults.queue_timeout = absl::Milliseconds(1);
  now.task_defaults.run_timeout = absl::Hours(2);
  now.task_defaults.retry.max_attempts = 5;
  now.task_defaults.retry.non_retryable_reasons = {"TOO_LATE"};
  now.is_paused = true;
  now.paused = {absl::FromUnixNanos(1'700'000'000'123'456'789), "the mail server is down"};
  now.resumed = {absl::UnixEpoch(), ""};
  now.purged = {absl::FromUnixSeconds(-5), "too old"};
  now.purged_tasks = 12;
  queue.configured.emplace().name = "mail";
  queue.configured->default_priority = Priority::kCritical;
  return queue;
}

TEST(QueueCodecTest, EveryFieldComesBack) {
  const KeptQueue all = Everything();
  const absl::StatusOr<KeptQueue> back = DecodeQueue("mail", EncodeQueue(all));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->now, all.now);
  EXPECT_EQ(back->configured, all.configured);
}

TEST(QueueCodecTest, WhatWasNeverDoneOrSetStaysSo) {
  KeptQueue plain;
  plain.now.name = "mail";
  const absl::StatusOr<KeptQueue> back = DecodeQueue("mail", EncodeQueue(plain));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->now, plain.now);
  EXPECT_EQ(back->configured, std::nullopt);
}

// Whatever bytes there are: a queue or an error that names it, and never a value out of range.
TEST(QueueCodecTest, DamageIsToldOrReadsAsAQueue) {
  const std::string bytes = EncodeQueue(Everything());
  int refused = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int change = 1; change <= 0xff; ++change) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ change);
      const absl::StatusOr<KeptQueue> back = DecodeQueue("mail", damaged);
      if (back.ok()) {
        EXPECT_LE(back->now.task_defaults.durability, Durability::kDurable);
        continue;
      }
      ++refused;
      EXPECT_TRUE(absl::IsDataLoss(back.status()));
      EXPECT_THAT(back.status().message(), ::testing::HasSubstr("\"mail\""));
    }
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace taskforge
