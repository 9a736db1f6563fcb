// Watches the pool's number of threads while the main job runs.
#ifndef TASKFORGE_CLI_MAIN_JOB_POOL_WATCH_H_
#define TASKFORGE_CLI_MAIN_JOB_POOL_WATCH_H_

#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "cli/session.h"
#include "taskforge/v1/pool_service.grpc.pb.h"

namespace taskforge::cli {

struct PoolStory {
  int threads_before = 0;
  int threads_at_peak = 0;
  int threads_after = 0;
  std::vector<v1::PoolResize> resizes;  // Since the watch began, oldest first.
};

// Thread-compatible.
class PoolWatch {
 public:
  // Begins to poll, in a thread of its own. `session` must outlive it.
  explicit PoolWatch(Session& session);
  ~PoolWatch();
  PoolWatch(const PoolWatch&) = delete;
  PoolWatch& operator=(const PoolWatch&) = delete;

  // Ends the watch. What the server did not tell is 0 and empty.
  PoolStory Stop();

 private:
  int CountThreads();
  void Poll();
  void ReadResizes(PoolStory& story);

  // Constant after construction.
  Session& session_;
  const std::unique_ptr<v1::PoolService::Stub> stub_;
  uint64_t resizes_before_ = 0;
  // Synchronizes itself.
  Notification stopped_;
  // Used by the thread, then, once that has ended, by Stop.
  PoolStory story_;
  uint64_t resizes_after_ = 0;
  std::thread thread_;
};

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_MAIN_JOB_POOL_WATCH_H_
