// Topics and subscriptions as people see them.
#ifndef TASKFORGE_CLI_BUS_VIEW_H_
#define TASKFORGE_CLI_BUS_VIEW_H_

#include <string>

#include "absl/time/time.h"
#include "cli/table.h"
#include "taskforge/v1/bus_service.pb.h"

namespace taskforge::cli {

// A row for each topic, in the order of the answer.
Table TopicTable(const v1::ListTopicsResponse& response, absl::Time now);
// A row for each subscription. What its subscriber wrote is shown escaped and cut.
Table SubscriptionTable(const v1::ListSubscriptionsResponse& response, absl::Time now);
// `missed 3 events (low)`, or `at least 3`, where that is all that is known.
std::string DescribeMissed(const v1::Missed& missed);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_BUS_VIEW_H_
