// What a route of the admin port sees and answers. Nothing of the HTTP library.
#ifndef TASKFORGE_ADMIN_HTTP_H_
#define TASKFORGE_ADMIN_HTTP_H_

#include <functional>
#include <string>

#include "absl/strings/string_view.h"

namespace taskforge {

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  // The Content-Security-Policy; by default the answer may load and run nothing.
  std::string content_security_policy = "default-src 'none'; frame-ancestors 'none'";
};

// One path of the admin port. `answer` is called for GET and HEAD, from several threads at once; it
// must not block for long, since few threads serve the port. Paths match exactly.
struct HttpRoute {
  std::string path;
  std::function<HttpResponse()> answer;
};

// Whether the value of an Accept-Encoding header admits gzip (RFC 9110, 12.5.3).
bool AcceptsGzip(absl::string_view accept_encoding);
// `body` compressed as gzip (RFC 1952).
std::string Gzip(absl::string_view body);

}  // namespace taskforge

#endif  // TASKFORGE_ADMIN_HTTP_H_
