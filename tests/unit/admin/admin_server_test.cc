#include "admin/admin_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "admin/routes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A connection to the server, with verbs.
class Connection {
 public:
  explicit Connection(const std::string& address) {
    const std::vector<std::string> parts = absl::StrSplit(address, ':');
    int port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(parts[1], &port));
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval limit = {60, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Send(absl::string_view text) {
    EXPECT_EQ(send(fd_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  bool IsReadableWithin(absl::Duration time) {
    pollfd wait = {fd_, POLLIN, 0};
    return poll(&wait, 1, static_cast<int>(absl::ToInt64Milliseconds(time))) > 0;
  }
  // What comes first.
  std::string ReadSome() {
    char buffer[4096];
    const ssize_t n = recv(fd_, buffer, sizeof(buffer), 0);
    return n > 0 ? std::string(buffer, static_cast<size_t>(n)) : std::string();
  }
  // Everything until the server closes.
  std::string ReadAll() {
    std::string text;
    char buffer[4096];
    ssize_t n;
    while ((n = recv(fd_, buffer, sizeof(buffer), 0)) > 0) text.append(buffer, n);
    return text;
  }

 private:
  int fd_ = -1;
};

class AdminServerTest : public ::testing::Test {
 protected:
  void Start(AdminServerOptions options = {}) {
    options.listen = "127.0.0.1:0";
    std::vector<HttpRoute> routes;
    routes.push_back(StatusPageRoute());
    routes.push_back(MetricsRoute([this] { return metrics_; }));
    routes.push_back(LivezRoute());
    routes.push_back(ReadyzRoute([this] { return ready_.load(); }));
    routes.push_back(StatusRoute([] {
      StatusSnapshot snapshot;
      snapshot.version = "test";
      return snapshot;
    }));
    absl::StatusOr<std::unique_ptr<AdminServer>> server =
        AdminServer::Start(options, std::move(routes));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  std::string Request(absl::string_view method, absl::string_view path,
                      absl::string_view headers = "Host: localhost\r\n") {
    Connection connection(server_->address());
    connection.Send(
        absl::StrCat(method, " ", path, " HTTP/1.1\r\nConnection: close\r\n", headers, "\r\n"));
    return connection.ReadAll();
  }
  static std::string BodyOf(const std::string& answer) {
    const size_t end = answer.find("\r\n\r\n");
    return end == std::string::npos ? "" : answer.substr(end + 4);
  }

  std::string metrics_ = "taskforge_draining 0\n";
  std::atomic<bool> ready_{true};
  std::unique_ptr<AdminServer> server_;
};

TEST_F(AdminServerTest, ServesMetricsAsPrometheusText) {
  Start();
  const std::string answer = Request("GET", "/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4"));
  EXPECT_EQ(BodyOf(answer), metrics_);
}

TEST_F(AdminServerTest, CompressesALargeAnswerWhenAsked) {
  metrics_ = std::string(100000, 'x');
  Start();
  const std::string plain = Request("GET", "/metrics");
  EXPECT_EQ(BodyOf(plain), metrics_);
  const std::string small =
      Request("GET", "/metrics", "Host: localhost\r\nAccept-Encoding: gzip\r\n");
  EXPECT_THAT(small, HasSubstr("Content-Encoding: gzip"));
  EXPECT_THAT(BodyOf(small), StartsWith("\x1f\x8b"));
  EXPECT_LT(small.size(), 2000u);
}

TEST_F(AdminServerTest, ReadinessFollowsItsSourceAndLivenessDoesNot) {
  Start();
  EXPECT_THAT(Request("GET", "/readyz"), StartsWith("HTTP/1.1 200"));
  ready_ = false;
  EXPECT_THAT(Request("GET", "/readyz"), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(Request("GET", "/livez"), StartsWith("HTTP/1.1 200"));
}

TEST_F(AdminServerTest, StatusPageLoadsNothingFromElsewhere) {
  Start();
  const std::string answer = Request("GET", "/");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("default-src 'none'"));
  EXPECT_THAT(answer, HasSubstr("X-Content-Type-Options: nosniff"));
  EXPECT_THAT(answer, HasSubstr("<title>TaskForge</title>"));
  EXPECT_THAT(answer, Not(HasSubstr("NONCE")));
  EXPECT_THAT(BodyOf(answer), Not(HasSubstr("http://")));
  EXPECT_THAT(BodyOf(answer), Not(HasSubstr("https://")));
}

TEST_F(AdminServerTest, StatusPageHasANewNonceEachTime) {
  Start();
  const auto nonce = [this] {
    const std::string answer = Request("GET", "/");
    return answer.substr(answer.find("script-src 'nonce-"), 60);
  };
  EXPECT_NE(nonce(), nonce());
}

TEST_F(AdminServerTest, ServesStatusAsJson) {
  Start();
  const std::string answer = Request("GET", "/api/status");
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json"));
  EXPECT_THAT(BodyOf(answer), HasSubstr("\"version\":\"test\""));
}

TEST_F(AdminServerTest, AnswersHeadWithoutABody) {
  Start();
  const std::string answer = Request("HEAD", "/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr(absl::StrCat("Content-Length: ", metrics_.size())));
  EXPECT_EQ(BodyOf(answer), "");
}

TEST_F(AdminServerTest, RefusesWhatWouldChangeSomething) {
  Start();
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    const std::string answer =
        Request(method, "/metrics", "Host: localhost\r\nContent-Length: 0\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405")) << method;
    EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD")) << method;
  }
}

TEST_F(AdminServerTest, NamesItsPagesWhenThereIsNoSuchPage) {
  Start();
  const std::string answer = Request("GET", "/metrics/");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(answer, HasSubstr("/readyz"));
}

TEST_F(AdminServerTest, IgnoresTheQuery) {
  Start();
  EXPECT_THAT(Request("GET", "/livez?verbose=1"), StartsWith("HTTP/1.1 200"));
}

// DNS rebinding: a page of the web reaches loopback through its own name.
TEST_F(AdminServerTest, RefusesAForeignHostOnLoopback) {
  Start();
  EXPECT_THAT(Request("GET", "/api/status", "Host: evil.example:7481\r\n"),
              StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(Request("GET", "/api/status", "Host: 127.0.0.1:7481\r\n"),
              StartsWith("HTTP/1.1 200"));
}

TEST_F(AdminServerTest, SurvivesWhatIsNotHttp) {
  Start();
  for (const std::string& text :
       {std::string("\x16\x03\x01\x02garbage\r\n\r\n"), std::string("GET\r\n\r\n"),
        std::string("GET / HTTP/9.9\r\n\r\n"), std::string(200000, 'a')}) {
    Connection connection(server_->address());
    connection.Send(text.substr(0, 30000));
  }
  EXPECT_THAT(Request("GET", "/livez"), StartsWith("HTTP/1.1 200"));
}

TEST_F(AdminServerTest, RefusesHeadersThatAreTooLarge) {
  Start();
  const std::string answer = Request(
      "GET", "/livez", absl::StrCat("Host: localhost\r\nX: ", std::string(20000, 'x'), "\r\n"));
  EXPECT_THAT(answer, Not(StartsWith("HTTP/1.1 200")));
}

// A connection over the limit waits until another goes.
TEST_F(AdminServerTest, KeepsItsLimitOfConnections) {
  AdminServerOptions options;
  options.threads = 1;
  options.connections_max = 2;
  Start(options);
  auto first = std::make_unique<Connection>(server_->address());
  first->Send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(first->ReadSome(), StartsWith("HTTP/1.1 200"));
  Connection second(server_->address());
  second.Send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(second.ReadSome(), StartsWith("HTTP/1.1 200"));

  Connection third(server_->address());
  third.Send("GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_FALSE(third.IsReadableWithin(absl::Milliseconds(50)));
  first.reset();
  EXPECT_THAT(third.ReadAll(), StartsWith("HTTP/1.1 200"));
}

TEST_F(AdminServerTest, ServesManyAtOnce) {
  metrics_ = std::string(20000, 'x');
  Start();
  for (const int threads : {1, 2, 8}) {
    std::atomic<int> served{0};
    std::vector<std::thread> clients;
    for (int t = 0; t < threads; ++t) {
      clients.emplace_back([this, &served] {
        for (int i = 0; i < 20; ++i) {
          if (BodyOf(Request("GET", "/metrics")) == metrics_) ++served;
        }
      });
    }
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(served, threads * 20);
  }
}

TEST(AdminServerStartTest, NamesEveryOptionThatIsWrong) {
  AdminServerOptions options;
  options.threads = 0;
  options.idle_timeout = absl::ZeroDuration();
  const absl::Status status = AdminServer::Start(options, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("admin.threads"));
  EXPECT_THAT(status.message(), HasSubstr("admin.idle_timeout"));
}

TEST(AdminServerStartTest, ServesWithOneThread) {
  AdminServerOptions options;
  options.listen = "127.0.0.1:0";
  options.threads = 1;
  EXPECT_TRUE(AdminServer::Start(options, {LivezRoute()}).ok());
}

}  // namespace
}  // namespace taskforge
