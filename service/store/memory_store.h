// Keeps tasks in memory: gone when the process ends.
#ifndef TASKFORGE_STORE_MEMORY_STORE_H_
#define TASKFORGE_STORE_MEMORY_STORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/timer.h"
#include "store/task_store.h"

namespace taskforge {

struct MemoryStoreOptions {
  // Finished records. Over it the oldest go before their time.
  size_t max_records = 200'000;
  // Of finished records. Over it the oldest outputs go first (`output_evicted`), then records.
  size_t max_bytes = size_t{512} << 20;
  // Parts with a lock each; caps are divided between them.
  size_t shards = 16;
  // This life of the server, as in fences.
  uint64_t boot_epoch = 1;
  // Every error at once. Empty: valid.
  std::vector<std::string> Validate() const;
};

// Callbacks are called before the function returns. A record goes at its expire_time, by the
// distance of the two clocks when it ended: a later jump of the wall clock moves nothing. Records
// are swept in bulk, by one timer that is set only while something is to expire, and after many
// have gone their memory goes back to the system. `clock` and `timer` must outlive it. Thread-safe.
class MemoryStore final : public TaskStore {
 public:
  // REQUIRES: options.Validate() is empty.
  MemoryStore(MemoryStoreOptions options, const Clock& clock, Timer& timer);
  ~MemoryStore() override;

  void Append(absl::Span<Appending> batch) override;
  void CompleteIf(absl::Span<Completing> batch) override;
  // Nobody takes over what is in memory, and the request_ids of this life are with intake.
  void Note(const TaskRecordPtr&, StatusCallback written) override {
    if (written) std::move(written)(absl::OkStatus());
  }
  void FindRequest(const std::string&, RequestCallback done) override {
    std::move(done)(std::nullopt);
  }
  void Read(const std::string& name, RecordCallback done) override;
  void List(const TaskFilter& filter, int page_size, const std::string& page_token,
            PageCallback done) override;
  void Delete(const std::string& name, StatusCallback done) override;
  Durability effective_durability() const override { return Durability::kMemory; }

  TaskStoreStats Stats() const;

 private:
  class Core;
  const std::shared_ptr<Core> core_;  // Shared with the timer's callback, weakly.
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_MEMORY_STORE_H_
