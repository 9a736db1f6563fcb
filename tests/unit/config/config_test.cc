#include "config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "absl/strings/str_split.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;

// Files in memory.
class MapFiles final : public FileSystem {
 public:
  absl::StatusOr<std::string> ReadFile(const std::string& path) override {
    const auto it = files.find(path);
    if (it == files.end()) return absl::NotFoundError("cannot open " + path);
    return it->second;
  }
  absl::Status WriteFileAtomically(const std::string& path, absl::string_view content) override {
    files[path] = std::string(content);
    return absl::OkStatus();
  }
  absl::Status SyncDirectory(const std::string&) override { return absl::OkStatus(); }
  std::map<std::string, std::string> files;
};

class ConfigTest : public ::testing::Test {
 protected:
  absl::Status Load(const std::string& yaml,
                    const std::vector<std::pair<std::string, std::string>>& flags = {}) {
    files_.files["taskforge.yaml"] = yaml;
    CpuBudget budget;
    budget.allowed_cpus = {0, 1, 2};
    return loaded_.Load(
        files_, "taskforge.yaml", [](const char*) -> const char* { return nullptr; }, flags,
        budget);
  }

  MapFiles files_;
  LoadedConfig loaded_;
};

TEST_F(ConfigTest, DefaultsAreValid) {
  EXPECT_TRUE(Load("").ok());
  EXPECT_EQ(loaded_.config().pool.cpus, 3);
  ASSERT_EQ(loaded_.config().queues.queues.size(), 1u);
  EXPECT_EQ(loaded_.config().queues.queues[0].name, "default");
}

TEST_F(ConfigTest, AFlagWinsOverTheFile) {
  ASSERT_TRUE(Load("pool:\n  min_threads: 3\n", {{"pool.min_threads", "5"}}).ok());
  EXPECT_EQ(loaded_.config().pool.min_threads, 5);
}

TEST_F(ConfigTest, SaysLineColumnAndWhatWasMeantForAnUnknownKey) {
  const absl::Status status = Load("pool:\n  min_thread: 3\n");
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("taskforge.yaml:2:3: unknown option `pool.min_thread`; did you mean "
                        "`pool.min_threads`?"));
}

TEST_F(ConfigTest, TellsEveryErrorAtOnce) {
  const absl::Status status = Load("pool:\n  min_threads: x\n  idle_timeout: y\nnope: 1\n");
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("pool.min_threads"));
  EXPECT_THAT(message, HasSubstr("pool.idle_timeout"));
  EXPECT_THAT(message, HasSubstr("nope"));
}

TEST_F(ConfigTest, ValidatesComponentsTogether) {
  const absl::Status status =
      Load("pool:\n  min_threads: 9\n  max_threads: 3\nqueues:\n  default:\n    max_tasks: 0\n");
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("max_threads"));
  EXPECT_THAT(message, HasSubstr("max_tasks"));
}

// A message that names an option which does not exist sends people looking for it.
TEST_F(ConfigTest, ErrorsOfThePoolNameOptionsThatExist) {
  const absl::Status status = Load(
      "pool: {min_threads: 0, max_threads: 5000, idle_timeout: 9h, capacity: 0, slots: 4,"
      " guaranteed_low: 0, guaranteed_normal: 0, guaranteed_high: 0, tick: 9s, grow_after: 9h,"
      " stall_timeout: 0, flip_hold: 9h, contention_limit: 7, spin: 1s, affinity: \"4095\"}\n");
  const std::vector<std::string> lines = absl::StrSplit(status.message(), '\n');
  EXPECT_GE(lines.size(), 15u);
  for (const std::string& line : lines) {
    const std::string key = line.substr(0, line.find(':'));
    EXPECT_TRUE(std::any_of(loaded_.table().options().begin(), loaded_.table().options().end(),
                            [&](const OptionTable::Option& option) { return option.key == key; }))
        << line;
  }
}

// The guide's hard capacity has no hidden limit: what is asked for is there.
TEST_F(ConfigTest, ACapacityAboveTheUsualWorks) {
  ASSERT_TRUE(Load("pool:\n  capacity: 100000\n").ok());
  EXPECT_EQ(loaded_.config().pool.CapacityLimit(), 100000u);
}

TEST_F(ConfigTest, NamedQueuesComeFromTheFile) {
  ASSERT_TRUE(Load("queues:\n  mail:\n    max_tasks: 7\n    default_priority: high\n").ok());
  ASSERT_EQ(loaded_.config().queues.queues.size(), 2u);
  EXPECT_EQ(loaded_.config().queues.queues[1].name, "mail");
  EXPECT_EQ(loaded_.config().queues.queues[1].max_tasks, 7u);
  EXPECT_EQ(loaded_.config().queues.queues[1].default_priority, Priority::kHigh);
}

TEST_F(ConfigTest, ManyNamedQueuesKeepTheirOwnValues) {
  std::string yaml = "queues:\n";
  for (int i = 0; i < 40; ++i) {
    yaml += "  q" + std::to_string(i) + ":\n    max_tasks: " + std::to_string(i + 1) + "\n";
  }
  ASSERT_TRUE(Load(yaml).ok());
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(loaded_.config().queues.queues[static_cast<size_t>(i) + 1].max_tasks,
              static_cast<size_t>(i) + 1);
  }
}

TEST_F(ConfigTest, AnAdminPortThatOthersReachNeedsAWord) {
  const absl::Status refused = Load("admin:\n  listen: 0.0.0.0:7481\n");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("--insecure-listen"));
}

TEST_F(ConfigTest, TheMessageLimitMustLieAboveThePayloads) {
  const absl::Status status = Load("limits:\n  max_payload_bytes: 4MiB\n");
  EXPECT_THAT(std::string(status.message()), HasSubstr("grpc.max_message_bytes"));
}

TEST_F(ConfigTest, AffinityTakesModesAndMasks) {
  ASSERT_TRUE(Load("pool:\n  affinity: \"0;1-2\"\n").ok());
  EXPECT_EQ(loaded_.config().pool.affinity.mode, AffinityMode::kExplicit);
  EXPECT_EQ(loaded_.config().pool.affinity.masks, (std::vector<std::vector<int>>{{0}, {1, 2}}));
}

TEST_F(ConfigTest, AffinityRefusesNonsense) {
  EXPECT_THAT(std::string(Load("pool:\n  affinity: near\n").message()), HasSubstr("must be none"));
}

TEST_F(ConfigTest, WhatIsPrintedLoadsToTheSame) {
  ASSERT_TRUE(Load("pool:\n  min_threads: 3\nqueues:\n  mail:\n    max_bytes: 1MiB\n").ok());
  const std::string printed = loaded_.Print(false);
  LoadedConfig again;
  MapFiles files;
  files.files["again.yaml"] = printed;
  CpuBudget budget;
  budget.allowed_cpus = {0};
  const absl::Status status = again.Load(
      files, "again.yaml", [](const char*) -> const char* { return nullptr; }, {}, budget);
  ASSERT_TRUE(status.ok()) << status << "\n" << printed;
  EXPECT_EQ(again.Print(false), printed);
}

TEST_F(ConfigTest, TellsWhereAValueCameFrom) {
  ASSERT_TRUE(Load("pool:\n  min_threads: 3\n").ok());
  EXPECT_THAT(loaded_.Print(true), HasSubstr("min_threads: 3  # file"));
  EXPECT_THAT(loaded_.Print(true), HasSubstr("allow_growth: true  # default"));
}

TEST(IsLocalAddressTest, KnowsLoopbackAndUnixSockets) {
  for (const char* address : {"127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/run/x"}) {
    EXPECT_TRUE(IsLocalAddress(address)) << address;
  }
  for (const char* address : {"0.0.0.0:1", "10.0.0.1:1", "[::]:1", "example.org:1"}) {
    EXPECT_FALSE(IsLocalAddress(address)) << address;
  }
}

TEST(StateDirectoryTest, IsTheServicesThenTheUsersThenTheSystems) {
  std::map<std::string, std::string> variables;
  const auto directory = [&] {
    return StateDirectory([&](const char* name) -> const char* {
      const auto it = variables.find(name);
      return it == variables.end() ? nullptr : it->second.c_str();
    });
  };
  EXPECT_EQ(directory(), "/var/lib/taskforge");
  variables["HOME"] = "/home/ann";
  EXPECT_EQ(directory(), "/home/ann/.local/state/taskforge");
  variables["XDG_STATE_HOME"] = "relative";  // Which the specification says to ignore.
  EXPECT_EQ(directory(), "/home/ann/.local/state/taskforge");
  variables["XDG_STATE_HOME"] = "/state";
  EXPECT_EQ(directory(), "/state/taskforge");
  variables["STATE_DIRECTORY"] = "/run/first:/run/second";
  EXPECT_EQ(directory(), "/run/first");
}

}  // namespace
}  // namespace taskforge
