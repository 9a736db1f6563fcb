// A bus on a pool, as the server has them, and events as the server makes them.
#ifndef TASKFORGE_BENCH_BUS_RIG_H_
#define TASKFORGE_BENCH_BUS_RIG_H_

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/random.h"
#include "bus/bus.h"
#include "bus/topic.h"
#include "pool/thread_pool.h"
#include "task/task_types.h"
#include "task/uuid.h"

namespace taskforge::bench {

class PoolDrains final : public DrainExecutor {
 public:
  explicit PoolDrains(ThreadPool& pool) : pool_(pool) {}
  void SubmitReserved(Work& work) override { pool_.SubmitReserved(work); }

 private:
  ThreadPool& pool_;
};

// REQUIRES: no Subscription and no Publisher is left when it goes.
class Rig {
 public:
  Rig() : pool_(PoolOptionsFor(), clock_), drains_(pool_), bus_({}, drains_, clock_) {
    if (!pool_.Start().ok()) std::abort();
  }
  ~Rig() { pool_.Stop(); }
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  const Clock& clock() const { return clock_; }
  Bus& bus() { return bus_; }

 private:
  static PoolOptions PoolOptionsFor() {
    PoolOptions options;
    options.cpus = 2;
    return options;
  }

  SystemClock clock_;
  ThreadPool pool_;
  PoolDrains drains_;
  Bus bus_;
};

// Finished tasks of handler echo: many, so that no two events in a row share one.
inline std::vector<TaskRecordPtr> FinishedTasks() {
  std::vector<TaskRecordPtr> records;
  SeededRandom random(1);
  for (int i = 1000; i < 1064; ++i) {
    auto spec = MakeRef<TaskSpec>();
    spec->queue = "default";
    spec->handler = "echo";
    spec->input.data = "hello";
    auto record = MakeRef<TaskRecord>();
    record->uid = MakeUuidV7(absl::FromUnixSeconds(i), random);
    record->revision = 3;
    record->state = TaskState::kSucceeded;
    record->spec = std::move(spec);
    records.push_back(std::move(record));
  }
  return records;
}

// An event as rpc/bus_service.cc makes it of a client's.
inline EventRef ClientEvent(std::string topic, absl::Time now) {
  EventFields event;
  event.id = "0190163d-8694-739b-aea5-966c26f8ad90";
  event.source = "ipv4:127.0.0.1:50123";
  event.type = "taskforge.event";
  event.time = now;
  event.topic = std::move(topic);
  event.data.data = "an order of three things";
  return MakeEvent(std::move(event));
}

}  // namespace taskforge::bench

#endif  // TASKFORGE_BENCH_BUS_RIG_H_
