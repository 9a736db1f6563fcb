// Inputs on the command line: TEXT, @FILE, or - for standard input.
#ifndef TASKFORGE_CLI_PAYLOAD_ARGUMENT_H_
#define TASKFORGE_CLI_PAYLOAD_ARGUMENT_H_

#include <cstdio>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "taskforge/v1/types.pb.h"

namespace taskforge::cli {

// The bytes that `argument` stands for. A text that begins with @ is written @@….
absl::StatusOr<std::string> ReadArgument(absl::string_view argument);

// Sets text_data when `as_text`, or when `bytes` came as an argument's text and is UTF-8; else
// binary_data.
absl::StatusOr<v1::Payload> MakePayload(absl::string_view argument, bool as_text,
                                        const std::string& content_type);

// The content, whichever field holds it.
const std::string& PayloadBytes(const v1::Payload& payload);

// Writes the content as it is; on a terminal, text gets the line feed that it lacks, and bytes
// that are no text are described, not written.
void PrintPayload(const v1::Payload& payload, bool on_terminal, std::FILE* out);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_PAYLOAD_ARGUMENT_H_
