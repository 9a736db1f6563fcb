// The signals of the process, taken on a thread of its own.
#ifndef TASKFORGE_SIGNALS_H_
#define TASKFORGE_SIGNALS_H_

#include <signal.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>

namespace taskforge {

// SIGTERM and SIGINT ask for an orderly end, a second of them ends the process at once; SIGHUP asks
// for a reload; SIGPIPE is ignored. Not thread-safe, for main().
class Signals {
 public:
  // Blocks the signals for this thread and for those that it starts: make it before any other.
  Signals();
  // Joins the thread, if it runs: a callback that is at work ends first.
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Both are called on the thread; `on_stop` at most once, with the signal's name (`TERM`). What
  // they use must outlive this object. Call it once.
  void Watch(std::function<void(const std::string&)> on_stop, std::function<void()> on_reload);

 private:
  void Loop(const std::function<void(const std::string&)>& on_stop,
            const std::function<void()>& on_reload);

  sigset_t set_;
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

}  // namespace taskforge

#endif  // TASKFORGE_SIGNALS_H_
