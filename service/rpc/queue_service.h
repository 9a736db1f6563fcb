// QueueService: makes, shows, changes and removes queues, and pauses and purges them.
#ifndef TASKFORGE_RPC_QUEUE_SERVICE_H_
#define TASKFORGE_RPC_QUEUE_SERVICE_H_

#include <google/protobuf/empty.pb.h>

#include "rpc/methods.h"
#include "rpc/queue_control.h"
#include "taskforge/v1/queue_service.grpc.pb.h"

namespace taskforge {

// Thread-safe.
class QueueService {
 public:
  static constexpr char kName[] = "taskforge.v1.QueueService";

  // `queues` must outlive the service.
  explicit QueueService(QueueControl& queues) : queues_(queues) {}

  void AddTo(MethodList& methods);
  grpc::Service& generated() { return generated_; }

 private:
  using Generated = v1::QueueService::AsyncService;

  Reply CreateQueue(UnaryCall<v1::CreateQueueRequest, v1::Queue>& call);
  Reply GetQueue(UnaryCall<v1::GetQueueRequest, v1::Queue>& call);
  Reply ListQueues(UnaryCall<v1::ListQueuesRequest, v1::ListQueuesResponse>& call);
  Reply UpdateQueue(UnaryCall<v1::UpdateQueueRequest, v1::Queue>& call);
  Reply DeleteQueue(UnaryCall<v1::DeleteQueueRequest, google::protobuf::Empty>& call);
  Reply PauseQueue(UnaryCall<v1::PauseQueueRequest, v1::Queue>& call);
  Reply ResumeQueue(UnaryCall<v1::ResumeQueueRequest, v1::Queue>& call);
  Reply PurgeQueue(UnaryCall<v1::PurgeQueueRequest, v1::PurgeQueueResponse>& call);

  // Writes the queue as it is now.
  absl::Status Show(absl::string_view queue, v1::Queue& out) const;

  QueueControl& queues_;
  Generated generated_;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_QUEUE_SERVICE_H_
