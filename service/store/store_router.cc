#include "store/store_router.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/error.h"

namespace taskforge {
namespace {

// The place in each store: its own token, `-` at its end.
constexpr char kEnd[] = "-";
struct Places {
  std::string memory;
  std::string durable;
};

absl::StatusOr<Places> ParseToken(const std::string& token) {
  if (token.empty()) return Places{};
  const std::vector<std::string> parts = absl::StrSplit(token, absl::MaxSplits('.', 1));
  if (parts.size() == 2) return Places{parts[0], parts[1]};
  return InvalidArgument({{"page_token", "is not a token of this server: start with none"}});
}

// By acceptance, the newest first.
bool IsNewer(const TaskRecord& a, const TaskRecord& b) { return b.uid < a.uid; }

template <typename Item, typename StoreFor>
void Split(absl::Span<Item> batch, StoreFor store_for, void (TaskStore::*take)(absl::Span<Item>),
           TaskStore& memory) {
  // Nearly always all go to one store.
  Item* const middle = std::stable_partition(
      batch.begin(), batch.end(), [&](const Item& item) { return &store_for(item) == &memory; });
  const auto in_memory = static_cast<size_t>(middle - batch.begin());
  if (in_memory > 0) (memory.*take)(batch.first(in_memory));
  if (in_memory < batch.size()) (store_for(*middle).*take)(batch.subspan(in_memory));
}

}  // namespace

void StoreRouter::Append(absl::Span<Appending> batch) {
  const auto store_for = [this](const Appending& each) -> TaskStore& {
    return StoreOf(*each.record);
  };
  Appending* const asked =
      std::stable_partition(batch.begin(), batch.end(), [&](const Appending& each) {
        return &store_for(each) == &durable_ || each.request_key.empty();
      });
  const auto direct = static_cast<size_t>(asked - batch.begin());
  Split(batch.first(direct), store_for, &TaskStore::Append, memory_);
  for (Appending& each : batch.subspan(direct)) AppendToMemory(std::move(each));
}

void StoreRouter::CompleteIf(absl::Span<Completing> batch) {
  Split(
      batch, [this](const Completing& each) -> TaskStore& { return StoreOf(*each.record); },
      &TaskStore::CompleteIf, memory_);
}

void StoreRouter::AppendToMemory(Appending appending) {
  const std::string key = appending.request_key;
  durable_.FindRequest(key, [this, asked = std::make_unique<Appending>(std::move(appending))](
                                absl::StatusOr<std::optional<KnownRequest>> known) {
    if (!known.ok()) return std::move(asked->done)(known.status());
    if (known->has_value()) return std::move(asked->on_known)(**std::move(known));
    memory_.Append({asked.get(), 1});
  });
}

void StoreRouter::Note(const TaskRecordPtr& record, StatusCallback written) {
  StoreOf(*record).Note(record, std::move(written));
}

void StoreRouter::FindRequest(const std::string& request_key, RequestCallback done) {
  durable_.FindRequest(request_key, std::move(done));
}

void StoreRouter::Read(const std::string& name, RecordCallback done) {
  memory_.Read(name,
               [this, name, done = std::move(done)](absl::StatusOr<TaskRecordPtr> record) mutable {
                 if (!absl::IsNotFound(record.status())) return std::move(done)(std::move(record));
                 durable_.Read(name, std::move(done));
               });
}

void StoreRouter::Delete(const std::string& name, StatusCallback done) {
  memory_.Delete(name, [this, name, done = std::move(done)](absl::Status status) mutable {
    if (!absl::IsNotFound(status)) return std::move(done)(std::move(status));
    durable_.Delete(name, std::move(done));
  });
}

// One call of List on its way through both stores: a page of each is read; of each the part that
// belongs into the merged page is taken.
struct StoreRouter::Listing {
  struct Part {
    TaskStore& store;
    std::string from;  // The token to read from; kEnd: nothing more is there.
    TaskPage page;
    size_t taken = 0;

    bool is_at_end() const { return from == kEnd; }
    // Where the next page of this store begins: behind what was taken, whatever has come or gone
    // since this one was read.
    std::string next() const {
      if (is_at_end()) return kEnd;
      if (taken < page.records.size()) return taken == 0 ? from : page.places[taken - 1];
      return page.next_page_token.empty() ? kEnd : page.next_page_token;
    }
  };

  static void ReadPart(std::shared_ptr<Listing> self, size_t index) {
    if (index == self->parts.size()) return Join(std::move(self));
    Part& part = self->parts[index];
    if (part.is_at_end()) return ReadPart(std::move(self), index + 1);
    const std::string from = part.from;
    const Listing& listing = *self;  // Who calls back keeps it.
    part.store.List(listing.filter, listing.page_size, from,
                    [self = std::move(self), index](absl::StatusOr<TaskPage> page) mutable {
                      if (!page.ok()) return std::move(self->done)(page.status());
                      self->parts[index].page = *std::move(page);
                      ReadPart(std::move(self), index + 1);
                    });
  }

  static void Join(std::shared_ptr<Listing> self) {
    TaskPage& merged = self->merged;
    std::vector<Part>& parts = self->parts;
    const auto limit = static_cast<size_t>(self->page_size);
    while (merged.records.size() < limit) {
      Part* newest = nullptr;
      for (Part& part : parts) {
        if (part.taken == part.page.records.size()) {
          // What follows in this store is older than all of its page, but perhaps not than the
          // other's.
          if (!part.page.next_page_token.empty()) return Finish(std::move(self));
          continue;
        }
        const TaskRecord& next = part.page.records[part.taken];
        if (newest == nullptr || IsNewer(next, newest->page.records[newest->taken])) {
          newest = &part;
        }
      }
      if (newest == nullptr) break;
      merged.records.push_back(std::move(newest->page.records[newest->taken++]));
    }
    Finish(std::move(self));
  }

  static void Finish(std::shared_ptr<Listing> self) {
    const std::string memory = self->parts[0].next();
    const std::string durable = self->parts[1].next();
    if (memory != kEnd || durable != kEnd) {
      self->merged.next_page_token = absl::StrCat(memory, ".", durable);
    }
    std::move(self->done)(std::move(self->merged));
  }

  const TaskFilter filter;
  const int page_size;
  PageCallback done;
  std::vector<Part> parts;  // Memory, durable.
  TaskPage merged;
};

void StoreRouter::List(const TaskFilter& filter, int page_size, const std::string& page_token,
                       PageCallback done) {
  absl::StatusOr<Places> places = ParseToken(page_token);
  if (!places.ok()) return std::move(done)(places.status());
  auto listing = std::shared_ptr<Listing>(
      new Listing{filter, std::clamp(page_size, 1, 1000), std::move(done), {}, {}});
  listing->parts.push_back({memory_, std::move(places->memory), {}, 0});
  listing->parts.push_back({durable_, std::move(places->durable), {}, 0});
  Listing::ReadPart(std::move(listing), 0);
}

}  // namespace taskforge
