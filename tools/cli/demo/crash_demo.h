// The proof that anybody can run: tasks are submitted to a server that is killed in the middle and
// started again, and then every one of them is read.
#ifndef TASKFORGE_CLI_DEMO_CRASH_DEMO_H_
#define TASKFORGE_CLI_DEMO_CRASH_DEMO_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/demo/server_process.h"
#include "cli/session.h"

namespace taskforge::cli {

struct CrashDemoReport {
  uint64_t accepted = 0;    // Acknowledged, DURABLE, in either life.
  uint64_t finished = 0;    // Of these: ended as they should, with the right output.
  uint64_t at_kill = 0;     // Acknowledged when the server was killed.
  uint64_t unheard = 0;     // Accepted before the kill, but the acknowledgement did not arrive.
  uint64_t unexpected = 0;  // Tasks that nobody was told of, or ends that are not the right ones.
  absl::Duration recovery;  // From the start after the kill until it serves.
  std::string first_wrong;  // Of what is lost or unexpected; empty: nothing is.

  uint64_t lost() const { return accepted - finished; }
  bool is_success(uint64_t tasks) const {
    return accepted == tasks && lost() == 0 && unexpected == 0;
  }
};

// One run. Not thread-safe.
class CrashDemo {
 public:
  struct Options {
    uint64_t tasks = 10'000;
    ServerProcess::Setup setup;
  };
  // `say` is called with a line whenever something happened. `outer`, the session of the command,
  // must outlive it: an interrupt there ends the run.
  CrashDemo(Session& outer, Options options, std::function<void(const std::string&)> say);

  // Call once. The error that kept it from its end; what it had come to is in the report.
  absl::Status Run();
  const CrashDemoReport& report() const { return report_; }

 private:
  absl::Status SubmitUntilKilled();
  absl::Status Restart();
  absl::Status SubmitTheRest();
  absl::Status ReadEach();
  absl::Status CountAll();
  absl::Status StopServer();
  // Submits what has no name yet, on a stream of its own. `kill_at`: kills the server when so many
  // are accepted; 0: does not.
  absl::Status Submit(uint64_t kill_at);
  // A session with the server as it is now.
  std::unique_ptr<Session> Connect() const;
  void NoteWrong(const std::string& what);

  // Constant after construction.
  Session& outer_;
  const Options options_;
  const std::function<void(const std::string&)> say_;
  const std::string run_;  // In each request_id.
  // Of the running thread; the stream's reading thread writes names and report while one is open.
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Session> session_;
  std::vector<std::string> names_;  // By number; empty: not accepted, for all that is known.
  CrashDemoReport report_;
  absl::Status refused_;  // The first refusal for good.
};

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_DEMO_CRASH_DEMO_H_
