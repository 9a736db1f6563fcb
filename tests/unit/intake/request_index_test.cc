#include "intake/request_index.h"

#include <atomic>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using Standing = RequestIndex::Standing;

constexpr SpecHash kHash{1, 2};
constexpr SpecHash kOther{1, 3};

class RequestIndexTest : public ::testing::Test {
 protected:
  Standing Begin(const std::string& key, const SpecHash& hash = kHash) {
    Submission submission;
    return index_.Begin(key, hash, now_, submission).standing;
  }

  std::vector<Submission> Settle(const std::string& key) {
    return index_.Settle(key, {"t", Uuid{0, 1}});
  }

  MonoTime now_{1};
  RequestIndex index_{1600, absl::Hours(24)};
};

TEST_F(RequestIndexTest, TheFirstIsNewTheNextWaitThenTheyKnow) {
  EXPECT_EQ(Begin("k"), Standing::kNew);
  EXPECT_EQ(Begin("k"), Standing::kWaits);
  EXPECT_EQ(Begin("k"), Standing::kWaits);
  EXPECT_THAT(Settle("k"), SizeIs(2));
  Submission submission;
  const RequestIndex::Found found = index_.Begin("k", kHash, now_, submission);
  EXPECT_EQ(found.standing, Standing::kKnown);
  EXPECT_EQ(found.task.name, "t");
  EXPECT_EQ(found.task.uid, (Uuid{0, 1}));
}

TEST_F(RequestIndexTest, OtherContentIsReuse) {
  Begin("k");
  EXPECT_EQ(Begin("k", kOther), Standing::kReused);
  Settle("k");
  EXPECT_EQ(Begin("k", kOther), Standing::kReused);
}

TEST_F(RequestIndexTest, ARefusalFreesTheId) {
  Begin("k");
  Begin("k");
  EXPECT_THAT(index_.Fail("k"), SizeIs(1));
  EXPECT_EQ(index_.size(), 0u);
  EXPECT_EQ(Begin("k", kOther), Standing::kNew);
}

TEST_F(RequestIndexTest, AnIdIsForgottenAfterItsTime) {
  Begin("k");
  Settle("k");
  now_ = now_ + absl::Hours(100);
  EXPECT_EQ(Begin("k"), Standing::kKnown) << "its task has not ended";
  index_.Ended("k", now_);
  now_ = now_ + absl::Hours(24) + -absl::Nanoseconds(1);
  EXPECT_EQ(Begin("k"), Standing::kKnown);
  now_ = now_ + absl::Nanoseconds(1);
  EXPECT_EQ(Begin("k"), Standing::kNew);
}

TEST_F(RequestIndexTest, AnIdUsedAgainHasItsWholeTime) {
  Begin("k");
  Settle("k");
  index_.Ended("k", now_);
  now_ = now_ + absl::Hours(24);
  EXPECT_EQ(Begin("k"), Standing::kNew);
  Settle("k");
  index_.Ended("k", now_);
  now_ = now_ + absl::Hours(20);
  EXPECT_EQ(Begin("k"), Standing::kKnown);
}

TEST_F(RequestIndexTest, HoldsNoMoreThanItsCap) {
  for (int i = 0; i < 5000; ++i) {
    const std::string key = absl::StrCat(i);
    Begin(key);
    Settle(key);
    index_.Ended(key, now_);
    EXPECT_LE(index_.size(), 1600u);
  }
  EXPECT_EQ(Begin("4999"), Standing::kKnown);
  EXPECT_EQ(Begin("0"), Standing::kNew);
}

TEST_F(RequestIndexTest, WhatHasNoAnswerOrEndYetIsNeverForgotten) {
  Begin("pending");
  Begin("living");
  Settle("living");
  for (int i = 0; i < 5000; ++i) {
    const std::string key = absl::StrCat(i);
    Begin(key);
    Settle(key);
    index_.Ended(key, now_);
  }
  now_ = now_ + absl::Hours(100);
  EXPECT_EQ(Begin("pending"), Standing::kWaits);
  EXPECT_EQ(Begin("living"), Standing::kKnown);
}

TEST_F(RequestIndexTest, KeysKeepTheirPartsApart) {
  TaskSpec a;
  a.origin.Edit().principal = "ab";
  a.origin.Edit().request_id = "c";
  TaskSpec b;
  b.origin.Edit().principal = "a";
  b.origin.Edit().request_id = "bc";
  EXPECT_NE(RequestKeyOf(a), RequestKeyOf(b));
  b = a;
  b.origin.Edit().ns = "other";
  EXPECT_NE(RequestKeyOf(a), RequestKeyOf(b));
  b = a;
  b.queue = "mail";
  EXPECT_NE(RequestKeyOf(a), RequestKeyOf(b));
}

TEST_F(RequestIndexTest, OneOfManyThreadsIsFirst) {
  for (int threads : {1, 2, 8}) {
    std::atomic<int> firsts{0};
    std::vector<std::thread> racers;
    for (int t = 0; t < threads; ++t) {
      racers.emplace_back([&] {
        for (int i = 0; i < 200; ++i) {
          const std::string key = absl::StrCat(threads, "-", i);
          if (Begin(key) == Standing::kNew) {
            firsts.fetch_add(1);
            Settle(key);
          }
        }
      });
    }
    for (std::thread& racer : racers) racer.join();
    EXPECT_EQ(firsts.load(), 200);
  }
}

}  // namespace
}  // namespace taskforge
