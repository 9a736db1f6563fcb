// Topics and filters: tokens joined by dots, as NATS has them
// (https://docs.nats.io/nats-concepts/subjects). In a filter `*` stands for exactly one token and a
// last `>` for one token or more.
#ifndef TASKFORGE_BUS_TOPIC_H_
#define TASKFORGE_BUS_TOPIC_H_

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/error.h"
#include "task/task_state.h"
#include "task/validation.h"

namespace taskforge {

// What a client may write is limited by kMaxTopicBytes and kMaxTopicTokens (task/validation.h).
// Topics of tasks hold the names of queue and handler, so they may be longer. No topic has more
// tokens than this.
inline constexpr size_t kMaxTokens = 40;

// Adds what is wrong with a topic, or a filter, to `violations`: every error, each under `field`.
// A token has one byte or more of printable ASCII without space, `.`, `*` and `>`.
void CheckTopic(absl::string_view topic, absl::string_view field,
                std::vector<FieldViolation>& violations);
void CheckFilter(absl::string_view filter, absl::string_view field,
                 std::vector<FieldViolation>& violations);

// Whether only the server may publish there: `task`, `sys` and everything below them.
bool IsReservedTopic(absl::string_view topic);

// Where the events of a task are published: `task.<queue>.<state>.<handler>`. Dots in the handler's
// name make tokens.
std::string TaskTopic(absl::string_view queue, TaskState state, absl::string_view handler);

// Whether `topic` is one that `filter` stands for. REQUIRES: both are valid. What routes are
// measured against; routing itself uses bus/route_table.h.
bool Matches(absl::string_view filter, absl::string_view topic);
// Whether there can be a topic that both filters stand for. REQUIRES: both are valid.
bool Overlap(absl::string_view a, absl::string_view b);

// The tokens of a topic or a filter, which must outlive them. Thread-compatible.
class Tokens {
 public:
  // Keeps the first kMaxTokens tokens; is_complete() tells whether there were more.
  explicit Tokens(absl::string_view text);

  size_t size() const { return size_; }
  bool is_complete() const { return is_complete_; }
  absl::string_view operator[](size_t index) const { return tokens_[index]; }

 private:
  std::array<absl::string_view, kMaxTokens> tokens_;
  size_t size_ = 0;
  bool is_complete_ = true;
};

}  // namespace taskforge

#endif  // TASKFORGE_BUS_TOPIC_H_
