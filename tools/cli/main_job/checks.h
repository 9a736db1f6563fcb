// What the outputs of the main job's handlers must be, computed here by other code than the
// server's: nothing is taken on trust.
#ifndef TASKFORGE_CLI_MAIN_JOB_CHECKS_H_
#define TASKFORGE_CLI_MAIN_JOB_CHECKS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace taskforge::cli {

// FIPS 180-4, in lower-case hexadecimal.
std::string Sha256Hex(absl::string_view bytes);

struct TextCounts {
  uint64_t lines = 0;  // Line feeds, as wc counts them.
  uint64_t words = 0;  // Runs of bytes that are no white space of the C locale.
  uint64_t bytes = 0;
  bool operator==(const TextCounts&) const = default;
};
TextCounts CountText(absl::string_view bytes);

// What gzip or zlib data holds. DATA_LOSS when it is damaged or goes on after
// `max_bytes`.
absl::StatusOr<std::string> Inflate(absl::string_view data, uint64_t max_bytes);

// Whether `output` of `handler` (sha256, wordcount or compress) is right for `input`; the message
// of an error says what was expected.
absl::Status CheckOutput(absl::string_view handler, absl::string_view input,
                         absl::string_view output);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_MAIN_JOB_CHECKS_H_
