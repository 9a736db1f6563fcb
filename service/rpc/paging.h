// Pages of lists. Page tokens are opaque to clients: where they are made here, they are the last
// name of the page before, so that what comes and goes in between does not move the others.
#ifndef TASKFORGE_RPC_PAGING_H_
#define TASKFORGE_RPC_PAGING_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "rpc/violations.h"

namespace taskforge {

inline constexpr int kDefaultPageSize = 100;
inline constexpr int kMaxPageSize = 1000;

// 0 means the default.
inline int PageSizeFrom(int page_size, Violations& violations) {
  if (page_size == 0) return kDefaultPageSize;
  if (page_size < 0 || page_size > kMaxPageSize) {
    violations.Add("page_size", absl::StrCat("want 0 to ", kMaxPageSize));
    return kDefaultPageSize;
  }
  return page_size;
}

// A token that carries a key, and the key of a token; nothing if it is not ours.
inline std::string PageTokenOf(absl::string_view key) {
  return absl::WebSafeBase64Escape(absl::StrCat("p:", key));
}
inline std::optional<std::string> KeyOfPageToken(absl::string_view token) {
  std::string key;
  if (!absl::WebSafeBase64Unescape(token, &key) || key.compare(0, 2, "p:") != 0) {
    return std::nullopt;
  }
  return key.substr(2);
}

// The part of `items`, which are in ascending order of `key_of`, that a request asks for. Calls
// `add(item)` for each and returns the next page's token; empty: the last page.
template <typename Items, typename KeyOf, typename Add>
std::string Page(const Items& items, int page_size, absl::string_view page_token, KeyOf key_of,
                 Violations& violations, Add add) {
  std::string after;
  if (!page_token.empty()) {
    const std::optional<std::string> key = KeyOfPageToken(page_token);
    if (!key.has_value()) {
      violations.Add("page_token", "not a token of this list");
      return {};
    }
    after = *key;
  }
  int count = 0;
  std::string last;
  for (const auto& item : items) {
    const std::string key = key_of(item);
    if (!page_token.empty() && key <= after) continue;
    if (count == page_size) return PageTokenOf(last);
    add(item);
    last = key;
    ++count;
  }
  return {};
}

}  // namespace taskforge

#endif  // TASKFORGE_RPC_PAGING_H_
