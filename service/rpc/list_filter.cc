#include "rpc/list_filter.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "rpc/names.h"
#include "task/validation.h"

namespace taskforge {
namespace {

constexpr size_t kMaxFilterBytes = 512;

struct Token {
  std::string text;
  bool quoted = false;
};

// Bytes of UTF-8 sequences count, so that a message never quotes a part of one.
bool IsWordCharacter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return absl::ascii_isalnum(byte) || byte >= 0x80 || c == '.' || c == '_' || c == '-';
}

// Words, quoted strings and single other characters; nothing when a quote does not end.
std::optional<std::vector<Token>> Split(absl::string_view text) {
  std::vector<Token> tokens;
  size_t i = 0;
  while (i < text.size()) {
    if (absl::ascii_isspace(static_cast<unsigned char>(text[i]))) {
      ++i;
    } else if (text[i] == '"') {
      const size_t end = text.find('"', i + 1);
      if (end == absl::string_view::npos) return std::nullopt;
      tokens.push_back({std::string(text.substr(i + 1, end - i - 1)), true});
      i = end + 1;
    } else if (IsWordCharacter(text[i])) {
      size_t end = i;
      while (end < text.size() && IsWordCharacter(text[end])) ++end;
      tokens.push_back({std::string(text.substr(i, end - i)), false});
      i = end;
    } else {
      tokens.push_back({std::string(1, text[i]), false});
      ++i;
    }
  }
  return tokens;
}

std::optional<TaskState> StateFrom(absl::string_view value) {
  std::string name = absl::AsciiStrToLower(value);
  absl::string_view short_name = name;
  absl::ConsumePrefix(&short_name, "task_state_");
  return ParseTaskState(short_name);
}

// Sets the key once.
template <typename T>
void SetOnce(std::optional<T>& to, T value, absl::string_view key, absl::string_view field,
             Violations& violations) {
  if (to.has_value() && *to != value) {
    violations.Add(field, absl::StrCat(key, " has two values: nothing can match both"));
  }
  to = std::move(value);
}

void Match(absl::string_view key, const Token& value, absl::string_view field, TaskFilter& filter,
           Violations& violations) {
  if (key == "state") {
    const std::optional<TaskState> state = StateFrom(value.text);
    if (!state.has_value()) {
      violations.Add(field, absl::StrCat("unknown state \"", value.text,
                                         "\"; want SCHEDULED, QUEUED, RUNNING, SUCCEEDED, FAILED, "
                                         "CANCELLED or EXPIRED"));
      return;
    }
    SetOnce(filter.state, *state, key, field, violations);
  } else if (key == "handler") {
    SetOnce(filter.handler, value.text, key, field, violations);
  } else if (key == "queue") {
    if (!IsQueueName(value.text)) {
      violations.Add(field, absl::StrCat("\"", value.text, "\" is not a queue's name"));
      return;
    }
    SetOnce(filter.queue, value.text, key, field, violations);
  } else {
    violations.Add(field, absl::StrCat("unknown key \"", key, "\"; want state, handler or queue"));
  }
}

}  // namespace

void ParseTaskFilter(absl::string_view text, absl::string_view field, TaskFilter& filter,
                     Violations& violations) {
  if (text.size() > kMaxFilterBytes) {
    violations.Add(field, absl::StrCat("longer than ", kMaxFilterBytes, " bytes"));
    return;
  }
  const std::optional<std::vector<Token>> tokens = Split(text);
  if (!tokens.has_value()) {
    violations.Add(field, "a quote does not end");
    return;
  }
  for (size_t i = 0; i < tokens->size(); i += 4) {
    const bool complete = i + 2 < tokens->size() && !(*tokens)[i].quoted &&
                          !(*tokens)[i + 1].quoted && (*tokens)[i + 1].text == "=";
    if (!complete) {
      violations.Add(
          field, absl::StrCat("want KEY = VALUE at \"", (*tokens)[i].text, "\", joined by AND"));
      return;
    }
    Match((*tokens)[i].text, (*tokens)[i + 2], field, filter, violations);
    if (i + 3 == tokens->size()) return;
    const Token& join = (*tokens)[i + 3];
    if (join.quoted || !absl::EqualsIgnoreCase(join.text, "AND") || i + 4 == tokens->size()) {
      violations.Add(field, absl::StrCat("want AND and one more KEY = VALUE at \"", join.text,
                                         "\"; OR, NOT and parentheses are not offered"));
      return;
    }
  }
}

absl::Status ParseTaskSelection(absl::string_view parent, absl::string_view filter_text,
                                TaskFilter& filter, Violations& violations) {
  ParseTaskFilter(filter_text, "filter", filter, violations);
  if (parent.empty() || parent == "queues/-") return absl::OkStatus();
  const absl::Status known = CheckNamespaceOf(parent);
  if (!known.ok()) return known;
  std::optional<QueueParent> queue = ParseQueueParent(parent);
  if (!queue.has_value()) {
    violations.Add("parent", "want queues/{queue}, queues/- or nothing");
  } else if (filter.queue.has_value() && *filter.queue != queue->queue) {
    violations.Add("filter", "names another queue than parent: nothing can match both");
  } else {
    filter.queue = std::move(queue->queue);
  }
  return absl::OkStatus();
}

}  // namespace taskforge
