#include "bus/conflation.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "support/recording_sink.h"

namespace taskforge {
namespace {

Ref<const Ticket> TicketFor(const std::string& key, size_t hash, const std::string& id) {
  return Ref<const Ticket>::Adopt(new Ticket(key, hash, EventOn("t", id).Leak()));
}

TEST(Ticket, StandsForTheLatestUntilItIsTaken) {
  const Ref<const Ticket> ticket = TicketFor("k", 1, "a");
  const EventRef first = EventRef::Adopt(ticket->Replace(EventOn("t", "b").Leak()));
  EXPECT_EQ(first->fields().id, "a");
  const EventRef latest = EventRef::Adopt(ticket->Take());
  EXPECT_EQ(latest->fields().id, "b");
  EXPECT_EQ(ticket->Take(), nullptr);
  const EventRef late = EventOn("t", "c");
  EXPECT_EQ(ticket->Replace(late.get()), nullptr);
}

// All in one chain.
TEST(Conflation, FindsEachKeyAndForgetsWhatIsRemoved) {
  Conflation conflation("", 1);
  const Conflation::Guard guard(conflation);
  std::vector<Ref<const Ticket>> tickets;
  for (size_t i = 0; i < 5; ++i) {
    tickets.push_back(TicketFor(std::to_string(i), i / 2, "e"));
    EXPECT_TRUE(conflation.TryAdd(tickets.back()));
    EXPECT_FALSE(conflation.TryAdd(TicketFor(std::to_string(i), i / 2, "f")));
  }
  conflation.Remove(*tickets[2]);
  conflation.Remove(*tickets[2]);
  conflation.Remove(*tickets[4]);
  conflation.Remove(*tickets[0]);
  for (size_t i = 0; i < 5; ++i) {
    const Ticket* expected = i % 2 == 1 ? tickets[i].get() : nullptr;
    EXPECT_EQ(conflation.Find(std::to_string(i), i / 2), expected) << i;
  }
  EXPECT_TRUE(conflation.TryAdd(tickets[2]));
  EXPECT_EQ(conflation.Find("2", 1), tickets[2].get());
}

TEST(Conflation, TakesTheKeyFromTheTopicOrAnAttribute) {
  EventFields fields;
  fields.topic = "t";
  fields.subject = "s";
  fields.attributes["symbol"] = "v";
  const EventRef event = MakeEvent(fields);
  std::string key;
  EXPECT_TRUE(Conflation("", 1).KeyOf(*event, key));
  EXPECT_EQ(key, "t");
  EXPECT_TRUE(Conflation("subject", 1).KeyOf(*event, key));
  EXPECT_EQ(key, "s");
  EXPECT_TRUE(Conflation("symbol", 1).KeyOf(*event, key));
  EXPECT_EQ(key, "v");
  EXPECT_FALSE(Conflation("type", 1).KeyOf(*event, key));
  EXPECT_FALSE(Conflation("other", 1).KeyOf(*event, key));
}

class ConflationThreads : public testing::TestWithParam<int> {};

// Each thread adds and removes keys of its own in chains that all share.
TEST_P(ConflationThreads, LoseNoKey) {
  Conflation conflation("", 2);
  std::atomic<int> errors{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < GetParam(); ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < 2000; ++i) {
        const std::string key = std::to_string(t) + " " + std::to_string(i % 3);
        const Ref<const Ticket> ticket = TicketFor(key, i % 2, "e");
        const Conflation::Guard guard(conflation);
        if (!conflation.TryAdd(ticket)) ++errors;
        if (conflation.Find(key, i % 2) != ticket.get()) ++errors;
        conflation.Remove(*ticket);
        if (conflation.Find(key, i % 2) != nullptr) ++errors;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(errors, 0);
}

INSTANTIATE_TEST_SUITE_P(Threads, ConflationThreads, testing::Values(1, 2, 8));

}  // namespace
}  // namespace taskforge
