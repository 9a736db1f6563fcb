#include "metrics.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace taskforge::bench {

std::string HttpGet(int port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // Of HTTP 1.0, so that the answer comes in one piece and ends with the connection.
  const std::string request = "GET " + path + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
      send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(request.size())) {
    char bytes[65536];
    for (ssize_t size; (size = read(fd, bytes, sizeof(bytes))) > 0;) {
      answer.append(bytes, static_cast<size_t>(size));
    }
  }
  close(fd);
  const size_t end_of_headers = answer.find("\r\n\r\n");
  if (answer.substr(0, answer.find('\r')).find(" 200 ") == std::string::npos ||
      end_of_headers == std::string::npos) {
    std::fprintf(stderr, "no answer to GET %s on port %d: %s\n", path.c_str(), port,
                 answer.c_str());
    std::exit(1);
  }
  return answer.substr(end_of_headers + 4);
}

std::optional<double> SumOf(const std::string& metrics, const std::string& name) {
  std::optional<double> sum;
  std::istringstream lines(metrics);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(name, 0) != 0 || (line[name.size()] != ' ' && line[name.size()] != '{')) {
      continue;
    }
    sum = sum.value_or(0) + std::atof(line.c_str() + line.rfind(' '));
  }
  return sum;
}

}  // namespace taskforge::bench
