#include "bus/topic.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace taskforge {
namespace {

bool IsTokenByte(char c) { return c > ' ' && c < 0x7f && c != '*' && c != '>'; }

void Check(absl::string_view text, bool is_filter, absl::string_view field,
           std::vector<FieldViolation>& violations) {
  const auto complain = [&](auto&&... parts) {
    violations.push_back({std::string(field), absl::StrCat(parts...)});
  };
  if (text.empty()) return complain("must not be empty");
  if (text.size() > kMaxTopicBytes) {
    complain("has ", text.size(), " bytes; at most ", kMaxTopicBytes);
  }
  const std::vector<absl::string_view> tokens = absl::StrSplit(text, '.');
  if (tokens.size() > kMaxTopicTokens) {
    complain("has ", tokens.size(), " tokens; at most ", kMaxTopicTokens);
  }
  if (std::any_of(tokens.begin(), tokens.end(), [](auto token) { return token.empty(); })) {
    complain("has an empty token: no dot at either end, no two dots in a row");
  }
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (is_filter && tokens[i] == "*") continue;
    if (is_filter && tokens[i] == ">") {
      if (i + 1 != tokens.size()) complain("has `>` at token ", i + 1, "; it may only be the last");
      continue;
    }
    if (!std::all_of(tokens[i].begin(), tokens[i].end(), IsTokenByte)) {
      complain("token ", i + 1,
               is_filter ? " holds a space, a byte that is not printable ASCII, or a wildcard that "
                           "does not stand alone"
                         : " holds a space, a byte that is not printable ASCII, or a wildcard; "
                           "wildcards are for filters");
    }
  }
}

}  // namespace

void CheckTopic(absl::string_view topic, absl::string_view field,
                std::vector<FieldViolation>& violations) {
  Check(topic, /*is_filter=*/false, field, violations);
}

void CheckFilter(absl::string_view filter, absl::string_view field,
                 std::vector<FieldViolation>& violations) {
  Check(filter, /*is_filter=*/true, field, violations);
}

bool IsReservedTopic(absl::string_view topic) {
  const absl::string_view first = topic.substr(0, topic.find('.'));
  return first == "task" || first == "sys";
}

std::string TaskTopic(absl::string_view queue, TaskState state, absl::string_view handler) {
  return absl::StrCat("task.", queue, ".", Name(state), ".", handler);
}

bool Matches(absl::string_view filter, absl::string_view topic) {
  for (;;) {
    const absl::string_view wanted = filter.substr(0, filter.find('.'));
    const absl::string_view given = topic.substr(0, topic.find('.'));
    if (wanted == ">") return true;
    if (wanted != "*" && wanted != given) return false;
    if (wanted.size() == filter.size() || given.size() == topic.size()) {
      return wanted.size() == filter.size() && given.size() == topic.size();
    }
    filter.remove_prefix(wanted.size() + 1);
    topic.remove_prefix(given.size() + 1);
  }
}

bool Overlap(absl::string_view a, absl::string_view b) {
  for (;;) {
    const absl::string_view one = a.substr(0, a.find('.'));
    const absl::string_view other = b.substr(0, b.find('.'));
    if (one == ">" || other == ">") return true;
    if (one != "*" && other != "*" && one != other) return false;
    if (one.size() == a.size() || other.size() == b.size()) {
      return one.size() == a.size() && other.size() == b.size();
    }
    a.remove_prefix(one.size() + 1);
    b.remove_prefix(other.size() + 1);
  }
}

Tokens::Tokens(absl::string_view text) {
  for (;;) {
    if (size_ == kMaxTokens) {
      is_complete_ = false;
      return;
    }
    const size_t dot = text.find('.');
    tokens_[size_++] = text.substr(0, dot);
    if (dot == absl::string_view::npos) return;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace taskforge
