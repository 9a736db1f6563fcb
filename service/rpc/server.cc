#include "rpc/server.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/server_credentials.h>

#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/loopback.h"
#include "base/scoped_blocking.h"
#include "base/wake_batch.h"
#include "rpc/call.h"
#include "rpc/methods.h"
#include "rpc/tls_files.h"

namespace taskforge {
namespace {

// Calls of each method that are asked for ahead, on each queue: while one is being handed over the
// next is there already.
constexpr int kCallsAhead = 8;

bool IsUnix(absl::string_view address) { return absl::StartsWith(address, "unix:"); }

// Whether an address can be reached from this machine only.
bool IsLoopback(absl::string_view address) { return IsUnix(address) || IsLoopbackHost(address); }

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

}  // namespace

std::vector<FieldViolation> RpcServerOptions::Validate() const {
  std::vector<FieldViolation> wrong;
  const auto expect = [&wrong](bool ok, absl::string_view field, absl::string_view what) {
    if (!ok) wrong.push_back({std::string(field), std::string(what)});
  };
  expect(!listen.empty(), "grpc.listen", "want at least one address");
  const bool tls = !tls_certificate_file.empty();
  expect(tls == !tls_key_file.empty(), "tls.key_file", "it and tls.certificate_file go together");
  expect(tls || tls_client_ca_file.empty(), "tls.client_ca_file", "needs tls.certificate_file");
  for (const std::string& address : listen) {
    expect(IsUnix(address) || absl::StrContains(address, ':'), "grpc.listen",
           absl::StrCat(address, ": want HOST:PORT or unix:PATH"));
    expect(tls || insecure_listen || IsLoopback(address), "grpc.listen",
           absl::StrCat(address, " is not loopback and there is no TLS: set tls.certificate_file, ",
                        "or insecure_listen if the network is safe"));
  }
  expect(polling_threads >= 1 && polling_threads <= 64, "grpc.polling_threads", "want 1 to 64");
  expect(max_message_bytes >= (size_t{64} << 10) && max_message_bytes <= (size_t{1} << 30),
         "grpc.max_message_bytes", "want 64 KiB to 1 GiB");
  expect(max_metadata_bytes >= 1024 && max_metadata_bytes <= (size_t{1} << 20),
         "grpc.max_metadata_bytes", "want 1 KiB to 1 MiB");
  expect(max_concurrent_streams >= 1, "grpc.max_concurrent_streams", "want at least 1");
  expect(keepalive_interval >= absl::Seconds(1) && keepalive_interval <= absl::Hours(24),
         "grpc.keepalive_interval", "want 1 s to 24 h");
  expect(keepalive_timeout >= absl::Seconds(1) && keepalive_timeout <= absl::Hours(1),
         "grpc.keepalive_timeout", "want 1 s to 1 h");
  expect(min_ping_interval >= absl::ZeroDuration() && min_ping_interval <= absl::Hours(1),
         "grpc.min_ping_interval", "want 0 to 1 h");
  expect(handshake_timeout >= absl::Milliseconds(100) && handshake_timeout <= absl::Minutes(5),
         "grpc.handshake_timeout", "want 100 ms to 5 min");
  return wrong;
}

// Thread-safe after Start.
class RpcServer::Core {
 public:
  Core(RpcServerOptions options, Access access, const Clock& clock, Log& log,
       const MethodList& methods, std::vector<grpc::Service*> services)
      : options_(std::move(options)),
        access_(std::move(access)),
        log_(log),
        methods_(methods),
        services_(std::move(services)),
        host_{clock, access_, open_calls_} {}
  ~Core() { Shutdown(absl::ZeroDuration()); }

  absl::Status Start();
  const std::vector<BoundAddress>& addresses() const { return addresses_; }
  void EndStreams() { open_calls_.EndAll(/*all=*/false); }
  void Shutdown(absl::Duration grace);
  RpcStats Stats() const;

 private:
  absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> Credentials() const;
  void SetLimits(grpc::ServerBuilder& builder) const;
  void Poll(Poller& poller);

  // Constant after Start.
  const RpcServerOptions options_;
  const Access access_;
  Log& log_;
  const MethodList& methods_;
  const std::vector<grpc::Service*> services_;
  std::vector<BoundAddress> addresses_;

  OpenCalls open_calls_;  // Synchronizes itself.
  const CallHost host_;
  std::vector<std::unique_ptr<Poller>> pollers_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<std::thread> threads_;
};

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> RpcServer::Core::Credentials() const {
  if (options_.tls_certificate_file.empty()) return grpc::InsecureServerCredentials();
  absl::StatusOr<TlsFiles> files = ReadTlsFiles(options_);
  if (!files.ok()) return files.status();
  grpc::SslServerCredentialsOptions tls;
  tls.pem_key_cert_pairs.push_back({std::move(files->key), std::move(files->certificate)});
  if (!files->client_ca.empty()) {
    tls.pem_root_certs = std::move(files->client_ca);
    tls.client_certificate_request = GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  }
  return grpc::SslServerCredentials(tls);
}

void RpcServer::Core::SetLimits(grpc::ServerBuilder& builder) const {
  builder.SetMaxReceiveMessageSize(static_cast<int>(options_.max_message_bytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE,
                             static_cast<int>(options_.max_metadata_bytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options_.max_concurrent_streams);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(options_.keepalive_interval));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                             Milliseconds(options_.keepalive_timeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             Milliseconds(options_.min_ping_interval));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             Milliseconds(options_.handshake_timeout));
  // Otherwise a second server shares the port in silence.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // The library checks a message's size before it decompresses it: a bomb would get through.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
}

absl::Status RpcServer::Core::Start() {
  std::vector<FieldViolation> wrong = options_.Validate();
  if (!wrong.empty()) return InvalidArgument(std::move(wrong));
  absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> credentials = Credentials();
  if (!credentials.ok()) return credentials.status();
  grpc::ServerBuilder builder;
  SetLimits(builder);
  std::vector<int> ports(options_.listen.size(), 0);
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string& address = options_.listen[i];
    builder.AddListeningPort(
        address, IsUnix(address) ? grpc::InsecureServerCredentials() : *credentials, &ports[i]);
  }
  for (grpc::Service* service : services_) builder.RegisterService(service);
  for (int i = 0; i < options_.polling_threads; ++i) {
    auto poller = std::make_unique<Poller>();
    poller->host = &host_;
    poller->queue = builder.AddCompletionQueue();
    pollers_.push_back(std::move(poller));
  }
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    for (const auto& poller : pollers_) {
      poller->queue->Shutdown();
      void* tag = nullptr;
      bool ok = false;
      while (poller->queue->Next(&tag, &ok)) {
      }
    }
    pollers_.clear();
    for (size_t i = 0; i < ports.size(); ++i) {
      if (ports[i] == 0) {
        return absl::UnavailableError(
            absl::StrCat("cannot listen on ", options_.listen[i],
                         ": is the address in use, or not this machine's? (grpc.listen)"));
      }
    }
    return absl::UnavailableError("cannot start the gRPC server");
  }
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string& address = options_.listen[i];
    if (options_.tls_certificate_file.empty() && !IsLoopback(address)) {
      log_.Warn("listening without TLS: everybody on the network can read and submit tasks",
                {{"address", address}});
    }
    if (IsUnix(address)) {
      addresses_.push_back({address, 0});
    } else {
      addresses_.push_back(
          {absl::StrCat(address.substr(0, address.rfind(':')), ":", ports[i]), ports[i]});
    }
  }
  for (const auto& poller : pollers_) {
    for (const auto& method : methods_.methods()) {
      for (int i = 0; i < kCallsAhead; ++i) method->Accept(*poller);
    }
    threads_.emplace_back([this, &poller = *poller] { Poll(poller); });
  }
  return absl::OkStatus();
}

void RpcServer::Core::Poll(Poller& poller) {
  const NonBlockingThread non_blocking;
  void* tag = nullptr;
  bool ok = false;
  while (poller.queue->Next(&tag, &ok)) {
    // An event may bring many tasks, and the pool need not be woken for each.
    const WakeBatch batch;
    static_cast<CqTag*>(tag)->OnEvent(ok);
  }
}

void RpcServer::Core::Shutdown(absl::Duration grace) {
  if (server_ == nullptr) return;
  open_calls_.EndAll(/*all=*/true);
  // Waits for the connections of open calls, and cancels those that are open at the deadline; a
  // cancelled call ends by Call::OnEnd, so none stays. It may answer a moment later.
  server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
  for (const auto& poller : pollers_) poller->AwaitNoCalls();
  for (const auto& poller : pollers_) poller->queue->Shutdown();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  server_ = nullptr;
}

RpcStats RpcServer::Core::Stats() const {
  RpcStats stats = ZeroRpcStats();
  for (const auto& poller : pollers_) AddTo(poller->stats, stats);
  stats.open_calls = open_calls_.size();
  return stats;
}

RpcServer::RpcServer(RpcServerOptions options, Access access, const Clock& clock, Log& log,
                     const MethodList& methods, std::vector<grpc::Service*> services)
    : core_(std::make_unique<Core>(std::move(options), std::move(access), clock, log, methods,
                                   std::move(services))) {}
RpcServer::~RpcServer() = default;
absl::Status RpcServer::Start() { return core_->Start(); }
const std::vector<BoundAddress>& RpcServer::addresses() const { return core_->addresses(); }
void RpcServer::EndStreams() { core_->EndStreams(); }
void RpcServer::Shutdown(absl::Duration grace) { core_->Shutdown(grace); }
RpcStats RpcServer::Stats() const { return core_->Stats(); }

}  // namespace taskforge
