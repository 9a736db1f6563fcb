#include "rpc/call.h"

#include <vector>

#include "base/error.h"
#include "rpc/status.h"
#include "task/trace.h"

namespace taskforge {
namespace {

constexpr char kTraceparentHeader[] = "traceparent";
constexpr char kXRequestIdHeader[] = "x-request-id";

}  // namespace

absl::Status EndStatus(Call::End end) {
  if (end == Call::End::kCancelled) return absl::CancelledError("the call was cancelled");
  return DrainingError("the server stops: try another one, or again when it is back");
}

void OpenCalls::EndAll(bool all) {
  std::vector<Ref<Call>> calls;
  {
    MutexLock lock(mu_);
    ending_ = true;
    ending_all_ = ending_all_ || all;
    for (Call* call = head_; call != nullptr; call = call->open_next_) {
      if (all || !call->method().rule().outlives_drain) calls.emplace_back(call);
    }
  }
  for (Ref<Call>& call : calls) call->EndNow(Call::End::kDraining);
}

size_t OpenCalls::size() const {
  MutexLock lock(mu_);
  return size_;
}

void OpenCalls::Add(Call& call) {
  bool ending = false;
  {
    MutexLock lock(mu_);
    call.open_next_ = head_;
    call.open_previous_ = nullptr;
    if (head_ != nullptr) head_->open_previous_ = &call;
    head_ = &call;
    call.is_open_ = true;
    ++size_;
    ending = ending_all_ || (ending_ && !call.method().rule().outlives_drain);
  }
  if (ending) call.EndNow(Call::End::kDraining);
}

void OpenCalls::Remove(Call& call) {
  MutexLock lock(mu_);
  if (!call.is_open_) return;
  if (call.open_previous_ != nullptr) call.open_previous_->open_next_ = call.open_next_;
  if (call.open_next_ != nullptr) call.open_next_->open_previous_ = call.open_previous_;
  if (head_ == &call) head_ = call.open_next_;
  call.is_open_ = false;
  --size_;
}

Call::Call(Method& method, Poller& poller, bool waits)
    : counted_(poller), method_(method), poller_(poller), waits_(waits) {
  if (waits_) context_.AsyncNotifyWhenDone(done_.AsTag());
}

Call::~Call() = default;

absl::string_view Call::Header(absl::string_view key) const {
  const auto& headers = context_.client_metadata();
  const auto found = headers.find(grpc::string_ref(key.data(), key.size()));
  if (found == headers.end()) return {};
  return absl::string_view(found->second.data(), found->second.size());
}

CallTrace Call::Trace() const {
  CallTrace trace{Header(kTraceparentHeader), Header(kXRequestIdHeader)};
  if (!IsTraceparent(trace.traceparent)) trace.traceparent = {};
  if (!IsXRequestId(trace.x_request_id)) trace.x_request_id = {};
  return trace;
}

void Call::OnEnd(absl::AnyInvocable<void(End) &&> callback) {
  End end = End::kCancelled;
  {
    MutexLock lock(mu_);
    if (over_) return;
    if (!has_end_) {
      on_end_ = std::move(callback);
      return;
    }
    end = end_;
  }
  std::move(callback)(end);
}

void Call::DropOnEnd() {
  absl::AnyInvocable<void(End) &&> dropped;  // Destroyed without the lock.
  MutexLock lock(mu_);
  dropped = std::move(on_end_);
  on_end_ = nullptr;
}

bool Call::HasEnded() const {
  MutexLock lock(mu_);
  return has_end_;
}

void Call::EndNow(End end) {
  absl::AnyInvocable<void(End) &&> callback;
  {
    MutexLock lock(mu_);
    if (over_ || has_end_) return;
    has_end_ = true;
    end_ = end;
    callback = std::move(on_end_);
    on_end_ = nullptr;
  }
  if (callback) std::move(callback)(end);
}

void Call::OnAccepted(bool ok) {
  if (!ok) {  // The server stops; gRPC will not say that the call is done.
    Release();
    return;
  }
  if (waits_) AddRef();  // Until OnDone.
  method_.Accept(poller_);
  const CallHost& host = *poller_.host;
  started_ = host.clock.Monotonic();
  SingleWriterAdd(stats().started, 1);
  if (method_.rule().type == RpcType::kUnary) SingleWriterAdd(stats().messages_received, 1);
  if (!host.access.IsFree(method_.rule())) {
    Access::Decision decision =
        host.access.Check(method_.rule(), Header("authorization"), context_.peer());
    if (!decision.status.ok()) {
      Finish(decision.status);
      return;
    }
    principal_ = std::move(decision.principal);
  }
  if (waits_) host.open_calls.Add(*this);
  Run();
}

void Call::Finish(const absl::Status& status) {
  bool drained = false;
  {
    absl::AnyInvocable<void(End) &&> dropped;  // Destroyed without the lock.
    MutexLock lock(mu_);
    over_ = true;
    drained = has_end_ && end_ == End::kDraining;
    dropped = std::move(on_end_);
    on_end_ = nullptr;
  }
  if (waits_) poller_.host->open_calls.Remove(*this);
  const CallTrace trace = Trace();
  if (!trace.traceparent.empty()) AddTrailer(kTraceparentHeader, std::string(trace.traceparent));
  if (!trace.x_request_id.empty()) AddTrailer(kXRequestIdHeader, std::string(trace.x_request_id));
  // A coroutine that was ended by the server need not say so itself.
  const absl::Status& end =
      drained && absl::IsCancelled(status) ? EndStatus(End::kDraining) : status;
  if (const auto pushback = RetryPushback(end)) AddTrailer("grpc-retry-pushback-ms", *pushback);
  const grpc::Status sent = ToGrpcStatus(end);
  sent_code_ = sent.error_code();
  SendFinish(sent, finished_.AsTag());
}

void Call::OnFinished(bool ok) {
  MethodStats& counts = stats();
  if (ok && method_.rule().type == RpcType::kUnary && sent_code_ == grpc::StatusCode::OK) {
    SingleWriterAdd(counts.messages_sent, 1);
  }
  const size_t code = static_cast<size_t>(sent_code_) % kRpcCodeCount;
  SingleWriterAdd(counts.handled[code], 1);
  counts.handling.Record(poller_.host->clock.Monotonic() - started_);
  Release();
}

void Call::OnDone(bool /*ok*/) {
  if (context_.IsCancelled()) EndNow(End::kCancelled);
  Release();
}

}  // namespace taskforge
