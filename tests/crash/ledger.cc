#include "crash/ledger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace taskforge::crash {
namespace {

// Longer than any campaign keeps a data directory.
constexpr int64_t kResultTtlSeconds = 3600;
constexpr int kBackoffMs = 5;
constexpr int kBackoffMsMax = 50;

void SetTime(int64_t us, google::protobuf::Timestamp& out) {
  out.set_seconds(us / 1'000'000);
  out.set_nanos(static_cast<int32_t>(us % 1'000'000) * 1'000);
}

void Keep(std::vector<int64_t>& numbers, int count, Random& random) {
  const size_t kept = std::min(numbers.size(), static_cast<size_t>(count));
  for (size_t i = 0; i < kept; ++i) {
    std::swap(numbers[i], numbers[i + random.Next64() % (numbers.size() - i)]);
  }
  numbers.resize(kept);
}

}  // namespace

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

void Ledger::BeginCycle(int cycle) {
  MutexLock lock(mu_);
  cycle_ = cycle;
}

Event Ledger::Make(Event::Kind kind, int64_t number) const {
  Event event;
  event.kind = kind;
  event.number = number;
  event.cycle = cycle_;
  return event;
}

bool Ledger::CanRepeat(int64_t number) const {
  const Plan plan = PlanOf(number);
  return plan.has_request_id && plan.deadline_ms == 0;
}

void Ledger::AddItem(const Plan& plan, int64_t number, int64_t base_us,
                     v1::SubmitTasksRequest& batch) {
  v1::SubmitItem& item = *batch.add_items();
  item.set_correlation_id(static_cast<uint64_t>(number));
  v1::SubmitTaskRequest& request = *item.mutable_request();
  if (plan.has_task_id) request.set_task_id(TaskIdOf(number));
  if (plan.has_request_id) request.set_request_id(RequestIdOf(number));
  v1::Task& task = *request.mutable_task();
  task.set_handler(plan.handler);
  task.set_priority(static_cast<v1::Priority>(plan.priority));
  task.mutable_input()->set_text_data(plan.input);
  task.mutable_result_ttl()->set_seconds(kResultTtlSeconds);
  (*task.mutable_labels())[kNumberLabel] = absl::StrCat(number);
  if (plan.delay_ms > 0) {
    SetTime(base_us + int64_t{1'000} * plan.delay_ms, *task.mutable_schedule_time());
  }
  if (plan.deadline_ms > 0) {
    SetTime(base_us + int64_t{1'000} * plan.deadline_ms, *task.mutable_deadline());
  }
  if (plan.attempts_max > 1) {
    v1::RetryPolicy& retry = *task.mutable_retry_policy();
    retry.set_max_attempts(plan.attempts_max);
    retry.mutable_min_backoff()->set_nanos(kBackoffMs * 1'000'000);
    retry.mutable_max_backoff()->set_nanos(kBackoffMsMax * 1'000'000);
  }
}

void Ledger::Make(int count, v1::SubmitTasksRequest& batch, v1::SubmitTasksRequest& twins) {
  const int64_t base_us = absl::ToUnixMicros(absl::Now());
  std::vector<Event> events;
  int64_t number = 0;
  {
    MutexLock lock(mu_);
    number = first_ + static_cast<int64_t>(submissions_.size());
    for (int i = 0; i < count; ++i) {
      events.push_back(Make(Event::Kind::kSubmit, number + i));
      events.back().base_us = base_us;
      submissions_.push_back({base_us, ""});
    }
  }
  for (int i = 0; i < count; ++i, ++number) {
    const Plan plan = PlanOf(number);
    AddItem(plan, number, base_us, batch);
    if (!plan.is_sent_twice) continue;
    AddItem(plan, number, base_us, twins);
    Event event = events[static_cast<size_t>(i)];
    event.code = 1;
    events.push_back(event);
  }
  history_.Append(events);
}

void Ledger::Repeat(const std::vector<int64_t>& numbers, v1::SubmitTasksRequest& batch) {
  std::vector<Event> events;
  {
    MutexLock lock(mu_);
    for (const int64_t number : numbers) {
      events.push_back(Make(Event::Kind::kSubmit, number));
      events.back().base_us = submissions_.at(static_cast<size_t>(number - first_)).base_us;
      events.back().code = 1;
    }
  }
  for (const Event& event : events) {
    AddItem(PlanOf(event.number), event.number, event.base_us, batch);
  }
  history_.Append(events);
}

int Ledger::Acknowledge(const google::protobuf::RepeatedPtrField<v1::SubmitAck>& acks) {
  std::vector<Event> events;
  {
    MutexLock lock(mu_);
    for (const v1::SubmitAck& ack : acks) {
      const auto number = static_cast<int64_t>(ack.correlation_id());
      events.push_back(Make(Event::Kind::kAccepted, number));
      Event& event = events.back();
      if (ack.code() != 0) {
        event.kind = Event::Kind::kRefused;
        event.code = ack.code();
        event.text = ack.reason();
        continue;
      }
      event.code = ack.effective_durability();
      event.value = ack.duplicate() ? 1 : 0;
      event.text = ack.name();
    }
  }
  history_.Append(events);
  int first = 0;
  MutexLock lock(mu_);
  for (const Event& event : events) {
    if (event.kind != Event::Kind::kAccepted) continue;
    const auto index = static_cast<size_t>(event.number - first_);
    if (index >= submissions_.size()) continue;  // The verdict will tell.
    if (submissions_[index].name.empty()) ++first;
    submissions_[index].name = event.text;
  }
  return first;
}

void Ledger::CancelSent(int64_t number) {
  Event event;
  {
    MutexLock lock(mu_);
    event = Make(Event::Kind::kCancel, number);
  }
  history_.Append({event});
}

void Ledger::CancelAnswered(int64_t number, const grpc::Status& status, const v1::Task& task) {
  Event event;
  {
    MutexLock lock(mu_);
    event = Make(Event::Kind::kCancelAnswer, number);
  }
  event.code = status.error_code();
  event.value = task.state();
  for (const v1::Attempt& attempt : task.attempts()) event.started += attempt.has_start_time();
  history_.Append({event});
}

std::vector<int64_t> Ledger::SampleUnacknowledged(int count, Random& random) {
  std::vector<int64_t> numbers;
  {
    MutexLock lock(mu_);
    const auto size = static_cast<int64_t>(submissions_.size());
    for (int64_t i = std::exchange(sampled_, size); i < size; ++i) {
      if (submissions_[static_cast<size_t>(i)].name.empty()) numbers.push_back(first_ + i);
    }
  }
  std::erase_if(numbers, [&](int64_t number) { return !CanRepeat(number); });
  Keep(numbers, count, random);
  return numbers;
}

std::vector<int64_t> Ledger::SampleAcknowledged(int count, Random& random) {
  std::vector<int64_t> numbers;
  {
    MutexLock lock(mu_);
    for (size_t i = 0; i < submissions_.size(); ++i) {
      if (!submissions_[i].name.empty()) numbers.push_back(first_ + static_cast<int64_t>(i));
    }
  }
  // Some cannot be: with more than enough it comes to the number that was asked for.
  Keep(numbers, 2 * count, random);
  std::erase_if(numbers, [&](int64_t number) { return !CanRepeat(number); });
  Keep(numbers, count, random);
  return numbers;
}

std::vector<std::string> Ledger::AcknowledgedNames() const {
  std::vector<std::string> names;
  MutexLock lock(mu_);
  for (const Submission& submission : submissions_) {
    if (!submission.name.empty()) names.push_back(submission.name);
  }
  return names;
}

int64_t Ledger::next_number() const {
  MutexLock lock(mu_);
  return first_ + static_cast<int64_t>(submissions_.size());
}

}  // namespace taskforge::crash
