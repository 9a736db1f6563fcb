// What TLS may have to do with a call that reached nobody: the library's words are for those who
// know it.
#ifndef TASKFORGE_CLI_TLS_HINT_H_
#define TASKFORGE_CLI_TLS_HINT_H_

#include <optional>
#include <string>

#include "cli/rpc_error.h"
#include "cli/session.h"

namespace taskforge::cli {

struct TlsHint {
  std::string why;
  GlobalOptions next;  // To try; FILE and NAME stand for what only people know.
};

// Empty when the error has nothing to do with TLS. `options` are those of the call.
std::optional<TlsHint> HintOnTls(const RpcError& error, const GlobalOptions& options);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_TLS_HINT_H_
