#include "admin/routes.h"

#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "admin/status_page.h"

namespace taskforge {
namespace {

constexpr int kOk = 200;
constexpr int kServiceUnavailable = 503;

// A value that nobody can guess: it marks the script and the style of one answer as ours.
std::string Nonce() {
  std::random_device random;
  return absl::StrFormat("%08x%08x%08x%08x", random(), random(), random(), random());
}

}  // namespace

HttpRoute MetricsRoute(std::function<std::string()> serialize) {
  return {"/metrics", [serialize = std::move(serialize)] {
            HttpResponse response;
            response.content_type = "text/plain; version=0.0.4; charset=utf-8";
            response.body = serialize();
            return response;
          }};
}

HttpRoute LivezRoute() {
  return {"/livez", [] {
            HttpResponse response;
            response.body = "ok\n";
            return response;
          }};
}

HttpRoute ReadyzRoute(std::function<bool()> is_ready) {
  return {"/readyz", [is_ready = std::move(is_ready)] {
            HttpResponse response;
            const bool ready = is_ready();
            response.status = ready ? kOk : kServiceUnavailable;
            response.body = ready ? "ok\n" : "not ready: starting or draining\n";
            return response;
          }};
}

HttpRoute StatusPageRoute() {
  return {"/", [] {
            const std::string nonce = Nonce();
            HttpResponse response;
            response.content_type = "text/html; charset=utf-8";
            response.body = absl::StrReplaceAll(kStatusPageHtml, {{"NONCE", nonce}});
            response.content_security_policy = absl::StrCat(
                "default-src 'none'; connect-src 'self'; img-src data:; script-src 'nonce-", nonce,
                "'; style-src 'nonce-", nonce,
                "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
            return response;
          }};
}

HttpRoute StatusRoute(std::function<StatusSnapshot()> snapshot) {
  return {"/api/status", [snapshot = std::move(snapshot)] {
            HttpResponse response;
            response.content_type = "application/json";
            response.body = StatusJson(snapshot());
            return response;
          }};
}

}  // namespace taskforge
