// Tasks as people see them.
#ifndef TASKFORGE_CLI_TASK_VIEW_H_
#define TASKFORGE_CLI_TASK_VIEW_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cli/session.h"
#include "cli/table.h"
#include "taskforge/v1/types.pb.h"

namespace taskforge::cli {

// The last part of a task's name, for the default queue; else the whole name.
std::string ShortName(const std::string& name);

// Headings and rows of `task ls`.
Table TaskTable();
void AddTaskRow(const v1::Task& task, Table& table);

// Everything about one task, a line for each thing.
std::string DescribeTask(const v1::Task& task);

// `queued 80 µs, ran 40 µs`, and the attempts when there was more than one.
std::string DescribeTimes(const v1::Task& task);

// One line: state, progress, why it waits. For `task watch`.
std::string DescribeState(const v1::Task& task);

// Prints a task that ended: its output on stdout, its error and its times on stderr (the times only
// to a terminal); with -o json all of it. Returns the exit code: 1 when it did not succeed.
int PrintFinished(const Session& session, const v1::Task& task);

// Prints on stderr what was wrong with the command line of `command` (`task ls`), or with a file
// that it names. Returns the exit code for it.
int ReportUsage(const absl::Status& status, absl::string_view command);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_TASK_VIEW_H_
