#include "queues/queue_options.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::vector<std::string> Fields(const std::vector<FieldViolation>& violations) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : violations) fields.push_back(violation.field);
  return fields;
}

TEST(QueueOptionsTest, TellsEveryViolationAtOnceWithItsLimit) {
  QueueOptions options;
  options.name = "Bad";
  options.max_tasks = 0;
  options.max_bytes = kMaxQueueBytes + 1;
  const std::vector<FieldViolation> violations = options.Validate(Durability::kDurable);
  EXPECT_THAT(Fields(violations), ElementsAre("name", "max_tasks", "max_bytes"));
  EXPECT_THAT(violations[1].description, HasSubstr("want 1 to 1000000000, not 0: "));
  EXPECT_THAT(violations[2].description, HasSubstr("want 1 to 140737488355328"));
}

TEST(QueueOptionsTest, TheDefaultsAndTheGreatestAreValid) {
  QueueOptions options;
  EXPECT_THAT(options.Validate(Durability::kDurable), IsEmpty());
  options.max_tasks = kMaxQueueTasks;
  options.max_bytes = kMaxQueueBytes;
  EXPECT_THAT(options.Validate(Durability::kDurable), IsEmpty());
}

TEST(QueueOptionsTest, AReasonIsShortText) {
  EXPECT_THAT(ValidateQueueReason(""), IsEmpty());
  EXPECT_THAT(ValidateQueueReason(std::string(256, 'x')), IsEmpty());
  EXPECT_THAT(Fields(ValidateQueueReason(std::string(257, 'x'))), ElementsAre("reason"));
  EXPECT_THAT(Fields(ValidateQueueReason("\xff")), ElementsAre("reason"));
}

TEST(QueueUpdateTest, ChangesWhatIsSetAndNothingElse) {
  QueueOptions options;
  options.default_priority = Priority::kHigh;
  QueueUpdate update;
  update.max_tasks = 7;
  update.ApplyTo(options);
  QueueOptions want;
  want.max_tasks = 7;
  want.default_priority = Priority::kHigh;
  EXPECT_EQ(options, want);
  update.default_priority = std::optional<Priority>();
  update.ApplyTo(options);
  EXPECT_EQ(options.default_priority, std::nullopt);
}

TEST(TaskQueuesOptionsTest, ReportsEveryErrorAtOnce) {
  QueueOptions bad;
  bad.name = "Bad";
  bad.max_tasks = 0;
  bad.max_bytes = 0;
  TaskQueuesOptions options;
  options.queues = {bad, bad};
  EXPECT_THAT(options.Validate(), SizeIs(7));
  options.queues = {QueueOptions()};
  EXPECT_THAT(options.Validate(), IsEmpty());
  options.queues.assign(1001, QueueOptions());
  EXPECT_THAT(options.Validate(), Contains(HasSubstr("at most 1000")));
}

TEST(QueueUnknownErrorTest, NamesWhatIsNear) {
  const absl::Status status = QueueUnknownError("mial", {"default", "mail", "mill", "reports"});
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(DetailsOf(status).reason, "QUEUE_UNKNOWN");
  EXPECT_EQ(DetailsOf(status).metadata.at("near"), "mill,mail");
  EXPECT_THAT(status.message(),
              HasSubstr("there is no queue \"mial\": did you mean \"mill\" or \"mail\"?"));
}

TEST(QueueUnknownErrorTest, ElseNamesSomeThatThereAre) {
  std::vector<std::string> names = {"default", "mail"};
  EXPECT_THAT(QueueUnknownError("reports", names).message(),
              HasSubstr("; there are default, mail: create it first"));
  for (int i = 0; i < 20; ++i) names.push_back("q" + std::to_string(i));
  const absl::Status status = QueueUnknownError("reports", names);
  EXPECT_THAT(status.message(), HasSubstr("q7, …"));
  EXPECT_THAT(status.message(), Not(HasSubstr("q8")));
}

}  // namespace
}  // namespace taskforge
