#include "child_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace taskforge::bench {
namespace {

[[noreturn]] void Fail(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

// The text of a field of flat JSON; empty: there is none.
std::string TextOf(const std::string& json, const std::string& field) {
  const std::string key = "\"" + field + "\":\"";
  const size_t start = json.find(key);
  if (start == std::string::npos) return "";
  const size_t end = json.find('"', start + key.size());
  return json.substr(start + key.size(), end - start - key.size());
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) Fail("pipe");
  pid_ = fork();
  if (pid_ < 0) Fail("fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(fds[1], STDOUT_FILENO);
    std::vector<char*> argv;
    for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    execvp(argv[0], argv.data());
    std::perror(argv[0]);
    _exit(127);
  }
  close(fds[1]);
  out_ = fds[0];
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(out_);
}

std::string ChildProcess::ReadLine() {
  std::string line;
  char c = 0;
  while (read(out_, &c, 1) == 1 && c != '\n') line.push_back(c);
  return line;
}

int ChildProcess::Wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool ChildProcess::HasEnded() const {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
         info.si_pid == pid_;
}

ServerProcess::ServerProcess(std::unique_ptr<ChildProcess> child, std::string grpc_address,
                             int admin_port)
    : child_(std::move(child)), grpc_address_(std::move(grpc_address)), admin_port_(admin_port) {}

ServerProcess StartTaskforged(const std::string& binary, const std::vector<std::string>& flags,
                              double limit_seconds) {
  const char* const temporary = std::getenv("TMPDIR");
  std::string directory =
      std::string(temporary != nullptr ? temporary : "/tmp") + "/taskforge-bench-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) Fail("mkdtemp " + directory);
  const std::string ready = directory + "/ready.json";
  std::vector<std::string> command = {
      binary,        "serve",       "--grpc-listen", "127.0.0.1:0",  "--admin-listen",
      "127.0.0.1:0", "--log-level", "error",         "--ready-file", ready};
  command.insert(command.end(), flags.begin(), flags.end());
  if (setenv("TASKFORGE_DATA_DIR", "none", 1) != 0) Fail("setenv");  // A flag wins over it.
  auto child = std::make_unique<ChildProcess>(command);
  const double begin = WallSeconds();
  while (access(ready.c_str(), R_OK) != 0 && !child->HasEnded() &&
         WallSeconds() - begin < limit_seconds) {
    usleep(10'000);
  }
  std::ifstream in(ready);
  std::stringstream text;
  text << in.rdbuf();
  std::remove(ready.c_str());
  rmdir(directory.c_str());
  const std::string grpc = TextOf(text.str(), "grpc");
  const std::string admin = TextOf(text.str(), "admin");
  if (grpc.empty() || admin.empty()) {
    std::fprintf(stderr, "%s did not become ready\n", binary.c_str());
    std::exit(1);
  }
  return {std::move(child), grpc, std::atoi(admin.substr(admin.rfind(':') + 1).c_str())};
}

GearmanPeer::GearmanPeer(const std::string& peer_binary) : peer_binary_(peer_binary) {
  const int port = FreePort();
  port_ = std::to_string(port);
  server_ = std::make_unique<ChildProcess>(std::vector<std::string>{
      "gearmand", "--listen=127.0.0.1", "--port=" + port_, "--log-file=none", "--threads=2"});
  AwaitPort(port);
  // A worker takes one job at a time and waits for the wire in between; beyond four, gearmand
  // itself is what limits on two cores.
  for (int i = 0; i < 4; ++i) {
    workers_.push_back(
        std::make_unique<ChildProcess>(std::vector<std::string>{peer_binary_, "worker", port_}));
    if (workers_.back()->ReadLine() != "ready") Fail("gearman worker");
  }
}

GearmanPeer::~GearmanPeer() = default;

NatsServer::NatsServer() {
  const int port = FreePort();
  url_ = "nats://127.0.0.1:" + std::to_string(port);
  server_ = std::make_unique<ChildProcess>(std::vector<std::string>{
      "nats-server", "--addr", "127.0.0.1", "--port", std::to_string(port), "--log", "/dev/null"});
  AwaitPort(port);
}

double GearmanPeer::CpuSeconds() const {
  double seconds = ProcessCpuSeconds(server_->pid());
  for (const auto& worker : workers_) seconds += ProcessCpuSeconds(worker->pid());
  return seconds;
}

Sample GearmanPeer::Run(int jobs) {
  const double cpu = CpuSeconds();
  ChildProcess client({peer_binary_, "client", port_, std::to_string(jobs)});
  std::istringstream line(client.ReadLine());
  Sample sample;
  line >> sample.items >> sample.wall_seconds >> sample.cpu_seconds;
  if (client.Wait() != 0 || sample.items != jobs) Fail("gearman client");
  sample.cpu_seconds += CpuSeconds() - cpu;
  return sample;
}

long ResidentKib(int pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/statm");
  long size = 0;
  long resident = 0;
  in >> size >> resident;
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

void AwaitPort(int port) {
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool up = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    close(fd);
    if (up) return;
    usleep(10'000);
  }
  Fail("nothing listens on port " + std::to_string(port));
}

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    Fail("bind");
  }
  close(fd);
  return ntohs(address.sin_port);
}

}  // namespace taskforge::bench
