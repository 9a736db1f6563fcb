// Every method that the server answers, with the rule of who may call it.
#ifndef TASKFORGE_RPC_METHOD_TABLE_H_
#define TASKFORGE_RPC_METHOD_TABLE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace taskforge {

enum class RpcType { kUnary, kServerStream, kBidiStream };

// Who may call a method.
enum class AccessRule {
  kOpen,    // Anybody.
  kClient,  // With tokens configured: the role client or admin. Without: anybody.
  kAdmin,   // With tokens configured: the role admin. Without: only loopback or a unix socket.
};

struct MethodRule {
  absl::string_view service;  // `taskforge.v1.TaskService`
  absl::string_view method;   // `GetTask`
  RpcType type;
  AccessRule access;
  // Goes on while the server drains: health, so that a probe sees why.
  bool outlives_drain = false;
};

// Constant. What is not here is not served.
const std::vector<MethodRule>& MethodTable();

// The index of a method in the table; nothing is served without a rule, so a name that is not there
// is a mistake in the program: returns MethodTable().size().
size_t FindMethod(absl::string_view service, absl::string_view method);

// `/taskforge.v1.TaskService/GetTask`
std::string FullName(const MethodRule& rule);

}  // namespace taskforge

#endif  // TASKFORGE_RPC_METHOD_TABLE_H_
