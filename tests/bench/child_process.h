// Processes that a benchmark starts and stops.
#ifndef TASKFORGE_BENCH_CHILD_PROCESS_H_
#define TASKFORGE_BENCH_CHILD_PROCESS_H_

#include <memory>
#include <string>
#include <vector>

#include "harness.h"

namespace taskforge::bench {

// A child with its standard output on a pipe. Killed and reaped by the destructor. A child that
// cannot be started ends the benchmark with a message.
class ChildProcess {
 public:
  explicit ChildProcess(const std::vector<std::string>& command);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  int pid() const { return pid_; }
  // The next line of its output, without the line end; empty at its end.
  std::string ReadLine();
  // Waits until it has ended; its exit code.
  int Wait();
  // Whether it has ended; never waits.
  bool HasEnded() const;

 private:
  int pid_ = -1;
  int out_ = -1;
};

// A running taskforged on ports of its own.
class ServerProcess {
 public:
  ServerProcess(std::unique_ptr<ChildProcess> child, std::string grpc_address, int admin_port);
  int pid() const { return child_->pid(); }
  const std::string& grpc_address() const { return grpc_address_; }
  // On loopback; /metrics is served there.
  int admin_port() const { return admin_port_; }

 private:
  std::unique_ptr<ChildProcess> child_;
  std::string grpc_address_;
  int admin_port_;
};
// Starts it with defaults and these flags (`--pool-min-threads`, `2`, …), quiet, and waits until it
// serves. Without a flag `--data-dir` it keeps tasks in memory, whatever its default is. One that
// has ended, or does not serve after `limit_seconds`, ends the benchmark with a message.
ServerProcess StartTaskforged(const std::string& binary, const std::vector<std::string>& flags = {},
                              double limit_seconds = 10);

// gearmand with four echo workers, and its C client as a child that runs jobs on demand.
class GearmanPeer {
 public:
  explicit GearmanPeer(const std::string& peer_binary);
  ~GearmanPeer();
  Sample Run(int jobs);

 private:
  double CpuSeconds() const;

  std::string peer_binary_;
  std::string port_;
  std::unique_ptr<ChildProcess> server_;
  std::vector<std::unique_ptr<ChildProcess>> workers_;
};

// A nats-server on a port of its own, without anything kept on disk.
class NatsServer {
 public:
  NatsServer();
  int pid() const { return server_->pid(); }
  const std::string& url() const { return url_; }

 private:
  std::string url_;
  std::unique_ptr<ChildProcess> server_;
};

// Resident memory of a process, in KiB.
long ResidentKib(int pid);
// A TCP port of loopback that was free a moment ago.
int FreePort();
// Tries to connect to a loopback port until it answers, for ten seconds at most; then it ends the
// benchmark with a message.
void AwaitPort(int port);

}  // namespace taskforge::bench

#endif  // TASKFORGE_BENCH_CHILD_PROCESS_H_
