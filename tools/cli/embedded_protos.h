// The .proto files of the API, as they were when this binary was built.
#ifndef TASKFORGE_CLI_EMBEDDED_PROTOS_H_
#define TASKFORGE_CLI_EMBEDDED_PROTOS_H_

#include <string>
#include <vector>

namespace taskforge::cli {

struct EmbeddedProto {
  std::string path;  // As other files import it: taskforge/v1/types.proto.
  std::string text;
};

// Generated at build time from protos/.
const std::vector<EmbeddedProto>& EmbeddedProtos();

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_EMBEDDED_PROTOS_H_
