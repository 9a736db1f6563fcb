// Tasks that are kept on disk and tasks that are not, behind one store.
#ifndef TASKFORGE_STORE_STORE_ROUTER_H_
#define TASKFORGE_STORE_STORE_ROUTER_H_

#include <string>

#include "store/task_store.h"

namespace taskforge {

// A record goes where its effective_durability says: MEMORY to the one, all else to the other.
// Names are unique within each; a request_id that stands for a task on disk does so for all. Both
// stores must outlive it. Thread-safe.
class StoreRouter final : public TaskStore {
 public:
  StoreRouter(TaskStore& memory, TaskStore& durable) : memory_(memory), durable_(durable) {}

  void Append(absl::Span<Appending> batch) override;
  void CompleteIf(absl::Span<Completing> batch) override;
  void Note(const TaskRecordPtr& record, StatusCallback written) override;
  void FindRequest(const std::string& request_key, RequestCallback done) override;
  void Read(const std::string& name, RecordCallback done) override;
  // A page of each, merged; what did not fit is in the next page again.
  void List(const TaskFilter& filter, int page_size, const std::string& page_token,
            PageCallback done) override;
  void Delete(const std::string& name, StatusCallback done) override;
  Durability effective_durability() const override { return durable_.effective_durability(); }

 private:
  struct Listing;

  // A record for memory whose request_id the disk may know.
  void AppendToMemory(Appending appending);

  TaskStore& StoreOf(const TaskRecord& record) {
    return record.effective_durability == Durability::kMemory ? memory_ : durable_;
  }

  TaskStore& memory_;
  TaskStore& durable_;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_STORE_ROUTER_H_
