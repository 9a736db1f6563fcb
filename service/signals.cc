#include "signals.h"

#include <pthread.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace taskforge {

Signals::Signals() {
  sigemptyset(&set_);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set_, signal);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

Signals::~Signals() {
  if (!thread_.joinable()) return;
  is_over_.store(true);
  pthread_kill(thread_.native_handle(), SIGHUP);  // Ends its wait.
  thread_.join();
}

void Signals::Watch(std::function<void(const std::string&)> on_stop,
                    std::function<void()> on_reload) {
  thread_ = std::thread([this, on_stop = std::move(on_stop), on_reload = std::move(on_reload)] {
    Loop(on_stop, on_reload);
  });
}

void Signals::Loop(const std::function<void(const std::string&)>& on_stop,
                   const std::function<void()>& on_reload) {
  bool is_stopping = false;
  while (true) {
    int signal = 0;
    if (sigwait(&set_, &signal) != 0) continue;
    if (is_over_.load()) return;
    if (signal == SIGHUP) {
      on_reload();
    } else if (is_stopping) {
      std::fprintf(stderr, "taskforged: a second signal: ending at once\n");
      std::_Exit(128 + signal);
    } else {
      is_stopping = true;
      on_stop(sigabbrev_np(signal));
    }
  }
}

}  // namespace taskforge
