#include "crash/load.h"

#include <algorithm>
#include <chrono>

#include "absl/time/clock.h"

namespace taskforge::crash {
namespace {

constexpr uint32_t kCredit = 65'536;
constexpr std::chrono::seconds kCallTimeout(30);
// The most that one message may carry.
constexpr size_t kBatchMax = 1'000;

}  // namespace

SubmitStream::SubmitStream(v1::TaskService::Stub& stub, OnAcks on_acks)
    : on_acks_(std::move(on_acks)), stream_(stub.SubmitTasks(&context_)) {
  v1::SubmitTasksRequest settings;
  settings.set_credit(kCredit);
  stream_->Write(settings);  // A stream that has ended says so to whoever writes next.
  reader_ = std::thread([this] {
    v1::SubmitTasksResponse response;
    while (stream_->Read(&response)) on_acks_(response);
  });
}

void SubmitStream::End() {
  if (!reader_.joinable()) return;
  stream_->WritesDone();
  reader_.join();
  (void)stream_->Finish();  // A killed server ends it in any way; what counts was acknowledged.
}

Canceller::Canceller(v1::TaskService::Stub& stub, Ledger& ledger)
    : stub_(stub), ledger_(ledger), thread_([this] { Run(); }) {}

Canceller::~Canceller() {
  {
    MutexLock lock(mu_);
    is_over_ = true;
  }
  changed_.Signal();
  thread_.join();
}

void Canceller::Cancel(int64_t number, const std::string& name) {
  {
    MutexLock lock(mu_);
    waiting_.emplace_back(number, name);
  }
  changed_.Signal();
}

void Canceller::Run() {
  for (;;) {
    int64_t number = 0;
    v1::CancelTaskRequest request;
    {
      MutexLock lock(mu_);
      while (waiting_.empty() && !is_over_) changed_.Wait(mu_);
      if (is_over_) return;
      number = waiting_.front().first;
      request.set_name(waiting_.front().second);
      waiting_.pop_front();
    }
    ledger_.CancelSent(number);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
    v1::Task task;
    const grpc::Status status = stub_.CancelTask(&context, request, &task);
    ledger_.CancelAnswered(number, status, task);
  }
}

Load::Load(const LoadOptions& options, v1::TaskService::Stub& stub, Ledger& ledger, uint64_t seed)
    : options_(options),
      ledger_(ledger),
      random_(seed),
      canceller_(stub, ledger),
      first_(stub, [this](const v1::SubmitTasksResponse& response) { OnAcks(response); }),
      second_(stub, [this](const v1::SubmitTasksResponse& response) { OnAcks(response); }) {}

Load::~Load() = default;

void Load::Stop() {
  {
    MutexLock lock(mu_);
    is_stopped_ = true;
  }
  changed_.SignalAll();
}

bool Load::AwaitTurn(absl::Time due) {
  const SystemClock clock;
  MutexLock lock(mu_);
  while (!is_stopped_) {
    const absl::Duration early = due - absl::Now();
    if (outstanding_ >= options_.outstanding_max) {
      changed_.Wait(mu_);
    } else if (early > absl::ZeroDuration()) {
      changed_.WaitUntil(mu_, clock.Monotonic() + early);
    } else {
      return true;
    }
  }
  return false;
}

void Load::Run() {
  const absl::Time begin = absl::Now();
  SubmitStream* streams[] = {&first_, &second_};
  v1::SubmitTasksRequest batch;
  v1::SubmitTasksRequest twins;
  for (int sent = 0, turn = 0; sent < options_.tasks_max; ++turn) {
    const absl::Time due = options_.rate == 0
                               ? begin
                               : begin + absl::Seconds(1) * (sent - options_.ahead) / options_.rate;
    if (!AwaitTurn(due)) return;
    const int count =
        1 + static_cast<int>(random_.Next64() % static_cast<uint64_t>(options_.batch_max));
    batch.clear_items();
    twins.clear_items();
    ledger_.Make(count, batch, twins);
    sent += count;
    {
      MutexLock lock(mu_);
      outstanding_ += batch.items_size() + twins.items_size();
    }
    if (!streams[turn % 2]->Write(batch)) return;
    if (twins.items_size() > 0 && !streams[(turn + 1) % 2]->Write(twins)) return;
  }
}

void Load::OnAcks(const v1::SubmitTasksResponse& response) {
  acknowledged_ += ledger_.Acknowledge(response.acks());
  bool is_refused = false;
  for (const v1::SubmitAck& ack : response.acks()) {
    const auto number = static_cast<int64_t>(ack.correlation_id());
    is_refused = is_refused || ack.code() == grpc::StatusCode::UNAVAILABLE;
    if (ack.code() != 0 || ack.duplicate() || !ledger_.PlanOf(number).is_cancelled) continue;
    canceller_.Cancel(number, ack.name());
  }
  {
    MutexLock lock(mu_);
    outstanding_ -= response.acks_size();
    is_stopped_ = is_stopped_ || is_refused;  // It drains.
  }
  changed_.SignalAll();
}

bool SendAgain(v1::TaskService::Stub& stub, Ledger& ledger, const std::vector<int64_t>& numbers) {
  if (numbers.empty()) return true;
  std::atomic<size_t> answered{0};
  {
    SubmitStream stream(stub, [&](const v1::SubmitTasksResponse& response) {
      ledger.Acknowledge(response.acks());
      answered += static_cast<size_t>(response.acks_size());
    });
    for (size_t begin = 0; begin < numbers.size(); begin += kBatchMax) {
      const size_t end = std::min(numbers.size(), begin + kBatchMax);
      v1::SubmitTasksRequest batch;
      ledger.Repeat({numbers.begin() + static_cast<ptrdiff_t>(begin),
                     numbers.begin() + static_cast<ptrdiff_t>(end)},
                    batch);
      if (!stream.Write(batch)) break;
    }
  }  // The server ends the stream when all is answered.
  return answered == numbers.size();
}

}  // namespace taskforge::crash
