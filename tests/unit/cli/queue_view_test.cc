#include "cli/queue_view.h"

#include "cli/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Queue Mail() {
  v1::Queue queue;
  queue.set_name("queues/mail");
  queue.set_max_tasks(10000);
  queue.set_max_bytes(uint64_t{64} << 20);
  queue.set_tasks(1234);
  queue.set_bytes(2048);
  for (const v1::Priority priority : {v1::PRIORITY_LOW, v1::PRIORITY_HIGH}) {
    v1::QueuePriority& waits = *queue.add_priorities();
    waits.set_priority(priority);
    waits.set_waiting(priority == v1::PRIORITY_LOW ? 7 : 2);
    SetDuration(absl::Seconds(priority == v1::PRIORITY_LOW ? 3 : 1), *waits.mutable_oldest_age());
  }
  return queue;
}

std::string Row(const v1::Queue& queue) {
  Table table = QueueTable();
  AddQueueRow(queue, table);
  return table.Render(false);
}

TEST(QueueViewTest, ARowSaysWhatItHoldsAndMay) {
  const std::string row = Row(Mail());
  EXPECT_THAT(row, HasSubstr("mail "));
  EXPECT_THAT(row, Not(HasSubstr("queues/")));
  EXPECT_THAT(row, HasSubstr(" 1,234  10,000  2.0 KiB  64.0 MiB"));
  EXPECT_THAT(row, HasSubstr(" 9  "));
  EXPECT_THAT(row, HasSubstr("3.0 s"));
  EXPECT_THAT(row, HasSubstr("open"));
}

TEST(QueueViewTest, APausedQueueSaysWhy) {
  v1::Queue queue = Mail();
  queue.set_paused(true);
  EXPECT_THAT(Row(queue), HasSubstr("paused\n"));
  queue.mutable_last_pause()->set_reason("down\x1b[31m");
  EXPECT_THAT(Row(queue), HasSubstr("paused (down\\"));
  EXPECT_THAT(Row(queue), Not(HasSubstr("\x1b[31m"))) << "nothing that a terminal obeys";
}

TEST(QueueViewTest, ADescriptionHasAllThatWasDoneToIt) {
  v1::Queue queue = Mail();
  std::string text = DescribeQueue(queue);
  EXPECT_THAT(text, HasSubstr("tasks             1,234 of 10,000\n"));
  EXPECT_THAT(text, HasSubstr("default priority  the pool's\n"));
  EXPECT_THAT(text, HasSubstr("waiting           9, the oldest for 3.0 s\n"));
  EXPECT_THAT(text, HasSubstr("2 high\n"));
  EXPECT_THAT(text, Not(HasSubstr("purged")));
  queue.set_default_priority(v1::PRIORITY_CRITICAL);
  queue.mutable_last_pause()->set_reason("the mail server is down");
  queue.mutable_last_resume()->set_reason("it is back");
  queue.mutable_last_purge()->set_reason("too old");
  queue.set_purged_tasks(1500);
  text = DescribeQueue(queue);
  EXPECT_THAT(text, HasSubstr("default priority  critical\n"));
  EXPECT_THAT(text, HasSubstr("(the mail server is down)\n"));
  EXPECT_THAT(text, HasSubstr("(it is back)\n"));
  EXPECT_THAT(text, HasSubstr("purged            1,500 at "));
  EXPECT_THAT(text, HasSubstr("(too old)\n"));
}

TEST(QueueViewTest, ReadsNumbersOfBytes) {
  EXPECT_EQ(ParseByteCount("65536"), 65536u);
  EXPECT_EQ(ParseByteCount("64KiB"), 65536u);
  EXPECT_EQ(ParseByteCount("2MiB"), 2u << 20);
  EXPECT_EQ(ParseByteCount("1GiB"), 1u << 30);
  for (const char* text : {"", "0", "-1", "KiB", "1KB", "1.5MiB", "18446744073709551615GiB"}) {
    EXPECT_EQ(ParseByteCount(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace taskforge::cli
