#include "handlers/registry.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "handlers/built_in.h"

namespace taskforge {
namespace {

std::unique_ptr<Handler> Named(const std::string& name) {
  HandlerInfo info;
  info.name = name;
  return std::make_unique<SyncHandler>(info,
                                       [](const Attempt&) -> HandlerResult { return Payload(); });
}

TEST(HandlerRegistry, FindsWhatIsRegisteredWhileItIs) {
  HandlerRegistry registry;
  EXPECT_FALSE(registry.Knows("x"));
  {
    auto registration = registry.Register(Named("x"));
    ASSERT_TRUE(registration.ok());
    EXPECT_TRUE(registry.Knows("x"));
    EXPECT_FALSE(registry.IsRemote("x"));
  }
  EXPECT_FALSE(registry.Knows("x"));
}

// A start that has found its handler keeps it.
TEST(HandlerRegistry, KeepsAFoundHandlerAlive) {
  HandlerRegistry registry;
  HandlerRef entry;
  {
    auto registration = registry.Register(Named("x"));
    entry = registry.Find("x");
  }
  EXPECT_EQ(entry->info().name, "x");
  EXPECT_NE(entry->handler(), nullptr);
}

TEST(HandlerRegistry, RefusesATakenName) {
  HandlerRegistry registry;
  auto registration = registry.Register(Named("x"));
  EXPECT_EQ(registry.Register(Named("x")).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(registry.RegisterRemote("x", "1").status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(DetailsOf(registry.RegisterRemote("x", "1").status()).reason, "HANDLER_EXISTS");
}

TEST(HandlerRegistry, RefusesWhatIsNoName) {
  HandlerRegistry registry;
  EXPECT_EQ(registry.Register(Named("X")).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(registry.RegisterRemote("", "").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(HandlerRegistry, KeepsRemoteHandlers) {
  HandlerRegistry registry;
  auto first = registry.RegisterRemote("resize", "1");
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(registry.IsRemote("resize"));
  EXPECT_EQ(registry.RegisterRemote("resize", "2")->get(), first->get());
}

TEST(HandlerRegistry, NamesWhatIsNear) {
  HandlerRegistry registry;
  auto a = registry.Register(Named("sha256"));
  auto b = registry.Register(Named("sleep"));
  EXPECT_EQ(registry.Near("sha25"), std::vector<std::string>{"sha256"});
  EXPECT_EQ(registry.Near("slep"), std::vector<std::string>{"sleep"});
  EXPECT_TRUE(registry.Near("unrelated").empty());
  EXPECT_TRUE(registry.Near("sleep", 0).empty());
}

TEST(HandlerRegistry, ShowsRunningAndWorkers) {
  HandlerRegistry registry;
  auto entry = *registry.RegisterRemote("resize", "1");
  entry->CountStart();
  entry->CountStart();
  entry->CountEnd();
  entry->AddWorkers(2);
  const HandlerStatus status = *registry.Get("resize");
  EXPECT_EQ(status.running, 1u);
  EXPECT_EQ(status.workers, 2);
  EXPECT_EQ(status.info.kind, HandlerKind::kRemote);
  EXPECT_FALSE(registry.Get("none").has_value());
}

TEST(HandlerRegistry, IsReadWhileItChanges) {
  for (const int threads : {1, 2, 8}) {
    HandlerRegistry registry;
    auto fixed = registry.Register(Named("fixed"));
    std::atomic<bool> stop{false};
    std::vector<std::thread> readers;
    for (int i = 0; i < threads; ++i) {
      readers.emplace_back([&] {
        while (!stop.load()) {
          ASSERT_TRUE(registry.Knows("fixed"));
          const HandlerRef moving = registry.Find("moving");
          if (moving) {
            ASSERT_EQ(moving->info().name, "moving");
          }
          std::this_thread::yield();  // A mutex is not fair: let the writer have it.
        }
      });
    }
    for (int i = 0; i < 20; ++i) auto registration = registry.Register(Named("moving"));
    stop.store(true);
    for (std::thread& reader : readers) reader.join();
  }
}

}  // namespace
}  // namespace taskforge
