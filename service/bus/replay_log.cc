#include "bus/replay_log.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "bus/topic.h"

namespace taskforge {
namespace {

// Of a topic that has any event.
constexpr size_t kTopicBytes = 256;

// An event, its entries, and its encoding, which it keeps once somebody got it (Event::Form).
size_t CostOf(const Event& event) { return 2 * event.bytes() + 128; }

constexpr uint32_t Bit(Priority priority) { return 1u << Index(priority); }

}  // namespace

struct ReplayLog::Topic {
  std::string name;
  uint64_t id = 0;
  size_t remembered = 0;  // In gone_.
  // The last that is forgotten.
  std::array<uint64_t, kPriorityCount> forgotten{};

  // What is kept, oldest first. Most topics may have few: a deque would take half a KiB for one.
  size_t size() const { return places.size() - first; }
  const Place& at(size_t i) const { return places[first + i]; }
  Place TakeOldest() {
    const Place oldest = places[first++];
    if (2 * first > places.size()) {
      places.erase(places.begin(), places.begin() + static_cast<ptrdiff_t>(first));
      first = 0;
    }
    return oldest;
  }

  std::vector<Place> places;
  size_t first = 0;  // What stands before it is not there any more.
};

void ReplayOptions::Validate(std::vector<FieldViolation>& violations) const {
  if (filters.size() > 64) {
    violations.push_back({"bus.replay.filters",
                          absl::StrCat("has ", filters.size(), " filters; must have at most 64")});
  }
  for (const std::string& filter : filters) CheckFilter(filter, "bus.replay.filters", violations);
  if (max_events < 1 || max_events > 1 << 20) {
    violations.push_back({"bus.replay.max_events", "must be 1 to 1048576"});
  }
  if (max_bytes < 64 << 10) {
    violations.push_back({"bus.replay.max_bytes", "must be 64KiB or more"});
  }
}

ReplayLog::ReplayLog(ReplayOptions options) : options_(std::move(options)) {}
ReplayLog::~ReplayLog() = default;

bool ReplayLog::Retains(absl::string_view topic) const {
  return std::any_of(options_.filters.begin(), options_.filters.end(),
                     [topic](const std::string& filter) { return Matches(filter, topic); });
}

bool ReplayLog::MayRetain(const std::vector<std::string>& filters) const {
  for (const std::string& retained : options_.filters) {
    for (const std::string& filter : filters) {
      if (Overlap(retained, filter)) return true;
    }
  }
  return false;
}

bool ReplayLog::Wants(const ReplayReader& reader, const Topic& topic, uint64_t position) {
  const auto floor = reader.floors_.find(topic.id);
  if (floor != reader.floors_.end() && position <= floor->second) return false;
  return std::any_of(reader.filters_.begin(), reader.filters_.end(),
                     [&](const std::string& filter) { return Matches(filter, topic.name); });
}

// --- What is kept.

void ReplayLog::AppendLocked(const EventRef& event, Trimmed& trimmed) {
  const Place place{++last_, event->priority()};
  event->StampPosition(place.position);
  Topic& topic = TopicOf(event->topic());
  if (topic.size() == 0) bytes_ += topic.name.size() + kTopicBytes;
  topic.places.push_back(place);
  auto& kept = kept_[Index(place.priority)];
  kept.emplace_hint(kept.end(), place.position, Kept{event, &topic});
  bytes_ += CostOf(*event);
  if (topic.size() > options_.max_events) TrimOldest(topic, trimmed);
  while (bytes_ > options_.max_bytes) TrimOldest(TopicOfOldest(), trimmed);
}

ReplayLog::Topic& ReplayLog::TopicOf(absl::string_view name) {
  const auto known = topics_.find(name);
  if (known != topics_.end()) return *known->second;
  auto topic = std::make_unique<Topic>();
  topic->name = std::string(name);
  topic->id = ++last_topic_id_;
  Topic& made = *topic;
  topics_.emplace(made.name, std::move(topic));
  return made;
}

ReplayLog::Topic& ReplayLog::TopicOfOldest() {
  const std::pair<const uint64_t, Kept>* oldest = nullptr;
  for (const auto& kept : kept_) {
    if (kept.empty()) continue;
    if (oldest == nullptr || kept.begin()->first < oldest->first) oldest = &*kept.begin();
  }
  return *oldest->second.topic;
}

void ReplayLog::TrimOldest(Topic& topic, Trimmed& trimmed) {
  const Place place = topic.TakeOldest();
  if (topic.size() == 0) bytes_ -= topic.name.size() + kTopicBytes;
  auto& kept = kept_[Index(place.priority)];
  const auto oldest = kept.find(place.position);
  bytes_ -= CostOf(*oldest->second.event);
  trimmed.push_back(std::move(oldest->second.event));
  kept.erase(oldest);
  gone_[Index(place.priority)].emplace(place.position, Gone{&topic, ++trims_});
  ++topic.remembered;
  remembered_.push_back(place);
  if (remembered_.size() > kMostRemembered) ForgetOldest();
}

void ReplayLog::ForgetOldest() {
  const Place place = remembered_.front();
  remembered_.pop_front();
  const size_t i = Index(place.priority);
  const auto oldest = gone_[i].find(place.position);
  Topic& topic = *oldest->second.topic;
  for (ReplayReader* reader : behind_) {
    if (reader->IsBehind(place.priority) && place.position > reader->through_[i] &&
        oldest->second.trim > reader->ignored_trims_ && Wants(*reader, topic, place.position)) {
      ++reader->lost_[i];
    }
  }
  gone_[i].erase(oldest);
  topic.forgotten[i] = std::max(topic.forgotten[i], place.position);
  if (--topic.remembered > 0 || topic.size() > 0) return;
  for (size_t p = 0; p < kPriorityCount; ++p) {
    vanished_[p] = std::max(vanished_[p], topic.forgotten[p]);
  }
  topics_.erase(topics_.find(topic.name));
}

// --- Who reads it.

absl::StatusOr<ReplayPosition> ReplayLog::Attach(ReplayReader& reader,
                                                 const SubscribeStart& start) {
  MutexLock lock(mu_);
  ReplayPosition position{{last_, last_, last_, last_}, trims_};
  switch (start.at) {
    case SubscribeStart::At::kLatest:
      break;
    case SubscribeStart::At::kEarliest:
      position = OldestLocked();
      break;
    case SubscribeStart::At::kLast:
      position = StartAtLast(reader, start.last);
      break;
    case SubscribeStart::At::kPosition:
      absl::Status status = Resume(reader, start.position);
      if (!status.ok()) return status;
      position = start.position;
  }
  reader.through_ = position.through;
  reader.ignored_trims_ = position.trims;
  behind_.insert(&reader);
  return position;
}

ReplayPosition ReplayLog::Oldest() const {
  MutexLock lock(mu_);
  return OldestLocked();
}

ReplayPosition ReplayLog::OldestLocked() const {
  ReplayPosition position;
  position.trims = trims_;
  for (size_t i = 0; i < kPriorityCount; ++i) {
    position.through[i] = kept_[i].empty() ? last_ : kept_[i].begin()->first - 1;
  }
  return position;
}

ReplayPosition ReplayLog::StartAtLast(ReplayReader& reader, size_t n) {
  uint64_t through = last_;
  for (const auto& [name, topic] : topics_) {
    if (topic->size() == 0 || !Wants(reader, *topic, last_)) continue;
    const size_t skipped = topic->size() - std::min(n, topic->size());
    if (skipped > 0) reader.floors_[topic->id] = topic->at(skipped - 1).position;
    through = std::min(through, topic->at(skipped).position - 1);
  }
  return {{through, through, through, through}, trims_};
}

absl::Status ReplayLog::Resume(ReplayReader& reader, const ReplayPosition& position) {
  const auto& ends = position.through;
  if (position.trims > trims_ || *std::max_element(ends.begin(), ends.end()) > last_) {
    return InvalidArgument({{"cursor", "is not one that this server gave"}});
  }
  // What is remembered is counted as it is read.
  const uint64_t forgotten_trims = trims_ - remembered_.size();
  if (forgotten_trims <= position.trims) return absl::OkStatus();
  for (size_t i = 0; i < kPriorityCount; ++i) {
    reader.lost_more_[i] = vanished_[i] > position.through[i];
    for (const auto& [name, topic] : topics_) {
      if (topic->forgotten[i] <= position.through[i] || !Wants(reader, *topic, last_)) continue;
      ++reader.lost_[i];  // The last of them; it may be the only one.
      reader.lost_more_[i] = true;
    }
  }
  return absl::OkStatus();
}

void ReplayLog::StartLive(ReplayReader& reader) {
  MutexLock lock(mu_);
  for (const Priority priority : kPriorities) {
    const size_t i = Index(priority);
    const auto is_at_end = [&](const auto& entries) {
      return entries.empty() || entries.rbegin()->first <= reader.through_[i];
    };
    if (is_at_end(kept_[i]) && is_at_end(gone_[i]) && reader.lost_[i] == 0 &&
        !reader.lost_more_[i]) {
      BecomeLive(reader, priority);
    }
  }
}

void ReplayLog::Detach(ReplayReader& reader) {
  MutexLock lock(mu_);
  behind_.erase(&reader);
}

void ReplayLog::FallBehind(ReplayReader& reader, const Event& event) {
  reader.through_[Index(event.priority())] = event.position() - 1;
  behind_.insert(&reader);
  reader.held_up_.fetch_or(Bit(event.priority()), std::memory_order_seq_cst);
  reader.behind_.fetch_or(Bit(event.priority()), std::memory_order_seq_cst);  // See IsIn().
}

void ReplayLog::BecomeLive(ReplayReader& reader, Priority priority) {
  reader.held_up_.fetch_and(~Bit(priority), std::memory_order_seq_cst);
  if (reader.behind_.fetch_and(~Bit(priority), std::memory_order_seq_cst) != Bit(priority)) return;
  behind_.erase(&reader);
  reader.floors_.clear();
}

std::optional<ReplayLog::ReadResult> ReplayLog::Read(ReplayReader& reader, Priority priority,
                                                     size_t max_events, absl::Span<Delivery> out,
                                                     absl::FunctionRef<bool()> is_to_read) {
  ReadResult result;
  const size_t i = Index(priority);
  MutexLock lock(mu_);
  if (!is_to_read()) return std::nullopt;
  uint64_t& through = reader.through_[i];
  uint64_t missed = std::exchange(reader.lost_[i], 0);
  bool more = std::exchange(reader.lost_more_[i], false);
  const auto tell_missed = [&](uint64_t position) {
    if (missed == 0 && !more) return;
    result.missed += missed;
    out[result.deliveries++] = {nullptr, std::exchange(missed, 0), priority,
                                std::exchange(more, false), position};
  };
  auto kept = kept_[i].upper_bound(through);
  auto gone = gone_[i].upper_bound(through);
  size_t visits = 0;
  for (; result.events < max_events && visits < kMostVisits; ++visits) {
    const bool is_gone =
        gone != gone_[i].end() && (kept == kept_[i].end() || gone->first < kept->first);
    if (is_gone) {
      through = gone->first;
      if (gone->second.trim > reader.ignored_trims_ &&
          Wants(reader, *gone->second.topic, through)) {
        ++missed;
      }
      ++gone;
      continue;
    }
    if (kept == kept_[i].end()) {
      through = last_;
      BecomeLive(reader, priority);
      break;
    }
    if (Wants(reader, *kept->second.topic, kept->first)) {
      tell_missed(kept->first - 1);
      out[result.deliveries++] = {kept->second.event, 0, priority, false, kept->first};
      ++result.events;
    }
    through = kept->first;
    ++kept;
  }
  tell_missed(through);
  replayed_ += result.events;
  result.through = through;
  return result;
}

uint64_t ReplayLog::EventsOf(absl::string_view topic) const {
  MutexLock lock(mu_);
  const auto known = topics_.find(topic);
  return known == topics_.end() ? 0 : known->second->size();
}

ReplayStats ReplayLog::Stats() const {
  MutexLock lock(mu_);
  ReplayStats stats;
  for (const auto& kept : kept_) stats.events += kept.size();
  for (const auto& [name, topic] : topics_) stats.topics += topic->size() == 0 ? 0 : 1;
  stats.bytes = bytes_;
  stats.appended = last_;
  stats.trimmed = trims_;
  stats.replayed = replayed_;
  return stats;
}

}  // namespace taskforge
