#include "rpc/worker_service.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/strip.h"
#include "rpc/convert.h"
#include "rpc/paging.h"
#include "rpc/work_stream.h"

namespace taskforge {
namespace {

using ::taskforge::ToProto;  // The overloads here would hide it.

using WorkCall = BidiCall<v1::WorkRequest, v1::WorkResponse>;

void ToProto(const WorkerStatus& status, v1::Worker& out) {
  out.set_name(status.name);
  for (const std::string& handler : status.handlers) out.add_handlers(handler);
  out.set_version(status.version);
  out.set_peer(status.peer);
  out.set_in_flight(status.in_flight);
  out.set_credit(status.credit);
  out.set_finished(status.finished);
  ToProto(status.connect_time, *out.mutable_connect_time());
  ToProto(status.heartbeat_time, *out.mutable_heartbeat_time());
  out.set_draining(status.draining);
}

// The reading half of Work. It outlives the call's own coroutine by the read that is under way,
// which ends when the call does.
Detached ReadWork(Ref<WorkCall> call, std::shared_ptr<WorkStream> stream) {
  v1::WorkRequest request;
  while (!stream->is_over()) {
    auto read = call->Read(&request);
    if (!co_await read) break;
    stream->Take(request);
  }
  // The worker has closed its side; if the call was cancelled, nobody reads this.
  stream->End(absl::OkStatus());
}

}  // namespace

void WorkerService::AddTo(MethodList& methods) {
  methods.Add(kName, "Work", generated_, &Generated::RequestWork, *this, &WorkerService::Work);
  methods.Add(kName, "ListWorkers", generated_, &Generated::RequestListWorkers, *this,
              &WorkerService::ListWorkers);
}

Reply WorkerService::Work(WorkCall& call) {
  auto stream = std::make_shared<WorkStream>(hub_, call.context().peer(), call.principal());
  call.OnEnd([stream](Call::End end) { stream->End(EndStatus(end)); });
  ReadWork(Ref<WorkCall>(&call), stream);
  v1::WorkResponse response;
  Wakeup& more = stream->more();
  while (!stream->is_over()) {
    if (stream->Collect(response)) {
      auto write = call.Write(response);
      if (!co_await write) stream->End(EndStatus(Call::End::kCancelled));
    } else if (!stream->is_over()) {
      co_await more;
    }
  }
  // What was recorded of the last results, if the worker still listens.
  if (stream->status().ok() && stream->Collect(response)) {
    auto last = call.Write(response);
    co_await last;
  }
  co_return stream->status();
}

Reply WorkerService::ListWorkers(UnaryCall<v1::ListWorkersRequest, v1::ListWorkersResponse>& call) {
  Violations violations;
  const int page_size = PageSizeFrom(call.request().page_size(), violations);
  const std::vector<WorkerStatus> all = hub_.List();
  std::string next = Page(
      all, page_size, call.request().page_token(),
      [](const WorkerStatus& status) { return status.name; }, violations,
      [&call](const WorkerStatus& status) { ToProto(status, *call.response().add_workers()); });
  if (!violations.empty()) co_return violations.TakeStatus();
  call.response().set_next_page_token(std::move(next));
  co_return absl::OkStatus();
}

}  // namespace taskforge
