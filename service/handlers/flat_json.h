// Reads the small JSON objects that built-in handlers take as input.
#ifndef TASKFORGE_HANDLERS_FLAT_JSON_H_
#define TASKFORGE_HANDLERS_FLAT_JSON_H_

#include <map>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace taskforge {

using FlatJsonValue = std::variant<std::string, double, bool>;
using FlatJson = std::map<std::string, FlatJsonValue>;

// Parses one JSON object (RFC 8259) whose values are strings, numbers and booleans: nothing nested,
// no null, no \u escapes but those of ASCII, no key twice. INVALID_ARGUMENT says where it fails.
absl::StatusOr<FlatJson> ParseFlatJson(absl::string_view text);

}  // namespace taskforge

#endif  // TASKFORGE_HANDLERS_FLAT_JSON_H_
