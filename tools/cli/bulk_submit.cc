#include "cli/bulk_submit.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "cli/format.h"

namespace taskforge::cli {
namespace {

constexpr size_t kBatchItems = 256;
constexpr size_t kBatchBytes = size_t{1} << 20;
constexpr absl::Duration kDefaultRetryAfter = absl::Milliseconds(50);
constexpr absl::Duration kLongestWait = absl::Seconds(1);

bool MayRetry(const v1::SubmitAck& ack) {
  return ack.code() == static_cast<int>(grpc::StatusCode::RESOURCE_EXHAUSTED) ||
         (ack.code() == static_cast<int>(grpc::StatusCode::UNAVAILABLE) && ack.has_retry_after());
}

}  // namespace

BulkSubmit::BulkSubmit(Session& session, Options options, OnAck on_ack, OnResult on_result)
    : options_(options),
      on_ack_(std::move(on_ack)),
      on_result_(std::move(on_result)),
      stub_(v1::TaskService::NewStub(session.Channel())),
      call_(session, kNoDeadline) {}

BulkSubmit::~BulkSubmit() = default;

void BulkSubmit::Cancel() { call_.context()->TryCancel(); }

grpc::Status BulkSubmit::Run(const Source& source) {
  stream_ = stub_->SubmitTasks(call_.context());
  std::thread reader([this] { Read(); });
  for (;;) {
    const std::vector<uint64_t> batch = NextBatch(source);
    if (batch.empty() || !WriteBatch(batch)) break;
  }
  stream_->WritesDone();
  reader.join();
  return stream_->Finish();
}

void BulkSubmit::Read() {
  v1::SubmitTasksResponse response;
  while (stream_->Read(&response)) {
    for (const v1::SubmitAck& ack : response.acks()) TakeAck(ack);
    for (const v1::TaskResult& result : response.results()) {
      if (on_result_) on_result_(result);
      if (options_.done_when == DoneWhen::kResult) {
        MutexLock lock(mu_);
        Erase(result.correlation_id());
      }
    }
  }
  MutexLock lock(mu_);
  broken_ = true;
  changed_.SignalAll();
}

void BulkSubmit::TakeAck(const v1::SubmitAck& ack) {
  bool is_final;
  {
    MutexLock lock(mu_);
    is_final = HandleAck(ack);
  }
  if (is_final && on_ack_) on_ack_(ack);
}

bool BulkSubmit::HandleAck(const v1::SubmitAck& ack) {
  const auto found = pending_.find(ack.correlation_id());
  // A result over the bus may be quicker than its acknowledgement.
  if (found == pending_.end()) return true;
  Pending& pending = found->second;
  if (MayRetry(ack) && pending.tries < options_.max_tries) {
    const absl::Duration wait =
        ack.has_retry_after() ? ToDuration(ack.retry_after()) : kDefaultRetryAfter;
    retries_.emplace(absl::Now() + std::min(wait, kLongestWait), ack.correlation_id());
    changed_.SignalAll();
    return false;
  }
  pending.request.Clear();
  if (ack.code() != 0 || options_.done_when == DoneWhen::kAcknowledged) Erase(ack.correlation_id());
  return true;
}

void BulkSubmit::Release(uint64_t id) {
  MutexLock lock(mu_);
  Erase(id);
}

void BulkSubmit::Erase(uint64_t id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  pending_bytes_ -= found->second.bytes;
  pending_.erase(found);
  changed_.SignalAll();
}

bool BulkSubmit::HasRoom() const {
  return pending_.empty() ||
         (pending_.size() < options_.max_tasks && pending_bytes_ < options_.max_bytes);
}

std::vector<uint64_t> BulkSubmit::NextBatch(const Source& source) {
  for (;;) {
    std::vector<uint64_t> batch;
    size_t bytes = 0;
    {
      MutexLock lock(mu_);
      if (broken_) return {};
      TakeDueRetries(batch);
    }
    while (batch.size() < kBatchItems && bytes < kBatchBytes &&
           FillFromSource(source, batch, bytes)) {
    }
    if (!batch.empty()) return batch;
    MutexLock lock(mu_);
    if (source_ended_ && pending_.empty()) return {};
    if (!broken_ && (source_ended_ || !HasRoom())) {
      // Woken by every acknowledgement; a retry whose time comes first needs the timeout.
      const absl::Duration wait =
          retries_.empty() ? kLongestWait
                           : std::max(absl::Milliseconds(1), retries_.begin()->first - absl::Now());
      changed_.WaitUntil(mu_, SystemClock().Monotonic() + wait);
    }
  }
}

bool BulkSubmit::FillFromSource(const Source& source, std::vector<uint64_t>& batch, size_t& bytes) {
  if (source_ended_) return false;
  {
    MutexLock lock(mu_);
    if (!HasRoom()) return false;
  }
  Pending pending;
  if (!source(pending.request)) {
    source_ended_ = true;
    return false;
  }
  pending.bytes = pending.request.ByteSizeLong();
  bytes += pending.bytes;
  const uint64_t id = next_id_++;
  batch.push_back(id);
  MutexLock lock(mu_);
  pending_bytes_ += pending.bytes;
  pending_.emplace(id, std::move(pending));
  return true;
}

void BulkSubmit::TakeDueRetries(std::vector<uint64_t>& batch) {
  const absl::Time now = absl::Now();
  while (!retries_.empty() && retries_.begin()->first <= now && batch.size() < kBatchItems) {
    if (pending_.count(retries_.begin()->second) > 0) batch.push_back(retries_.begin()->second);
    retries_.erase(retries_.begin());
  }
}

bool BulkSubmit::WriteBatch(const std::vector<uint64_t>& batch) {
  v1::SubmitTasksRequest message;
  if (!first_message_sent_) {
    message.set_want_results(options_.done_when == DoneWhen::kResult);
    message.set_credit(static_cast<uint32_t>(options_.max_tasks));
    first_message_sent_ = true;
  }
  size_t bytes = 0;
  for (const uint64_t id : batch) {
    {
      MutexLock lock(mu_);
      const auto found = pending_.find(id);
      if (found == pending_.end()) continue;
      v1::SubmitItem* item = message.add_items();
      item->set_correlation_id(id);
      *item->mutable_request() = found->second.request;
      ++found->second.tries;
      bytes += found->second.bytes;
    }
    // Retries that came due together may be more than one message should hold.
    if (bytes >= kBatchBytes) {
      if (!stream_->Write(message)) return false;
      message.Clear();
      bytes = 0;
    }
  }
  return message.items().empty() || stream_->Write(message);
}

}  // namespace taskforge::cli
