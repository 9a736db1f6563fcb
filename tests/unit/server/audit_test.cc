// The audit: exact while nothing moves, and never wrong while much does.
#include "audit.h"

#include "gtest/gtest.h"

namespace taskforge {
namespace {

AuditCounts Counts(uint64_t accepted, uint64_t begun, uint64_t decided, uint64_t recovered,
                   uint64_t ended) {
  return {{accepted, begun, decided}, recovered, ended};
}

TEST(Audit, IsZeroWhereAllIsAccountedFor) {
  // 10 accepted, 2 of 13 refused, one is being accepted; 5 taken over; 7 have ended.
  const AuditCounts now = Counts(10, 13, 12, 5, 7);
  EXPECT_EQ(AuditResidual(now, 10 + 5 - 7 + 1, now), 0);
}

TEST(Audit, CountsWhatIsGoneAndWhatIsTooMuch) {
  const AuditCounts now = Counts(10, 13, 12, 5, 7);
  EXPECT_EQ(AuditResidual(now, 7, now), 2);
  EXPECT_EQ(AuditResidual(now, 12, now), -3);
}

TEST(Audit, WhatMovesWhileItIsReadIsNoResidual) {
  const AuditCounts before = Counts(10, 13, 12, 5, 7);
  const AuditCounts after = Counts(30, 34, 32, 5, 20);
  // Anything from "all ended before, none came" to "all came, none ended".
  EXPECT_EQ(AuditResidual(before, 9, after), 0);
  EXPECT_EQ(AuditResidual(before, 17, after), 0);
  EXPECT_NE(AuditResidual(before, 200, after), 0);
}

// The nearer bound: what is certain.
TEST(Audit, TellsNoMoreThanIsCertain) {
  const AuditCounts before = Counts(100, 100, 100, 0, 10);
  const AuditCounts after = Counts(101, 101, 101, 0, 11);
  EXPECT_EQ(AuditResidual(before, 80, after), 8);
  EXPECT_EQ(AuditResidual(before, 100, after), -8);
}

}  // namespace
}  // namespace taskforge
