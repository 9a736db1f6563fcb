#include "intake/admission_policy.h"

#include "gtest/gtest.h"

namespace taskforge {
namespace {

using Request = SubmissionFacts::Request;

struct Row {
  SubmissionFacts facts;
  Decision decision;
};

TEST(AdmissionPolicyTest, DecidesByTheTable) {
  const Row rows[] = {
      // valid, request, queue known, handler known, draining
      {{true, Request::kNew, true, true, false}, Decision::kAccepted},
      {{false, Request::kNew, true, true, false}, Decision::kRejectedInvalid},
      {{false, Request::kNew, false, false, true}, Decision::kRejectedInvalid},
      {{true, Request::kRepeated, true, true, false}, Decision::kDuplicate},
      {{true, Request::kRepeated, true, false, true}, Decision::kDuplicate},
      {{true, Request::kReused, true, true, false}, Decision::kRejectedInvalid},
      {{true, Request::kNew, false, true, false}, Decision::kRejectedInvalid},
      {{true, Request::kNew, true, false, false}, Decision::kRejectedInvalid},
      {{true, Request::kNew, true, false, true}, Decision::kRejectedInvalid},
      {{true, Request::kNew, true, true, true}, Decision::kRejectedDraining},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Decide(row.facts), row.decision) << "row " << (&row - rows);
  }
}

TEST(AdmissionPolicyTest, DecisionsHaveTheNamesOfTheMetric) {
  EXPECT_EQ(Name(Decision::kAccepted), "accepted");
  EXPECT_EQ(Name(Decision::kDuplicate), "duplicate");
  EXPECT_EQ(Name(Decision::kRejectedFull), "rejected_full");
  EXPECT_EQ(Name(Decision::kRejectedFailed), "rejected_failed");
}

}  // namespace
}  // namespace taskforge
