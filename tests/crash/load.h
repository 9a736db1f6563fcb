// The load of one cycle: submissions over two streams, and cancels, until the server is gone.
#ifndef TASKFORGE_CRASH_LOAD_H_
#define TASKFORGE_CRASH_LOAD_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/random.h"
#include "crash/ledger.h"
#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge::crash {

// One SubmitTasks stream that wants no results. Write and End belong to one thread; `on_acks` is
// called on the stream's own.
class SubmitStream {
 public:
  using OnAcks = std::function<void(const v1::SubmitTasksResponse& response)>;

  SubmitStream(v1::TaskService::Stub& stub, OnAcks on_acks);
  ~SubmitStream() { End(); }
  SubmitStream(const SubmitStream&) = delete;
  SubmitStream& operator=(const SubmitStream&) = delete;

  // False: the stream has ended.
  bool Write(const v1::SubmitTasksRequest& request) { return stream_->Write(request); }
  // No more is sent; waits until the server has ended the stream.
  void End();
  // Makes End() return soon, from any thread.
  void Break() { context_.TryCancel(); }

 private:
  const OnAcks on_acks_;
  grpc::ClientContext context_;
  const std::unique_ptr<grpc::ClientReaderWriter<v1::SubmitTasksRequest, v1::SubmitTasksResponse>>
      stream_;
  std::thread reader_;
};

// Cancels tasks, one call after the other on a thread of its own. Thread-safe.
class Canceller {
 public:
  Canceller(v1::TaskService::Stub& stub, Ledger& ledger);
  // Does not wait for those that were not sent yet.
  ~Canceller();
  void Cancel(int64_t number, const std::string& name) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mu_);

  v1::TaskService::Stub& stub_;
  Ledger& ledger_;

  Mutex mu_;
  CondVar changed_;
  std::deque<std::pair<int64_t, std::string>> waiting_ ABSL_GUARDED_BY(mu_);
  bool is_over_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;
};

struct LoadOptions {
  // Submissions a second; 0: as many as the server acknowledges.
  int rate = 0;
  // So many of them at once in the beginning: no load is waited for where the kill comes early.
  int ahead = 200;
  // Submissions without an acknowledgement, at most.
  int outstanding_max = 1'024;
  // Of the whole load.
  int tasks_max = 20'000;
  int batch_max = 60;
};

// Run belongs to one thread; the rest is thread-safe.
class Load {
 public:
  Load(const LoadOptions& options, v1::TaskService::Stub& stub, Ledger& ledger, uint64_t seed);
  // Ends the streams: the server must be gone, or end them.
  ~Load();

  // Submits until Stop(), until the server does not take more, or until tasks_max.
  void Run() ABSL_LOCKS_EXCLUDED(mu_);
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);
  // Tasks that were acknowledged for the first time, until now.
  int64_t acknowledged() const { return acknowledged_.load(); }

 private:
  void OnAcks(const v1::SubmitTasksResponse& response) ABSL_LOCKS_EXCLUDED(mu_);
  // Waits until a batch may be sent; false: Stop().
  bool AwaitTurn(absl::Time due) ABSL_LOCKS_EXCLUDED(mu_);

  // Constant after construction.
  const LoadOptions options_;
  Ledger& ledger_;
  SeededRandom random_;

  // Synchronizes itself.
  std::atomic<int64_t> acknowledged_{0};

  Mutex mu_;
  CondVar changed_;
  int64_t outstanding_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_stopped_ ABSL_GUARDED_BY(mu_) = false;

  Canceller canceller_;
  SubmitStream first_;
  SubmitStream second_;
};

// Sends submissions again and waits for the answer to each; false: the stream ended before.
bool SendAgain(v1::TaskService::Stub& stub, Ledger& ledger, const std::vector<int64_t>& numbers);

}  // namespace taskforge::crash

#endif  // TASKFORGE_CRASH_LOAD_H_
