#include "rpc/health.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace taskforge {
namespace {

constexpr char kLiveness[] = "liveness";

}  // namespace

// One Watch call.
struct HealthService::Watcher : RefCounted<Watcher> {
  Wakeup wakeup;
  std::atomic<bool> over{false};
};

HealthService::HealthService() {
  serving_[""] = false;
  serving_["readiness"] = false;
  for (const MethodRule& rule : MethodTable()) serving_[std::string(rule.service)] = false;
  serving_[kLiveness] = true;
}

void HealthService::SetReady(bool ready) {
  std::vector<Ref<Watcher>> watchers;
  {
    MutexLock lock(mu_);
    for (auto& [key, serving] : serving_) {
      if (key != kLiveness) serving = ready;
    }
    for (Watcher* watcher : watchers_) watchers.emplace_back(watcher);
  }
  for (Ref<Watcher>& watcher : watchers) watcher->wakeup.Set();
}

std::optional<bool> HealthService::IsServing(const std::string& key) const {
  MutexLock lock(mu_);
  const auto found = serving_.find(key);
  if (found == serving_.end()) return std::nullopt;
  return found->second;
}

void HealthService::AddTo(MethodList& methods) {
  methods.Add(kName, "Check", generated_, &Generated::RequestCheck, *this, &HealthService::Check);
  methods.Add(kName, "Watch", generated_, &Generated::RequestWatch, *this, &HealthService::Watch);
}

Reply HealthService::Check(UnaryCall<Request, Response>& call) {
  const std::optional<bool> serving = IsServing(call.request().service());
  if (!serving.has_value()) {
    co_return absl::NotFoundError(
        absl::StrCat("no health is known of \"", call.request().service(), "\""));
  }
  call.response().set_status(*serving ? Response::SERVING : Response::NOT_SERVING);
  co_return absl::OkStatus();
}

Reply HealthService::Watch(ServerStreamCall<Request, Response>& call) {
  auto watcher = MakeRef<Watcher>();
  call.OnEnd([watcher](Call::End) {
    watcher->over.store(true, std::memory_order_release);  // release: pairs with the acquire below.
    watcher->wakeup.Set();
  });
  {
    MutexLock lock(mu_);
    watchers_.insert(watcher.get());
  }
  Wakeup& wakeup = watcher->wakeup;
  std::optional<Response::ServingStatus> told;
  while (!watcher->over.load(std::memory_order_acquire)) {
    const std::optional<bool> serving = IsServing(call.request().service());
    Response::ServingStatus status = Response::SERVICE_UNKNOWN;
    if (serving.has_value()) status = *serving ? Response::SERVING : Response::NOT_SERVING;
    if (told != status) {
      told = status;
      Response response;
      response.set_status(status);
      auto write = call.Write(response);
      if (!co_await write) break;
      continue;  // It may have changed while it was written.
    }
    co_await wakeup;
  }
  {
    MutexLock lock(mu_);
    watchers_.erase(watcher.get());
  }
  co_return absl::CancelledError("the watch ended");
}

}  // namespace taskforge
