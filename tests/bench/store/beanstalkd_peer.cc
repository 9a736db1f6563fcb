#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "store/peers.h"
#include "store/work_directory.h"

namespace taskforge::bench {

// A connection to beanstalkd, as its protocol has it: lines that end with \r\n, and bodies. Not
// thread-safe. beanstalkd's own log is its standard error, which is this program's too.
class BeanstalkdPeer::Connection {
 public:
  explicit Connection(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
        setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
      Fail("cannot connect");
    }
  }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Send(const std::string& commands) {
    for (size_t sent = 0; sent < commands.size();) {
      const ssize_t size = send(fd_, commands.data() + sent, commands.size() - sent, MSG_NOSIGNAL);
      if (size <= 0) Fail("the connection broke");
      sent += static_cast<size_t>(size);
    }
  }

  // The next line, which must begin with `word`; the rest of it, without the space.
  std::string Await(const std::string& word) {
    size_t end;
    while ((end = in_.find("\r\n", begin_)) == std::string::npos) ReadMore();
    const std::string line = in_.substr(begin_, end - begin_);
    begin_ = end + 2;
    if (line.rfind(word, 0) != 0) Fail("the answer `" + line + "`, not " + word);
    return line.substr(std::min(line.size(), word.size() + 1));
  }

  // Skips a body and its line end; false if it is not so long.
  void SkipBody(size_t size) {
    while (in_.size() < begin_ + size + 2) ReadMore();
    if (in_.compare(begin_ + size, 2, "\r\n") != 0) Fail("a body of another size");
    begin_ += size + 2;
  }

  [[noreturn]] static void Fail(const std::string& what) {
    std::fprintf(stderr, "beanstalkd: %s\n", what.c_str());
    std::exit(1);
  }

 private:
  void ReadMore() {
    in_.erase(0, begin_);
    begin_ = 0;
    char bytes[65536];
    const ssize_t size = read(fd_, bytes, sizeof(bytes));
    if (size <= 0) Fail("the connection broke");
    in_.append(bytes, static_cast<size_t>(size));
  }

  const int fd_;
  std::string in_;
  size_t begin_ = 0;  // Of what of in_ is not read yet.
};

BeanstalkdPeer::BeanstalkdPeer(const std::string& directory)
    : payloads_(MakePayloads(64, kPayloadBytes)) {
  const int port = FreePort();
  server_ = std::make_unique<ChildProcess>(std::vector<std::string>{
      "beanstalkd", "-l", "127.0.0.1", "-p", std::to_string(port), "-b", directory, "-f", "0"});
  AwaitPort(port);
  connection_ = std::make_unique<Connection>(port);
}

BeanstalkdPeer::~BeanstalkdPeer() = default;

Sample BeanstalkdPeer::Run(int tasks) {
  const double cpu = ProcessCpuSeconds() + ProcessCpuSeconds(server_->pid());
  const double begin = WallSeconds();
  for (int left = tasks; left > 0;) {
    const int step = std::min(left, kOutstanding);
    left -= step;
    std::string commands;
    for (int i = 0; i < step; ++i) {
      commands += "put 0 0 600 " + std::to_string(kPayloadBytes) + "\r\n" +
                  payloads_[static_cast<size_t>(i) % payloads_.size()] + "\r\n";
    }
    connection_->Send(commands);
    for (int i = 0; i < step; ++i) connection_->Await("INSERTED");

    commands.clear();
    for (int i = 0; i < step; ++i) commands += "reserve\r\n";
    connection_->Send(commands);
    commands.clear();
    for (int i = 0; i < step; ++i) {
      const std::string id_and_size = connection_->Await("RESERVED");
      const size_t space = id_and_size.find(' ');
      if (id_and_size.substr(space + 1) != std::to_string(kPayloadBytes)) {
        Connection::Fail("a job is not what was put: " + id_and_size);
      }
      connection_->SkipBody(kPayloadBytes);
      commands += "delete " + id_and_size.substr(0, space) + "\r\n";
    }
    connection_->Send(commands);
    for (int i = 0; i < step; ++i) connection_->Await("DELETED");
  }
  Sample sample{static_cast<double>(tasks), WallSeconds() - begin, 0};
  sample.cpu_seconds = ProcessCpuSeconds() + ProcessCpuSeconds(server_->pid()) - cpu;
  return sample;
}

}  // namespace taskforge::bench
