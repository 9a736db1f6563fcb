#include "client.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace taskforge::bench {
namespace {

// Of two durabilities the one that promises less; an unspecified one says nothing.
v1::Durability Lesser(v1::Durability a, v1::Durability b) {
  if (a == v1::DURABILITY_UNSPECIFIED) return b;
  return b == v1::DURABILITY_UNSPECIFIED ? a : std::min(a, b);
}

}  // namespace

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  auto channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  if (!channel->WaitForConnected(
          gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_seconds(10, GPR_TIMESPAN)))) {
    std::fprintf(stderr, "cannot connect to %s\n", address.c_str());
    std::exit(1);
  }
  return channel;
}

v1::Task MakeTask(const std::string& handler, const std::string& text, v1::Priority priority) {
  v1::Task task;
  task.set_handler(handler);
  task.set_priority(priority);
  task.mutable_input()->set_text_data(text);
  return task;
}

TaskStream::TaskStream(const std::shared_ptr<grpc::Channel>& channel, uint32_t credit,
                       OnResult on_result, const std::map<std::string, std::string>& headers)
    : stub_(v1::TaskService::NewStub(channel)), on_result_(std::move(on_result)), stream_([&] {
        for (const auto& [name, value] : headers) context_.AddMetadata(name, value);
        return stub_->SubmitTasks(&context_);
      }()) {
  request_.set_want_results(true);
  request_.set_credit(credit);
  reader_ = std::thread([this] { Read(); });
}

TaskStream::~TaskStream() {
  AwaitUnfinished(0);
  stream_->WritesDone();
  reader_.join();
  (void)stream_->Finish();  // The counts tell how it went.
}

bool TaskStream::Send(const v1::Task& task, int count, const Vary& vary) {
  {
    const std::lock_guard<std::mutex> lock(mu_);
    if (ended_) return false;
    sent_ += count;
  }
  request_.clear_items();
  for (int i = 0; i < count; ++i) {
    v1::SubmitTaskRequest& item = *request_.add_items()->mutable_request();
    *item.mutable_task() = task;
    if (vary) vary(item);
  }
  const bool sent = stream_->Write(request_);
  request_.set_want_results(false);  // Settings stand in the first message only.
  request_.set_credit(0);
  return sent;
}

bool TaskStream::AwaitUnfinished(int64_t count) {
  std::unique_lock<std::mutex> lock(mu_);
  changed_.wait(lock, [&] { return ended_ || sent_ - finished_ - refused_ <= count; });
  return !ended_;
}

bool TaskStream::AwaitAcknowledged() {
  std::unique_lock<std::mutex> lock(mu_);
  changed_.wait(lock, [&] { return ended_ || acknowledged_ == sent_; });
  return !ended_;
}

int64_t TaskStream::finished() const {
  const std::lock_guard<std::mutex> lock(mu_);
  return finished_;
}

int64_t TaskStream::refused() const {
  const std::lock_guard<std::mutex> lock(mu_);
  return refused_;
}

v1::Durability TaskStream::durability() const {
  const std::lock_guard<std::mutex> lock(mu_);
  return durability_;
}

void TaskStream::Read() {
  v1::SubmitTasksResponse response;
  while (stream_->Read(&response)) {
    int refused = 0;
    v1::Durability durability = v1::DURABILITY_UNSPECIFIED;
    for (const v1::SubmitAck& ack : response.acks()) {
      refused += ack.code() != 0 ? 1 : 0;
      if (ack.code() == 0) durability = Lesser(durability, ack.effective_durability());
    }
    if (on_result_) {
      for (const v1::TaskResult& result : response.results()) on_result_(result.task());
    }
    const std::lock_guard<std::mutex> lock(mu_);
    acknowledged_ += response.acks_size();
    refused_ += refused;
    durability_ = Lesser(durability_, durability);
    finished_ += response.results_size();
    changed_.notify_all();
  }
  const std::lock_guard<std::mutex> lock(mu_);
  ended_ = true;
  changed_.notify_all();
}

}  // namespace taskforge::bench
