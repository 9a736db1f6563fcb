#include "rpc/submit_stream.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "rpc/convert.h"
#include "rpc/status.h"

namespace taskforge {
namespace {

constexpr uint32_t kDefaultCredit = 4096;
constexpr uint32_t kMaxCredit = 65536;
// Of one message to the client, whose own limit is 4 MiB by default.
constexpr size_t kMaxMessageItems = 2000;
// What a stream that has nothing to send may keep room for.
constexpr size_t kMaxKeptEntries = 2 * kMaxMessageItems;
constexpr size_t kMaxMessageBytes = size_t{1} << 20;

void ToAck(const absl::Status& status, v1::SubmitAck& ack) {
  const ErrorDetails details = DetailsOf(status);
  ack.set_code(static_cast<int>(status.code()));
  ack.set_message(std::string(status.message()));
  ack.set_reason(details.reason);
  if (details.retry_after.has_value()) ToProto(*details.retry_after, *ack.mutable_retry_after());
  ack.set_status_details(StatusDetails(status));
}

size_t BytesOf(const TaskRecord& record) {
  constexpr size_t kFixed = 320;  // With the name.
  const Boxed<Payload>& output = record.history->output;
  return kFixed + (output.has_value() ? output->data.size() : 0);
}

}  // namespace

SubmitStream::SubmitStream(Submitter& submitter, TaskControl& control, size_t max_batch_items,
                           const SubmissionContext& context)
    : submitter_(submitter),
      control_(control),
      max_batch_items_(max_batch_items),
      default_priority_(context.default_priority),
      principal_(context.principal),
      traceparent_(context.trace.traceparent),
      x_request_id_(context.trace.x_request_id) {}

bool SubmitStream::TakeSettings(const v1::SubmitTasksRequest& request, absl::Status& status) {
  Violations violations;
  if (static_cast<size_t>(request.items_size()) > max_batch_items_) {
    violations.Add("items",
                   absl::StrCat(request.items_size(), " items; want at most ", max_batch_items_));
  }
  if (has_settings_ && (request.want_results() || request.credit() != 0)) {
    violations.Add(request.want_results() ? "want_results" : "credit",
                   "only in the stream's first message");
  }
  if (request.credit() > kMaxCredit) {
    violations.Add("credit", absl::StrCat("want 0 to ", kMaxCredit));
  }
  status = violations.TakeStatus();
  if (!status.ok()) return false;
  if (has_settings_) return true;
  has_settings_ = true;
  MutexLock lock(mu_);
  want_results_ = request.want_results();
  credit_ = request.credit() == 0 ? kDefaultCredit : request.credit();
  return true;
}

void SubmitStream::Take(const v1::SubmitTasksRequest& request) {
  absl::Status status;
  if (!TakeSettings(request, status)) {
    End(std::move(status));
    return;
  }
  const SubmissionContext context{default_priority_, principal_, {traceparent_, x_request_id_}};
  std::vector<Submission> submissions;
  submissions.reserve(static_cast<size_t>(request.items_size()));
  for (const v1::SubmitItem& item : request.items()) {
    const uint64_t id = item.correlation_id();
    Submission& submission = submissions.emplace_back(SubmissionFrom(item.request(), context));
    const bool cancel = submission.spec.cancel_on_disconnect;
    Ref<SubmitStream> self(this);
    if (cancel) {
      submission.on_receipt = [self, id](absl::StatusOr<SubmitReceipt> receipt) {
        self->OnReceipt(id, true, std::move(receipt));
      };
    } else {
      submission.on_receipt = [self, id](absl::StatusOr<SubmitReceipt> receipt) {
        self->OnReceipt(id, false, std::move(receipt));
      };
    }
    submission.on_finished = Finished(std::move(self), id);
  }
  {
    MutexLock lock(mu_);
    if (over_) return;
    corked_ = true;
    unacknowledged_ += submissions.size();
    unfinished_ += submissions.size();
  }
  if (!submissions.empty()) submitter_.SubmitBatch(std::move(submissions));
  Uncork();
}

void SubmitStream::Uncork() {
  Wakes wakes;
  {
    MutexLock lock(mu_);
    corked_ = false;
    wakes = TakeWakes();
  }
  Wake(wakes);
}

void SubmitStream::OnReceipt(uint64_t correlation_id, bool cancel_on_disconnect,
                             absl::StatusOr<SubmitReceipt> receipt) {
  Wakes wakes;
  std::string cancel_now;
  {
    MutexLock lock(mu_);
    --unacknowledged_;
    if (!receipt.ok()) --unfinished_;
    if (over_) {
      if (receipt.ok() && cancel_on_disconnect && absl::IsCancelled(status_)) {
        cancel_now = receipt->record->name();
      }
    } else if (receipt.ok()) {
      if (cancel_on_disconnect) cancel_on_end_.emplace(correlation_id, receipt->record->name());
      waiting_.push_back({.correlation_id = correlation_id,
                          .duplicate = receipt->duplicate,
                          .record = std::move(receipt->record)});
    } else {
      waiting_.push_back({.correlation_id = correlation_id, .status = receipt.status()});
    }
    wakes = TakeWakes();
  }
  if (!cancel_now.empty()) control_.Cancel(cancel_now, [](absl::StatusOr<TaskRecordPtr>) {});
  Wake(wakes);
}

void SubmitStream::OnFinished(uint64_t correlation_id, const TaskRecordPtr& record) {
  Wakes wakes;
  {
    MutexLock lock(mu_);
    --unfinished_;
    if (over_) return;
    if (!cancel_on_end_.empty()) {
      const auto [begin, end] = cancel_on_end_.equal_range(correlation_id);
      for (auto it = begin; it != end; ++it) {
        if (it->second != record->name()) continue;
        cancel_on_end_.erase(it);
        break;
      }
    }
    if (want_results_) {
      waiting_.push_back({.correlation_id = correlation_id, .is_result = true, .record = record});
    }
    wakes = TakeWakes();
  }
  Wake(wakes);
}

void SubmitStream::NoMoreRequests() {
  Wakes wakes;
  {
    MutexLock lock(mu_);
    no_more_requests_ = true;
    wakes = TakeWakes();
  }
  Wake(wakes);
}

bool SubmitStream::HasRoom() {
  MutexLock lock(mu_);
  reader_waits_ = !RoomLocked();
  return !reader_waits_;
}

bool SubmitStream::is_over() const {
  MutexLock lock(mu_);
  return over_ || CompleteLocked();
}

absl::Status SubmitStream::status() const {
  MutexLock lock(mu_);
  return status_;
}

void SubmitStream::End(absl::Status status) {
  Wakes wakes;
  std::unordered_multimap<uint64_t, std::string> cancel;
  {
    MutexLock lock(mu_);
    if (over_) return;
    over_ = true;
    status_ = std::move(status);
    if (absl::IsCancelled(status_)) cancel.swap(cancel_on_end_);
    wakes = TakeWakes();
  }
  for (const auto& [id, name] : cancel) {
    control_.Cancel(name, [](absl::StatusOr<TaskRecordPtr>) {});
  }
  Wake(wakes);
}

bool SubmitStream::Collect(v1::SubmitTasksResponse& response) {
  if (sent_of_taken_ == taken_.size()) {
    if (taken_.capacity() > kMaxKeptEntries) taken_ = {};  // A burst is over.
    taken_.clear();
    sent_of_taken_ = 0;
    Wakes wakes;
    {
      MutexLock lock(mu_);
      taken_.swap(waiting_);
      writer_waits_ = taken_.empty() && !over_ && !CompleteLocked();
      wakes = TakeWakes();
    }
    wakes.writer = false;
    Wake(wakes);
    if (taken_.empty()) return false;
  }
  response.Clear();
  size_t bytes = 0;
  for (size_t items = 0;
       sent_of_taken_ < taken_.size() && items < kMaxMessageItems && bytes < kMaxMessageBytes;
       ++items) {
    Entry& entry = taken_[sent_of_taken_++];
    if (entry.is_result) {
      v1::TaskResult& result = *response.add_results();
      result.set_correlation_id(entry.correlation_id);
      bytes += BytesOf(*entry.record);
      ToProto(*entry.record, *result.mutable_task(), {.input = false, .labels = false});
    } else {
      v1::SubmitAck& ack = *response.add_acks();
      ack.set_correlation_id(entry.correlation_id);
      if (entry.record == nullptr) {
        ToAck(entry.status, ack);
        bytes += ack.ByteSizeLong();
      } else {
        ack.set_name(entry.record->name());
        ack.set_duplicate(entry.duplicate);
        ack.set_effective_durability(ToProto(entry.record->effective_durability));
        bytes += ack.name().size() + 16;
      }
    }
    entry.record = nullptr;
  }
  return true;
}

SubmitStream::Wakes SubmitStream::TakeWakes() {
  Wakes wakes;
  if (writer_waits_ && (over_ || CompleteLocked() || (!corked_ && !waiting_.empty()))) {
    writer_waits_ = false;
    wakes.writer = true;
  }
  if (reader_waits_ && RoomLocked()) {
    reader_waits_ = false;
    wakes.reader = true;
  }
  return wakes;
}

void SubmitStream::Wake(Wakes wakes) {
  if (wakes.writer) more_.Set();
  if (wakes.reader) room_.Set();
}

bool SubmitStream::RoomLocked() const {
  // What the client does not read counts too: it must not pile up here.
  return over_ || (unfinished_ < credit_ && waiting_.size() < credit_);
}

bool SubmitStream::CompleteLocked() const {
  if (!no_more_requests_ || unacknowledged_ != 0 || !waiting_.empty() || corked_) return false;
  return unfinished_ == 0 || (!want_results_ && cancel_on_end_.empty());
}

}  // namespace taskforge
