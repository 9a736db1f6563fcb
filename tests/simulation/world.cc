#include "simulation/world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace taskforge {
namespace {

constexpr absl::Duration kFlushInterval = absl::Milliseconds(100);
constexpr uint64_t kLeastSteps = 60;
constexpr uint64_t kMoreSteps = 240;
// What remains is done in far fewer steps, or never.
constexpr int kMostSettlingSteps = 20'000;

std::vector<QueueOptions> Queues() {
  QueueOptions mine;
  mine.max_tasks = 12;
  QueueOptions mail;
  mail.name = "mail";
  mail.max_tasks = 6;
  mail.default_priority = Priority::kHigh;
  return {mine, mail};
}

}  // namespace

World::World(WorldOptions options)
    : options_(std::move(options)),
      random_(options_.seed),
      server_random_(options_.seed ^ 0x5EEDULL),
      oracle_(clock_, disk_, kFlushInterval) {
  has_crashes_ = !OneIn(4);
  has_disk_failures_ = OneIn(4);
  has_full_disks_ = OneIn(3);
  has_jumps_ = OneIn(3);
}

World::~World() { TearDown(); }

void World::Happened(absl::string_view what, uint64_t a, uint64_t b) {
  const auto mix = [this](uint64_t value) {
    for (int i = 0; i < 8; ++i, value >>= 8U) {
      hash_ = (hash_ ^ (value & 0xFFU)) * 1'099'511'628'211ULL;
    }
  };
  for (const char c : what) mix(static_cast<uint64_t>(c));
  mix(a);
  mix(b);
  mix(static_cast<uint64_t>(clock_.Monotonic().ns));
  if (options_.trace) {
    options_.trace(absl::StrCat(clock_.Monotonic().ns / 1'000'000, " ms life ", oracle_.life(),
                                ": ", what, " ", a, " ", b));
  }
}

WorldResult World::Run() {
  StartLife();
  const uint64_t steps = kLeastSteps + Draw(kMoreSteps);
  for (uint64_t i = 0; i < steps && oracle_.violations().empty(); ++i) {
    Step();
    if (exit_in_ > 0) --exit_in_;
    if (exit_in_ == 0 && !is_dead_) LoseThePower();
    if (is_dead_) StartLife();
  }
  Settle();
  CheckTheEnd();
  WorldResult result;
  for (size_t table = 0; table < kStoreTableCount; ++table) {
    for (const auto& [key, value] : disk_.Table(static_cast<StoreTable>(table))) {
      Happened(key, table);
      Happened(value);
    }
  }
  result.violations = oracle_.violations();
  result.hash = hash_;
  result.accepted = accepted_;
  result.ended = ended_;
  result.lives = lives_;
  return result;
}

void World::StartLife() {
  do {
    TearDown();
    ++lives_;
    is_dead_ = false;
    exit_in_ = -1;
    crash_in_ = has_crashes_ && !is_settling_ && OneIn(2) ? 1 + Draw(60) : 0;
    Happened("start", oracle_.life(), crash_in_);
    engine_ = std::make_unique<FaultyEngine>(disk_, [this](bool sync) { return FateOf(sync); });
    ServerWorld around{clock_, server_random_, *engine_, nullptr, nullptr, nullptr, nullptr,
                       2,      Queues(),       {},       {}};
    around.seats = 1 + Draw(3);
    around.store.flush_interval = kFlushInterval;
    around.store.batch.ops = 2 + Draw(12);
    around.start = [this](Attempt attempt, Completion done) {
      StartAttempt(std::move(attempt), std::move(done));
    };
    around.let_store_go_on = [this] { StoreStep(); };
    around.check_room = [this] {
      if (clock_.Monotonic() >= no_room_until_) return absl::OkStatus();
      return ReasonError(absl::StatusCode::kResourceExhausted, "STORE_FULL", "too little room");
    };
    around.on_store_failure = [this](const absl::Status&) {
      if (exit_in_ < 0) exit_in_ = 1 + static_cast<int>(Draw(4));
    };
    absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(around);
    if (server.ok()) {
      server_ = *std::move(server);
      LookForAll();
    } else if (absl::IsUnavailable(server.status())) {
      if (!is_dead_) LoseThePower();
    } else {
      oracle_.Complain(absl::StrCat("I2: no start: ", server.status().ToString()));
      return;
    }
  } while (is_dead_);
}

void World::LoseThePower() {
  const size_t unsynced = disk_.unsynced();
  const bool is_killed = !engine_->has_failed() && OneIn(2);
  EndLife(is_killed ? LifeEnd::kKilled : LifeEnd::kNoPower);
  disk_.Crash(is_killed ? unsynced : Draw(unsynced + 1));
}

void World::EndLife(LifeEnd end) {
  Happened("end of life", static_cast<uint64_t>(end), disk_.unsynced());
  is_dead_ = true;
  engine_->Die();
  oracle_.LifeEnded(end);
}

void World::StopInOrder() {
  Happened("stop");
  server_->intake.SetDraining();
  server_->live.StopRunning(StopReason::kShutdown);
  while (!running_.empty() && !is_dead_) FinishOne();
  if (is_dead_) return;
  crash_in_ = 0;
  is_stopping_ = true;  // A full disk may keep it from syncing: then it is no orderly stop.
  server_->durable->Stop();
  is_stopping_ = false;
  if (is_dead_) return;
  const bool has_failed = engine_->has_failed();
  if (!has_failed && engine_->has_unsynced())
    oracle_.Complain("I14: a stop left something unsynced");
  EndLife(has_failed ? LifeEnd::kNoPower : LifeEnd::kOrderly);
  disk_.Crash(0);
}

void World::TearDown() {
  if (server_ == nullptr) return;
  is_dead_ = true;
  engine_->Die();
  server_->End();
  running_.clear();
  listing_.reset();
  server_.reset();
}

void World::LookForAll() {
  for (size_t i = 0; i < oracle_.size() && !is_dead_; ++i) {
    if (!oracle_.IsToBeFound(i)) continue;
    Get(i);
    while (server_->durable->ReadStep()) {
    }
  }
  oracle_.Recovered();
}

WriteFate World::FateOf(bool is_sync) {
  if (crash_in_ > 0 && --crash_in_ == 0) {
    LoseThePower();
    return WriteFate::kNoPower;
  }
  if (is_settling_) return WriteFate::kDone;
  if (has_disk_failures_ && OneIn(60)) {
    Happened("disk fails");
    return WriteFate::kFailed;
  }
  if (has_full_disks_ && server_ != nullptr && !is_stopping_) {
    if (OneIn(40)) full_until_ = clock_.Monotonic() + DrawMs(1, 300);
    if (clock_.Monotonic() < full_until_) {
      Happened("disk is full");
      return WriteFate::kFull;
    }
  }
  if (is_sync && server_ != nullptr && !is_writing_ && OneIn(2)) {
    is_writing_ = true;
    for (uint64_t steps = Draw(4); steps > 0 && !is_dead_; --steps) SideStep();
    is_writing_ = false;
  }
  if (is_dead_) return WriteFate::kNoPower;
  if (is_sync && options_.disk_lies) return WriteFate::kLie;
  return WriteFate::kDone;
}

bool World::IsQuiet() const {
  const DurableStoreStats store = server_->durable->EngineStats();
  return server_->live.size() == 0 && !oracle_.HasUnanswered() && running_.empty() &&
         store.waiting_writes == 0 && server_->durable->unanswered() == 0;
}

void World::Settle() {
  is_settling_ = true;
  crash_in_ = 0;
  full_until_ = no_room_until_ = MonoTime();
  if (is_dead_ || engine_->has_failed()) {
    if (!is_dead_) LoseThePower();
    StartLife();
  }
  for (const char* const queue : {"mail", kDefaultQueue}) {
    server_->order.Forget(queue);
    (void)server_->queues.Resume(queue, "the end");
  }
  for (int step = 0; step < kMostSettlingSteps && !IsQuiet(); ++step) {
    const bool was_idle = running_.empty() && !server_->pool.CanDispatch() &&
                          !oracle_.HasUnanswered() && server_->durable->unanswered() == 0 &&
                          server_->durable->EngineStats().waiting_writes == 0;
    StoreStep();
    DispatchOne();
    ClaimOne();
    FinishOne();
    if (!was_idle) continue;
    // What waits for a time, which a jump of the wall clock may have put off by an hour.
    const absl::Duration next = absl::Nanoseconds(server_->timer.NextDue() - clock_.Monotonic());
    AdvanceTime(std::clamp(next, absl::Milliseconds(50), absl::Hours(2)));
  }
  while (server_->durable->ReadStep()) {
  }
}

void World::CheckTheEnd() {
  if (server_ == nullptr) return;
  const bool is_quiet = IsQuiet();
  for (size_t i = 0; i < oracle_.size(); ++i) {
    const Oracle::Intent& intent = oracle_.at(i);
    if (!intent.accepted) continue;
    Get(i);
    while (server_->durable->ReadStep()) {
    }
    oracle_.Finished(i);
  }
  if (!is_quiet) oracle_.Complain("I11: something is left behind");
  if (!is_quiet) return;
  if (server_->AuditResidual() != 0) {
    oracle_.Complain(absl::StrCat("accepted = terminal + pending + running is wrong by ",
                                  server_->AuditResidual()));
  }
  for (const StoreTable table : {StoreTable::kLive, StoreTable::kProgress}) {
    if (disk_.Count(table) > 0) oracle_.Complain("the disk has living tasks where none is left");
  }
  for (const QueueStats& queue : server_->queues.Stats().queues) {
    if (queue.tasks > 0) oracle_.Complain("a place was not given back");
  }
}

}  // namespace taskforge
