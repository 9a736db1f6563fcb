#include "cli/main_job/pool_watch.h"

#include <algorithm>

namespace taskforge::cli {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(20);
constexpr int kResizesAtMost = 1000;

}  // namespace

PoolWatch::PoolWatch(Session& session)
    : session_(session), stub_(v1::PoolService::NewStub(session.Channel())) {
  story_.threads_before = CountThreads();
  resizes_before_ = resizes_after_;
  thread_ = std::thread([this] { Poll(); });
}

PoolWatch::~PoolWatch() {
  if (thread_.joinable()) Stop();
}

int PoolWatch::CountThreads() {
  Call call(session_);
  v1::Pool pool;
  if (!stub_->GetPool(call.context(), v1::GetPoolRequest(), &pool).ok()) return 0;
  resizes_after_ = pool.resizes();
  return pool.threads();
}

void PoolWatch::Poll() {
  while (!stopped_.WaitFor(kPollInterval)) {
    story_.threads_at_peak = std::max(story_.threads_at_peak, CountThreads());
  }
}

PoolStory PoolWatch::Stop() {
  stopped_.Notify();
  thread_.join();
  story_.threads_after = CountThreads();
  story_.threads_at_peak =
      std::max({story_.threads_at_peak, story_.threads_before, story_.threads_after});
  ReadResizes(story_);
  // A resize may come and go between two polls.
  for (const v1::PoolResize& resize : story_.resizes) {
    story_.threads_at_peak = std::max(story_.threads_at_peak, resize.to_threads());
  }
  return story_;
}

void PoolWatch::ReadResizes(PoolStory& story) {
  const uint64_t count =
      std::min<uint64_t>(resizes_after_ - resizes_before_, uint64_t{kResizesAtMost});
  if (count == 0) return;
  Call call(session_);
  v1::ListPoolResizesRequest request;
  request.set_page_size(static_cast<int32_t>(count));
  v1::ListPoolResizesResponse response;
  if (!stub_->ListPoolResizes(call.context(), request, &response).ok()) return;
  story.resizes.assign(response.resizes().rbegin(), response.resizes().rend());
}

}  // namespace taskforge::cli
