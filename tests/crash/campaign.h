// Starts, loads, kills and restarts a server, and compares in the end what it has with what it
// said.
#ifndef TASKFORGE_CRASH_CAMPAIGN_H_
#define TASKFORGE_CRASH_CAMPAIGN_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/random.h"
#include "crash/ledger.h"
#include "crash/report.h"
#include "crash/server.h"
#include "crash/verdict.h"
#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge::crash {

struct CampaignOptions {
  std::string taskforged;
  // Ours alone; what is in it when a violation is found stays.
  std::string directory;
  uint64_t seed = 0;
  // It ends after this time, and not before so many kills.
  absl::Duration duration;
  int kills_min = 0;
  // Whether the server has a data directory. Without one it keeps nothing; the violations are
  // counted then, and not shown.
  bool is_durable = true;
  // False: no server is killed in the middle, so that even one without a data directory loses
  // nothing.
  bool kills = true;
  bool has_floor = true;
};

// A campaign is made of generations, each with a data directory of its own; a generation of cycles,
// each with a start, a load and a signal; and of a settlement, which lets all work end and
// compares.
class Campaign {
 public:
  explicit Campaign(const CampaignOptions& options);

  // Until the end, or the first settlement with a violation. Not OK: the server did not start
  // again, ended by itself or did not answer; then the totals mean nothing.
  absl::Status Run();
  const Totals& totals() const { return totals_; }

 private:
  // One data directory's.
  struct Generation {
    Server::Setup setup;
    std::unique_ptr<Ledger> ledger;
    std::string history_path;
  };

  bool IsOver() const;
  absl::Status RunGeneration(Generation& generation);
  absl::Status RunCycle(Generation& generation, bool is_killed);
  absl::Status Settle(Generation& generation);
  absl::Status TakeQuietInventory(Generation& generation, int every, std::vector<Found>& found);
  void Conclude(Generation& generation, const std::vector<Violation>& violations,
                const std::vector<Event>& history, const std::vector<Found>& found);

  absl::Status Start(Generation& generation);
  // Loads the server until the moment, sends the signal and waits for the end.
  absl::Status LoadUntil(Generation& generation, absl::Duration moment, int signal);
  // Ends the server by this signal; 0: lets it be.
  absl::Status End(int signal);
  // ... by SIGTERM, after which it must end in time and well.
  absl::Status Terminate();
  absl::Status SendSampleAgain(Generation& generation);

  const CampaignOptions options_;
  const absl::Time begin_;
  SeededRandom random_;
  Totals totals_;
  int cycle_ = 0;
  int generation_ = 0;
  int64_t next_number_ = 0;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::TaskService::Stub> stub_;
};

}  // namespace taskforge::crash

#endif  // TASKFORGE_CRASH_CAMPAIGN_H_
