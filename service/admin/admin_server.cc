#include "admin/admin_server.h"

#include <microhttpd.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "admin/listen_socket.h"
#include "base/loopback.h"

namespace taskforge {
namespace {

// Below it, compressing costs more than it saves.
constexpr size_t kGzipBytesMin = 1024;

absl::string_view HeaderOf(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? absl::string_view() : absl::string_view(value);
}

HttpResponse PlainText(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(text);
  return response;
}

MHD_Result Send(MHD_Connection* connection, HttpResponse response) {
  const bool gzip = response.body.size() >= kGzipBytesMin &&
                    AcceptsGzip(HeaderOf(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING));
  if (gzip) response.body = Gzip(response.body);
  MHD_Response* message = MHD_create_response_from_buffer(
      response.body.size(), response.body.data(), MHD_RESPMEM_MUST_COPY);
  if (message == nullptr) return MHD_NO;
  const auto add = [message](const char* name, const char* value) {
    MHD_add_response_header(message, name, value);
  };
  add(MHD_HTTP_HEADER_CONTENT_TYPE, response.content_type.c_str());
  add("Content-Security-Policy", response.content_security_policy.c_str());
  add("X-Content-Type-Options", "nosniff");
  add("X-Frame-Options", "DENY");
  add("Referrer-Policy", "no-referrer");
  add("Cross-Origin-Resource-Policy", "same-origin");
  add(MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  add(MHD_HTTP_HEADER_VARY, "Accept-Encoding");
  if (gzip) add(MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
  if (response.status == MHD_HTTP_METHOD_NOT_ALLOWED) add(MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  const MHD_Result result =
      MHD_queue_response(connection, static_cast<unsigned int>(response.status), message);
  MHD_destroy_response(message);
  return result;
}

}  // namespace

absl::Status Validate(const AdminServerOptions& options) {
  std::string errors;
  const auto check = [&errors](bool holds, absl::string_view what) {
    if (!holds) absl::StrAppend(&errors, errors.empty() ? "" : "; ", what);
  };
  check(options.threads >= 1 && options.threads <= 16, "admin.threads must be 1 to 16");
  check(options.connections_max >= options.threads,
        "admin.connections_max must be at least admin.threads");
  check(options.idle_timeout >= absl::Seconds(1) && options.idle_timeout <= absl::Hours(1),
        "admin.idle_timeout must be 1s to 1h");
  check(options.header_bytes_max >= 1024 && options.header_bytes_max <= 1 << 20,
        "admin.header_bytes_max must be 1 KiB to 1 MiB");
  return errors.empty() ? absl::OkStatus() : absl::InvalidArgumentError(errors);
}

// libmicrohttpd: a few threads, each with an epoll set of its own over the shared socket.
class AdminServer::Daemon {
 public:
  Daemon(std::vector<HttpRoute> routes, bool is_loopback)
      : routes_(std::move(routes)), is_loopback_(is_loopback) {}
  ~Daemon() {
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);  // Closes the socket.
  }

  // Takes `fd` if it succeeds.
  bool Serve(int fd, const AdminServerOptions& options) {
    const unsigned int idle_s =
        static_cast<unsigned int>(absl::ToInt64Seconds(options.idle_timeout));
    unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD;
    // A pool of one thread is a contradiction to the library: that is the plain mode.
    const unsigned int pool = options.threads > 1 ? static_cast<unsigned int>(options.threads) : 0;
    daemon_ = MHD_start_daemon(
        flags, 0, nullptr, nullptr, &Daemon::OnRequest, this, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, static_cast<unsigned int>(options.connections_max),
        MHD_OPTION_CONNECTION_TIMEOUT, idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        options.header_bytes_max, MHD_OPTION_THREAD_POOL_SIZE, pool, MHD_OPTION_END);
    return daemon_ != nullptr;
  }

 private:
  static MHD_Result OnRequest(void* self, MHD_Connection* connection, const char* url,
                              const char* method, const char* /*version*/, const char* /*upload*/,
                              size_t* upload_size, void** state) {
    // First call: the headers are there. A body, which nothing here needs, comes in further calls.
    static char seen;
    const bool is_get = absl::string_view(method) == MHD_HTTP_METHOD_GET ||
                        absl::string_view(method) == MHD_HTTP_METHOD_HEAD;
    if (*state == nullptr && is_get) {
      *state = &seen;
      return MHD_YES;
    }
    if (*upload_size != 0) {
      *upload_size = 0;
      return MHD_YES;
    }
    const auto* daemon = static_cast<const Daemon*>(self);
    if (!is_get) {
      return Send(connection, PlainText(MHD_HTTP_METHOD_NOT_ALLOWED,
                                        "405: this port answers GET and HEAD only\n"));
    }
    return Send(connection, daemon->Answer(HeaderOf(connection, MHD_HTTP_HEADER_HOST), url));
  }

  HttpResponse Answer(absl::string_view host, absl::string_view path) const {
    // A page of the web whose own name resolves to 127.0.0.1 (DNS rebinding) shows that name here.
    if (is_loopback_ && !host.empty() && !IsLoopbackHost(host)) {
      return PlainText(MHD_HTTP_FORBIDDEN,
                       "403: this port is bound to loopback, and the Host of the request is not "
                       "localhost, 127.0.0.1 or [::1]\n");
    }
    for (const HttpRoute& route : routes_) {
      if (route.path == path) return route.answer();
    }
    std::string text = "404: there is no such page; there are:\n";
    for (const HttpRoute& route : routes_) absl::StrAppend(&text, "  ", route.path, "\n");
    return PlainText(MHD_HTTP_NOT_FOUND, std::move(text));
  }

  // Constant after Serve().
  const std::vector<HttpRoute> routes_;
  const bool is_loopback_;
  MHD_Daemon* daemon_ = nullptr;
};

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(const AdminServerOptions& options,
                                                                std::vector<HttpRoute> routes) {
  if (absl::Status status = Validate(options); !status.ok()) return status;
  absl::StatusOr<ListenSocket> socket = Listen(options.listen);
  if (!socket.ok()) return socket.status();
  auto daemon = std::make_unique<Daemon>(std::move(routes), socket->is_loopback);
  if (!daemon->Serve(socket->fd, options)) {
    close(socket->fd);
    return absl::UnavailableError(
        absl::StrCat("cannot serve HTTP on ", socket->address, " (admin.listen)"));
  }
  return std::unique_ptr<AdminServer>(
      new AdminServer(std::move(socket->address), std::move(daemon)));
}

AdminServer::AdminServer(std::string address, std::unique_ptr<Daemon> daemon)
    : address_(std::move(address)), daemon_(std::move(daemon)) {}

AdminServer::~AdminServer() = default;

}  // namespace taskforge
