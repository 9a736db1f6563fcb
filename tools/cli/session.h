// What every command shares: the global options, the channel to the server, how a call is prepared,
// and what an interrupt does to it.
#ifndef TASKFORGE_CLI_SESSION_H_
#define TASKFORGE_CLI_SESSION_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace taskforge::cli {

enum class OutputFormat { kTable, kJson, kJsonLines };

struct GlobalOptions {
  std::string server = "127.0.0.1:7480";  // HOST:PORT or unix:PATH.
  std::string tls_ca;                     // PEM file; empty: no TLS.
  std::string tls_cert;                   // PEM files of the client's own certificate and key;
  std::string tls_key;                    // both or none.
  std::string token_file;                 // First line is the bearer token; empty: TASKFORGE_TOKEN.
  std::optional<absl::Duration> deadline;
  OutputFormat output = OutputFormat::kTable;
  bool watch = false;
};

// One run of the command.
// Thread-safe.
class Session {
 public:
  Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Written while the command line is parsed, read afterwards.
  GlobalOptions options;

  // Opens the channel on the first call. Throws CLI::ValidationError when a file that the options
  // name cannot be read.
  std::shared_ptr<grpc::Channel> Channel() ABSL_LOCKS_EXCLUDED(mu_);
  // "Bearer …", or empty when neither a token file nor TASKFORGE_TOKEN gives a token.
  std::string Authorization() ABSL_LOCKS_EXCLUDED(mu_);

  // Whether stdout or stderr is a terminal; colour also asks NO_COLOR.
  bool stdout_is_terminal() const { return stdout_is_terminal_; }
  bool stderr_is_terminal() const { return stderr_is_terminal_; }
  bool colour() const { return colour_; }

  // Ends every call that is open, and those that open later.
  void Interrupt() ABSL_LOCKS_EXCLUDED(mu_);
  bool interrupted() const { return interrupted_.HasBeenNotified(); }
  // Returns false early when interrupted.
  bool Sleep(absl::Duration duration) { return !interrupted_.WaitFor(duration); }

 private:
  friend class Call;
  void Register(grpc::ClientContext* context) ABSL_LOCKS_EXCLUDED(mu_);
  void Unregister(grpc::ClientContext* context) ABSL_LOCKS_EXCLUDED(mu_);

  // Constant after construction.
  const bool stdout_is_terminal_;
  const bool stderr_is_terminal_;
  const bool colour_;
  // Synchronizes itself.
  Notification interrupted_;
  // Guarded by mu_.
  Mutex mu_;
  std::shared_ptr<grpc::Channel> channel_ ABSL_GUARDED_BY(mu_);
  std::optional<std::string> authorization_ ABSL_GUARDED_BY(mu_);
  std::set<grpc::ClientContext*> open_ ABSL_GUARDED_BY(mu_);
};

// The context of one call: token, deadline, and the interrupt. `session` must outlive it.
// Thread-compatible.
class Call {
 public:
  // Applies --deadline, or else `fallback`, which may be infinite.
  explicit Call(Session& session, absl::Duration fallback = absl::Seconds(30));
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  grpc::ClientContext* context() { return &context_; }

 private:
  Session& session_;
  grpc::ClientContext context_;
};

// For calls that last as long as what they watch.
inline constexpr absl::Duration kNoDeadline = absl::InfiniteDuration();

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_SESSION_H_
