// Which addresses only this machine can reach.
#ifndef TASKFORGE_BASE_LOOPBACK_H_
#define TASKFORGE_BASE_LOOPBACK_H_

#include "absl/strings/string_view.h"

namespace taskforge {

// Whether `HOST`, `HOST:PORT` or `[HOST]:PORT` names this machine itself: localhost, an address of
// 127.0.0.0/8, or [::1]. A name that only looks like one (127.example.com, localhost.example.com)
// is none: where it leads is for others to decide.
bool IsLoopbackHost(absl::string_view host);

}  // namespace taskforge

#endif  // TASKFORGE_BASE_LOOPBACK_H_
