#include "rpc/arena_message.h"

#include <string>

#include "gtest/gtest.h"
#include "taskforge/v1/task_service.pb.h"

namespace taskforge {
namespace {

using Message = ArenaMessage<v1::SubmitTasksRequest>;

void Fill(v1::SubmitTasksRequest& request) {
  for (int i = 0; i < 1000; ++i) {
    v1::Task& task = *request.add_items()->mutable_request()->mutable_task();
    task.set_handler("echo");
    task.mutable_input()->set_text_data(std::string(100, 'x'));
  }
}

TEST(ArenaMessage, IsEmptyWhenItIsRenewed) {
  Message message;
  Fill(*message);
  (*message).set_want_results(true);
  EXPECT_EQ(message.Renew().items_size(), 0);
  EXPECT_FALSE((*message).want_results());
}

// A stream lives long: what one message needed is not kept for the next.
TEST(ArenaMessage, LetsGoOfWhatItHeld) {
  Message message;
  const uint64_t fresh = (*message).GetArena()->SpaceAllocated();
  for (int i = 0; i < 3; ++i) {
    Fill(message.Renew());
    EXPECT_GT((*message).GetArena()->SpaceAllocated(), uint64_t{100'000});
    EXPECT_EQ(message.Renew().GetArena()->SpaceAllocated(), fresh);
  }
}

// Who takes a string out of it keeps it.
TEST(ArenaMessage, WhatWasTakenOutStays) {
  Message message;
  Fill(*message);
  v1::Task& task = *(*message).mutable_items(0)->mutable_request()->mutable_task();
  const std::string taken = std::move(*task.mutable_input()->mutable_text_data());
  message.Renew();
  EXPECT_EQ(taken, std::string(100, 'x'));
}

}  // namespace
}  // namespace taskforge
