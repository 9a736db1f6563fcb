// What the client knows of its own submissions, and how each looks on the wire.
#ifndef TASKFORGE_CRASH_LEDGER_H_
#define TASKFORGE_CRASH_LEDGER_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "base/random.h"
#include "crash/history.h"
#include "crash/plan.h"
#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge::crash {

// The label that every task has: its number.
inline constexpr char kNumberLabel[] = "number";

// A channel with a connection of its own.
std::shared_ptr<grpc::Channel> Connect(const std::string& address);

// The submissions to one data directory, and their history. What it is told is in the history when
// it returns. Thread-safe.
class Ledger {
 public:
  // Tasks are numbered from `first`.
  Ledger(uint64_t seed, int64_t first, const std::string& history_path)
      : seed_(seed), first_(first), history_(history_path) {}

  Plan PlanOf(int64_t number) const { return crash::PlanOf(seed_, number); }

  // Of a new cycle: what follows belongs to it.
  void BeginCycle(int cycle) ABSL_LOCKS_EXCLUDED(mu_);
  // Makes `count` new tasks. Those that are to be sent twice are in `twins` as well.
  void Make(int count, v1::SubmitTasksRequest& batch, v1::SubmitTasksRequest& twins)
      ABSL_LOCKS_EXCLUDED(mu_);
  // The same submissions again.
  void Repeat(const std::vector<int64_t>& numbers, v1::SubmitTasksRequest& batch)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Returns how many tasks were acknowledged for the first time.
  int Acknowledge(const google::protobuf::RepeatedPtrField<v1::SubmitAck>& acks)
      ABSL_LOCKS_EXCLUDED(mu_);
  void CancelSent(int64_t number) ABSL_LOCKS_EXCLUDED(mu_);
  void CancelAnswered(int64_t number, const grpc::Status& status, const v1::Task& task)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Tasks that can be submitted again, in random order: at most `count` that nobody acknowledged,
  // of those that were made since the last call; at most as many that somebody did, of all. They
  // have a request_id, and no deadline: the server refuses one that has passed, whatever it
  // accepted.
  std::vector<int64_t> SampleUnacknowledged(int count, Random& random) ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<int64_t> SampleAcknowledged(int count, Random& random) ABSL_LOCKS_EXCLUDED(mu_);
  // Names of all acknowledged tasks.
  std::vector<std::string> AcknowledgedNames() const ABSL_LOCKS_EXCLUDED(mu_);
  int64_t next_number() const ABSL_LOCKS_EXCLUDED(mu_);
  void Sync() { history_.Sync(); }

 private:
  struct Submission {
    int64_t base_us = 0;
    std::string name;  // Empty: not acknowledged.
  };

  bool CanRepeat(int64_t number) const;
  static void AddItem(const Plan& plan, int64_t number, int64_t base_us,
                      v1::SubmitTasksRequest& batch);
  // The event with what all have.
  Event Make(Event::Kind kind, int64_t number) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction.
  const uint64_t seed_;
  const int64_t first_;
  // Synchronizes itself.
  HistoryWriter history_;

  mutable Mutex mu_;
  int cycle_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<Submission> submissions_ ABSL_GUARDED_BY(mu_);  // By number, from first_.
  int64_t sampled_ ABSL_GUARDED_BY(mu_) = 0;  // How many of them were asked for already.
};

}  // namespace taskforge::crash

#endif  // TASKFORGE_CRASH_LEDGER_H_
