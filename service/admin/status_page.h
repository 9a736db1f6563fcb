// The status page, as the build embeds it from status_page.html.
#ifndef TASKFORGE_ADMIN_STATUS_PAGE_H_
#define TASKFORGE_ADMIN_STATUS_PAGE_H_

#include "absl/strings/string_view.h"

namespace taskforge {

// HTML in which every `NONCE` is to be replaced by the nonce of the answer's security policy.
extern const absl::string_view kStatusPageHtml;

}  // namespace taskforge

#endif  // TASKFORGE_ADMIN_STATUS_PAGE_H_
