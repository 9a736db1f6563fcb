// A simulated world: clients, a disk, workers and lives of a server, all of it from one seed, on
// one thread and on virtual time.
#ifndef TASKFORGE_SIMULATION_WORLD_H_
#define TASKFORGE_SIMULATION_WORLD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/random.h"
#include "simulation/faulty_engine.h"
#include "simulation/oracle.h"
#include "simulation/server.h"
#include "support/fake_clock.h"
#include "support/sim_engine.h"

namespace taskforge {

struct WorldOptions {
  uint64_t seed = 1;
  // A lie that a simulation must find out.
  bool disk_lies = false;  // A sync says OK and does nothing.
  // Called with a line for each thing that happens; may be empty.
  std::function<void(const std::string&)> trace;
};

struct WorldResult {
  std::vector<std::string> violations;
  uint64_t hash = 0;  // Of all that happened, and of what the disk holds at the end.
  uint64_t accepted = 0;
  uint64_t ended = 0;
  uint64_t lives = 0;
};

// Pages that a client asks for, one after the other.
struct ListingOfPages {
  std::vector<size_t> there;   // Intents whose tasks there were when it began.
  std::set<std::string> seen;  // Names.
  std::string token;
  bool is_asked = false;
};

// Everything happens in steps, one after the other, of which the seed chooses the next: what in a
// server is a thread is here whoever has the next step. The disk has steps within its own: while it
// writes, the others go on. Not thread-safe.
class World {
 public:
  explicit World(WorldOptions options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Once.
  WorldResult Run();

 private:
  // An attempt that a handler of the pool or a worker has.
  struct Running {
    Attempt attempt;
    Completion done;
    size_t intent;
    bool keeps_seat;
  };

  // Chances.
  uint64_t Draw(uint64_t n) { return random_.Next64() % n; }  // 0 to n - 1.
  bool OneIn(uint64_t n) { return Draw(n) == 0; }
  absl::Duration DrawMs(uint64_t least, uint64_t most) {
    return absl::Milliseconds(static_cast<int64_t>(least + Draw(most - least + 1)));
  }
  void Happened(absl::string_view what, uint64_t a = 0, uint64_t b = 0);

  // Lives.
  void StartLife();
  void EndLife(LifeEnd end);
  void TearDown();
  void LookForAll();
  void LoseThePower();
  void StopInOrder();
  // Whether a callback that was given in `life` is heard: its process lives.
  bool Hears(int life) const { return life == oracle_.life() && !is_dead_; }

  // Steps. Each may find nothing to do.
  void Step();
  void SideStep();  // While the disk works: of those who do not commit.
  void Submit();
  void SubmitIntent(size_t i);
  TaskSpec DrawSpec(size_t i);
  void Cancel();
  void Get(size_t i);
  void Delete();
  // The first page, or the next.
  void ListAPage();
  void Listed(const TaskPage& page);
  size_t TasksIn(const std::string& queue) const;
  void ChangeAQueue();
  void DispatchOne();
  void ClaimOne();
  void FinishOne();
  void StoreStep();
  void AdvanceTime(absl::Duration d);
  void JumpTheWallClock();
  bool AnyIntent(size_t& i);

  void StartAttempt(Attempt attempt, Completion done);
  WriteFate FateOf(bool is_sync);

  // At the end: no more faults; everything goes on until nothing is left.
  void Settle();
  bool IsQuiet() const;
  void CheckTheEnd();

  const WorldOptions options_;
  SeededRandom random_;
  SeededRandom server_random_;
  FakeClock clock_;
  SimDisk disk_;
  Oracle oracle_;
  uint64_t hash_ = 14'695'981'039'346'656'037ULL;  // FNV-1a.
  uint64_t lives_ = 0;
  uint64_t accepted_ = 0;
  uint64_t ended_ = 0;

  // Of the seed: what kind of world it is.
  bool has_crashes_ = false;
  bool has_disk_failures_ = false;
  bool has_full_disks_ = false;
  bool has_jumps_ = false;
  bool is_settling_ = false;

  // Of this life.
  std::unique_ptr<FaultyEngine> engine_;
  std::unique_ptr<Server> server_;
  std::vector<Running> running_;
  std::optional<ListingOfPages> listing_;
  bool is_dead_ = false;
  bool is_writing_ = false;
  bool is_stopping_ = false;
  int exit_in_ = -1;       // Steps until a server whose disk failed is gone.
  uint64_t crash_in_ = 0;  // Writes until the power goes; 0: it does not.
  MonoTime full_until_;
  MonoTime no_room_until_;
  MonoTime jumped_at_;
  absl::Time dispatched_ = absl::InfinitePast();
};

}  // namespace taskforge

#endif  // TASKFORGE_SIMULATION_WORLD_H_
