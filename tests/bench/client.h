// How benchmarks call a server over gRPC.
#ifndef TASKFORGE_BENCH_CLIENT_H_
#define TASKFORGE_BENCH_CLIENT_H_

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge::bench {

// A channel with a connection of its own that stands; ends the benchmark with a message if that
// takes ten seconds.
std::shared_ptr<grpc::Channel> Connect(const std::string& address);

// A task of `handler` with this text.
v1::Task MakeTask(const std::string& handler, const std::string& text,
                  v1::Priority priority = v1::PRIORITY_UNSPECIFIED);

// One SubmitTasks stream that wants results. Send and AwaitUnfinished belong to one thread;
// `on_result` is called on the stream's own.
class TaskStream {
 public:
  using OnResult = std::function<void(const v1::Task&)>;

  // Changes an item before it is sent.
  using Vary = std::function<void(v1::SubmitTaskRequest& request)>;

  // `credit`: the most that may be unfinished before the server reads no more. `headers` go with
  // the call.
  TaskStream(const std::shared_ptr<grpc::Channel>& channel, uint32_t credit,
             OnResult on_result = {}, const std::map<std::string, std::string>& headers = {});
  // Waits for all results, then ends the stream.
  ~TaskStream();
  TaskStream(const TaskStream&) = delete;
  TaskStream& operator=(const TaskStream&) = delete;

  // Sends `count` tasks like this one in one message; false: the stream has ended.
  bool Send(const v1::Task& task, int count, const Vary& vary = {});
  // Waits until all that was sent is acknowledged; false: the stream has ended.
  bool AwaitAcknowledged();
  // Waits until at most `count` of what was sent are unfinished; false: the stream has ended.
  bool AwaitUnfinished(int64_t count);

  int64_t finished() const;
  int64_t refused() const;
  // Of all acknowledgements of accepted tasks the least that they promised; unspecified: none yet.
  v1::Durability durability() const;

 private:
  void Read();

  const std::unique_ptr<v1::TaskService::Stub> stub_;
  const OnResult on_result_;
  grpc::ClientContext context_;
  const std::unique_ptr<grpc::ClientReaderWriter<v1::SubmitTasksRequest, v1::SubmitTasksResponse>>
      stream_;
  v1::SubmitTasksRequest request_;

  mutable std::mutex mu_;
  std::condition_variable changed_;
  int64_t sent_ = 0;  // This and the rest: guarded by mu_.
  int64_t acknowledged_ = 0;
  int64_t finished_ = 0;
  int64_t refused_ = 0;
  v1::Durability durability_ = v1::DURABILITY_UNSPECIFIED;
  bool ended_ = false;

  std::thread reader_;
};

}  // namespace taskforge::bench

#endif  // TASKFORGE_BENCH_CLIENT_H_
