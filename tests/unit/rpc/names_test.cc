#include "rpc/names.h"

#include "base/error.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

TEST(ParseTaskName, TakesFullAndShortNames) {
  EXPECT_EQ(ParseTaskName("queues/mail/tasks/a.b-c_1"), "queues/mail/tasks/a.b-c_1");
  EXPECT_EQ(ParseTaskName("namespaces/default/queues/mail/tasks/x"), "queues/mail/tasks/x");
  EXPECT_EQ(ParseTaskName("x"), "queues/default/tasks/x");
}

TEST(ParseTaskName, RefusesTheRest) {
  for (const char* name :
       {"", "queues/mail", "queues/mail/tasks/", "queues//tasks/x", "queues/Mail/tasks/x",
        "queues/mail/tasks/X", "queues/mail/jobs/x", "queues/mail/tasks/x/y", "/x", "tasks/x",
        "namespaces/other/queues/mail/tasks/x", "x y", "x\n"}) {
    EXPECT_EQ(ParseTaskName(name), std::nullopt) << name;
  }
}

TEST(ParseQueueParent, EmptyIsTheDefaultQueue) {
  EXPECT_EQ(ParseQueueParent(""), (QueueParent{"default", "default"}));
  EXPECT_EQ(ParseQueueParent("queues/mail"), (QueueParent{"default", "mail"}));
  EXPECT_EQ(ParseQueueParent("namespaces/default/queues/mail"), (QueueParent{"default", "mail"}));
  EXPECT_EQ(ParseQueueParent("namespaces/other/queues/mail"), (QueueParent{"other", "mail"}));
  EXPECT_EQ(ParseQueueParent("mail"), std::nullopt);
  EXPECT_EQ(ParseQueueParent("queues/"), std::nullopt);
  EXPECT_EQ(ParseQueueParent("queues/a/b"), std::nullopt);
  EXPECT_EQ(ParseQueueParent("namespaces/A b/queues/mail"), std::nullopt);
}

TEST(CheckNamespaceOf, NamesTheOneThatThereIsNot) {
  for (const char* name : {"", "x", "queues/mail/tasks/x", "namespaces/default/queues/mail/tasks/x",
                           "namespaces", "namespaces/", "namespaces/other"}) {
    EXPECT_TRUE(CheckNamespaceOf(name).ok()) << name;
  }
  const absl::Status unknown = CheckNamespaceOf("namespaces/other/queues/mail/tasks/x");
  EXPECT_EQ(unknown.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(DetailsOf(unknown).reason, "NAMESPACE_UNKNOWN");
  EXPECT_EQ(DetailsOf(unknown).metadata.at("namespace"), "other");
}

TEST(StripCollection, TakesBothForms) {
  EXPECT_EQ(StripCollection("handlers/echo", "handlers"), "echo");
  EXPECT_EQ(StripCollection("echo", "handlers"), "echo");
  EXPECT_EQ(StripCollection("handlers/", "handlers"), "");
}

}  // namespace
}  // namespace taskforge
