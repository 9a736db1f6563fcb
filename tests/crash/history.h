// What a client of a tortured server did and saw, in a file that outlives the server.
#ifndef TASKFORGE_CRASH_HISTORY_H_
#define TASKFORGE_CRASH_HISTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"

namespace taskforge::crash {

// One line of the file.
struct Event {
  enum class Kind : char {
    kSubmit = 'S',        // Written before it is sent.
    kAccepted = 'A',      // An acknowledgement; written before it is counted.
    kRefused = 'R',       // The other kind.
    kCancel = 'C',        // Written before it is sent.
    kCancelAnswer = 'K',  // Written before it is counted.
  };

  Kind kind = Kind::kSubmit;
  int64_t number = 0;   // The task's.
  int cycle = 0;        // Of the server: it is started once in each.
  int64_t base_us = 0;  // kSubmit: what delay and deadline count from, in Unix time.
  // kSubmit: whether it was sent before. kAccepted: the effective durability. kRefused and
  // kCancelAnswer: the status code.
  int code = 0;
  // kAccepted: whether the server called it a duplicate. kCancelAnswer: the state of the task in
  // the answer, as the API numbers them.
  int value = 0;
  // kCancelAnswer: attempts that had started, in the answer.
  int started = 0;
  // kAccepted: the task's name. kRefused: the reason. No spaces.
  std::string text;

  // As its line says, without the line end.
  std::string ToString() const;
};

// Appends to the file. Thread-safe.
class HistoryWriter {
 public:
  // The file is made new; it ends the program with a message if that fails, as if any write does: a
  // history with a hole proves nothing.
  explicit HistoryWriter(const std::string& path);
  ~HistoryWriter();
  HistoryWriter(const HistoryWriter&) = delete;
  HistoryWriter& operator=(const HistoryWriter&) = delete;

  // When it returns, the events are in the file. Every kSyncLines of them are synced together.
  void Append(const std::vector<Event>& events) ABSL_LOCKS_EXCLUDED(mu_);
  // Syncs what is not.
  void Sync() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  static constexpr int kSyncLines = 4096;

  // Constant after construction.
  const std::string path_;
  const int fd_;

  Mutex mu_;
  int unsynced_ ABSL_GUARDED_BY(mu_) = 0;
};

// All events of a file. DATA_LOSS with the line that cannot be read.
absl::StatusOr<std::vector<Event>> ReadHistory(const std::string& path);
// The same of its text.
absl::StatusOr<std::vector<Event>> ParseHistory(const std::string& text);

}  // namespace taskforge::crash

#endif  // TASKFORGE_CRASH_HISTORY_H_
