// How gRPC calls become coroutines. A polling thread takes events from its completion queue; an
// event's tag is the object that waits for it. A method is a coroutine that takes a call by
// reference and co_returns an absl::Status:
//
//   Reply GetTask(UnaryCall<v1::GetTaskRequest, v1::Task>& call) {
//     ... convert in, one call of the core, convert out into call.response() ...
//     co_return absl::OkStatus();
//   }
//
// Any thread may resume the coroutine; what it co_returns is sent from there. The call outlives its
// coroutine and frees itself when gRPC has no more to say about it.
#ifndef TASKFORGE_RPC_CALL_H_
#define TASKFORGE_RPC_CALL_H_

#include <google/protobuf/arena.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/futex.h"
#include "base/mutex.h"
#include "base/ref.h"
#include "rpc/access.h"
#include "rpc/rpc_stats.h"

namespace taskforge {

// What the tags in our completion queues point at.
class CqTag {
 public:
  // Called once for each operation begun with this tag, on the queue's polling thread.
  virtual void OnEvent(bool ok) = 0;
  void* AsTag() { return this; }

 protected:
  ~CqTag() = default;
};

// One gRPC operation to await: `start` is given the tag and begins it. Gives gRPC's `ok`, and
// counts how often that was true. Not thread-safe: belongs to one coroutine.
template <typename Start>
class Operation final : public CqTag {
 public:
  Operation(std::atomic<uint64_t>& counter, Start start)
      : counter_(counter), start_(std::move(start)) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    start_(AsTag());  // The coroutine may be resumed, and gone, before this returns.
  }
  bool await_resume() const noexcept { return ok_; }

 private:
  void OnEvent(bool ok) override {
    ok_ = ok;
    if (ok) SingleWriterAdd(counter_, 1);
    waiter_.resume();
  }

  std::atomic<uint64_t>& counter_;
  Start start_;
  std::coroutine_handle<> waiter_;
  bool ok_ = false;
};

class Call;
class Method;

// The calls that are open and wait for something beyond themselves (streams, long polls), so that
// the server can end them. Thread-safe.
class OpenCalls {
 public:
  // Ends every open call, as if its client had gone, but with UNAVAILABLE, reason DRAINING. Calls
  // that come later are ended as soon as they register. Those of methods that outlive a drain
  // (health) are ended only if `all`.
  void EndAll(bool all) ABSL_LOCKS_EXCLUDED(mu_);
  size_t size() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  friend class Call;
  void Add(Call& call) ABSL_LOCKS_EXCLUDED(mu_);
  void Remove(Call& call) ABSL_LOCKS_EXCLUDED(mu_);

  mutable Mutex mu_;
  Call* head_ ABSL_GUARDED_BY(mu_) = nullptr;
  size_t size_ ABSL_GUARDED_BY(mu_) = 0;
  bool ending_ ABSL_GUARDED_BY(mu_) = false;
  bool ending_all_ ABSL_GUARDED_BY(mu_) = false;
};

// What all calls of a server share. All of it must outlive the calls.
struct CallHost {
  const Clock& clock;
  const Access& access;
  OpenCalls& open_calls;
};

// One completion queue and who counts its events. Everything but the counts' readers and open_calls
// is the queue's polling thread's (before it runs: whoever starts it).
struct Poller {
  const CallHost* host = nullptr;
  std::unique_ptr<grpc::ServerCompletionQueue> queue;
  RpcStatsShard stats;

  // A call was made, to be accepted. relaxed: there is nothing of it to tell yet.
  void CallBegins() { open_calls.fetch_add(1, std::memory_order_relaxed); }
  // It has gone, on whichever thread, and with it all who could begin something of it.
  void CallEnds() {
    // release: pairs with the acquire in AwaitNoCalls(). While the server accepts, there is always
    // one.
    if (open_calls.fetch_sub(1, std::memory_order_release) == 1) FutexWake(open_calls, 1);
  }
  // Waits until every call has gone. REQUIRES: the server accepts no more. Without this, a
  // coroutine that is just being resumed elsewhere would begin its answer, or its next read, on a
  // queue that is shut down, which ends the process.
  void AwaitNoCalls() {
    for (;;) {
      const uint32_t open = open_calls.load(std::memory_order_acquire);
      if (open == 0) return;
      FutexWait(open_calls, open);
    }
  }

  std::atomic<uint32_t> open_calls{0};
};

// A method that is served. Constant after construction; thread-safe.
class Method {
 public:
  // `index` in MethodTable(). A method without a rule is a mistake in the program: it ends.
  explicit Method(size_t index) : rule_(MethodTable().at(index)), index_(index) {}
  virtual ~Method() = default;
  // Asks gRPC for the next call of this method on that queue.
  virtual void Accept(Poller& poller) = 0;

  const MethodRule& rule() const { return rule_; }
  size_t index() const { return index_; }

 private:
  const MethodRule rule_;
  const size_t index_;  // Into the statistics.
};

// What ties a call to others (task/trace.h). Views into the call.
struct CallTrace {
  absl::string_view traceparent;
  absl::string_view x_request_id;
};

// One call, from before it comes until gRPC is done with it. Kept alive by what is under way: the
// operation that ends it, and the notice that it is over. Thread-safe where it says so; the rest
// belongs to the call's coroutine.
class Call : public RefCounted<Call> {
 public:
  enum class End { kCancelled, kDraining };

  virtual ~Call();

  grpc::ServerContext& context() { return context_; }
  google::protobuf::Arena& arena() { return arena_; }
  // Who calls, by its token; empty: nobody identified.
  const std::string& principal() const { return principal_; }
  // The first value of a header; empty if there is none.
  absl::string_view Header(absl::string_view key) const;
  // The call's `traceparent` and `x-request-id`, empty where they are not there or not valid. What
  // is valid comes back in the trailers.
  CallTrace Trace() const;
  // Of a header in the trailers. REQUIRES: before the coroutine returns.
  void AddTrailer(const std::string& key, const std::string& value) {
    context_.AddTrailingMetadata(key, value);
  }

  // Calls `callback` once if the client goes or the server stops before the call has ended; at once
  // if that has happened. On any thread. It may be called while the coroutine ends, so it owns what
  // it touches. Thread-safe. REQUIRES: the method was served as one that waits.
  void OnEnd(absl::AnyInvocable<void(End) &&> callback) ABSL_LOCKS_EXCLUDED(mu_);
  // Forgets the callback. Thread-safe.
  void DropOnEnd() ABSL_LOCKS_EXCLUDED(mu_);

  // Whether OnEnd's callback has been, or would be, called. Thread-safe.
  bool HasEnded() const ABSL_LOCKS_EXCLUDED(mu_);

  // Sends `status` (and the response, if OK) as the call's end. Called by Reply.
  void Finish(const absl::Status& status);

 protected:
  Call(Method& method, Poller& poller, bool waits);

  // Sends it through gRPC.
  virtual void SendFinish(const grpc::Status& status, void* tag) = 0;
  // Starts the method's coroutine.
  virtual void Run() = 0;
  void* accept_tag() { return accepted_.AsTag(); }
  Poller& poller() { return poller_; }
  Method& method() { return method_; }
  MethodStats& stats() { return poller_.stats.of(method_.index()); }

 private:
  friend class OpenCalls;

  // Counts the call in from its first to its last moment.
  struct Counted {
    explicit Counted(Poller& poller) : poller(poller) { poller.CallBegins(); }
    ~Counted() { poller.CallEnds(); }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    Poller& poller;
  };

  // Joins a tag to a member function.
  template <void (Call::*kFunction)(bool)>
  class Tag final : public CqTag {
   public:
    explicit Tag(Call& call) : call_(call) {}
    void OnEvent(bool ok) override { (call_.*kFunction)(ok); }

   private:
    Call& call_;
  };

  void OnAccepted(bool ok);
  void OnFinished(bool ok);
  void OnDone(bool ok);
  void EndNow(End end) ABSL_LOCKS_EXCLUDED(mu_);

  const Counted counted_;  // First, so that it goes last.

  // Constant after construction, or after the call was accepted.
  Method& method_;
  Poller& poller_;
  const bool waits_;
  grpc::ServerContext context_;
  alignas(16) char arena_block_[1024];  // Most messages need no more.
  google::protobuf::Arena arena_{arena_block_, sizeof(arena_block_)};
  std::string principal_;
  MonoTime started_;
  grpc::StatusCode sent_code_ = grpc::StatusCode::OK;

  Tag<&Call::OnAccepted> accepted_{*this};
  Tag<&Call::OnFinished> finished_{*this};
  Tag<&Call::OnDone> done_{*this};

  mutable Mutex mu_;
  absl::AnyInvocable<void(End) &&> on_end_ ABSL_GUARDED_BY(mu_);
  bool over_ ABSL_GUARDED_BY(mu_) = false;  // Finish was begun: nobody is told any more.
  bool has_end_ ABSL_GUARDED_BY(mu_) = false;
  End end_ ABSL_GUARDED_BY(mu_) = End::kCancelled;

  // Owned by OpenCalls, under its lock.
  Call* open_previous_ = nullptr;
  Call* open_next_ = nullptr;
  bool is_open_ = false;
};

// What a call that was ended (Call::OnEnd) ends with: CANCELLED, or UNAVAILABLE, reason DRAINING.
absl::Status EndStatus(Call::End end);

// The return type of a method's coroutine: what it co_returns ends the call.
struct Reply {
  struct promise_type {
    template <typename Service, typename AnyCall>
    promise_type(Service&, AnyCall& call) : call(call) {}
    Reply get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    // The coroutine's locals are gone by now, so none of them outlives the call.
    std::suspend_never final_suspend() noexcept {
      call.Finish(status);
      return {};
    }
    void return_value(absl::Status value) { status = std::move(value); }
    void unhandled_exception() { std::terminate(); }

    Call& call;
    absl::Status status;
  };
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_CALL_H_
