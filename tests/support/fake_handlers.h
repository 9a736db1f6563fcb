// Which handlers there are, as a test says.
#ifndef TASKFORGE_SUPPORT_FAKE_HANDLERS_H_
#define TASKFORGE_SUPPORT_FAKE_HANDLERS_H_

#include <set>
#include <string>
#include <vector>

#include "intake/intake.h"
#include "queues/task_queues.h"

namespace taskforge {

// To be changed only while nobody asks. Thread-compatible.
class FakeHandlers final : public HandlerDirectory, public LaneDirectory {
 public:
  bool Knows(absl::string_view handler) const override {
    return local.count(std::string(handler)) > 0 || IsRemote(handler);
  }
  std::vector<std::string> Near(absl::string_view) const override { return near; }
  bool IsRemote(absl::string_view handler) const override {
    return remote.count(std::string(handler)) > 0;
  }

  std::set<std::string> local = {"echo"};
  std::set<std::string> remote;
  std::vector<std::string> near;
};

}  // namespace taskforge

#endif  // TASKFORGE_SUPPORT_FAKE_HANDLERS_H_
