#include "handlers/built_in.h"

namespace taskforge {

std::unique_ptr<Handler> MakeEchoHandler() {
  HandlerInfo info;
  info.name = "echo";
  info.description = "Returns its input.";
  info.version = "1";
  info.input_description = "Anything.";
  return std::make_unique<SyncHandler>(
      std::move(info), [](const Attempt& attempt) -> HandlerResult { return attempt.input(); });
}

}  // namespace taskforge
