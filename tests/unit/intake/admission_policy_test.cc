#include "intake/admission_policy.h"

#include <string>
#include <vector>

#include "base/error.h"
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
      // ... and too much
      {{true, Request::kNew, true, true, false, true}, Decision::kRejectedOverload},
      {{true, Request::kNew, true, true, true, true}, Decision::kRejectedDraining},
      {{true, Request::kNew, true, false, false, true}, Decision::kRejectedInvalid},
      {{true, Request::kRepeated, true, true, false, true}, Decision::kDuplicate},
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
  EXPECT_EQ(Name(Decision::kRejectedOverload), "rejected_overload");
}

TEST(SheddingOptionsTest, LowGoesBeforeNormalAndUrgentWorkNever) {
  SheddingOptions options;
  options.low_after = absl::Seconds(2);
  options.normal_after = absl::Seconds(3);
  EXPECT_EQ(options.LimitOf(Priority::kLow), absl::Seconds(2));
  EXPECT_EQ(options.LimitOf(Priority::kNormal), absl::Seconds(3));
  EXPECT_EQ(options.LimitOf(Priority::kHigh), absl::InfiniteDuration());
  EXPECT_EQ(options.LimitOf(Priority::kCritical), absl::InfiniteDuration());
  options.is_on = false;
  EXPECT_EQ(options.LimitOf(Priority::kLow), absl::InfiniteDuration());
  EXPECT_EQ(options.LimitOf(Priority::kNormal), absl::InfiniteDuration());
}

TEST(SheddingOptionsTest, EveryViolationIsToldAtOnce) {
  EXPECT_TRUE(SheddingOptions().Validate().ok());
  SheddingOptions options;
  options.low_after = absl::Hours(2);
  options.normal_after = absl::Milliseconds(1);
  const std::vector<FieldViolation> violations = DetailsOf(options.Validate()).field_violations;
  ASSERT_EQ(violations.size(), 3u);
  EXPECT_EQ(violations[0].field, "admission.shed_low_after");
  EXPECT_EQ(violations[1].field, "admission.shed_normal_after");
  EXPECT_EQ(violations[2].field, "admission.shed_normal_after");
  EXPECT_NE(violations[0].description.find("10ms to 1h"), std::string::npos);
  EXPECT_NE(violations[2].description.find("admission.shed_low_after (2h)"), std::string::npos);
  options.low_after = absl::Milliseconds(10);
  options.normal_after = absl::Milliseconds(10);
  EXPECT_TRUE(options.Validate().ok());
}

}  // namespace
}  // namespace taskforge
