// Submits the tasks of a JSON Lines file over one stream.
#ifndef TASKFORGE_CLI_SUBMIT_FILE_H_
#define TASKFORGE_CLI_SUBMIT_FILE_H_

#include <cstdint>
#include <istream>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cli/session.h"
#include "taskforge/v1/task_service.pb.h"

namespace taskforge::cli {

// One line: a Task in protobuf's JSON, or a SubmitTaskRequest (it has a `task`). A priority may be
// written `high` for PRIORITY_HIGH.
absl::Status ParseSubmission(absl::string_view line, v1::SubmitTaskRequest& request);

// Prints the names of accepted tasks, or with `want_results` the finished tasks, one a line on
// stdout; refusals on stderr with the number of their line. `size` in bytes is for the progress
// bar; 0: not known. Returns the exit code.
int SubmitFile(Session& session, std::istream& input, uint64_t size, bool want_results);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_SUBMIT_FILE_H_
