#include "handlers/registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/edit_distance.h"
#include "base/error.h"
#include "task/validation.h"

namespace taskforge {
namespace {

absl::Status CheckName(absl::string_view name) {
  if (IsHandlerName(name)) return absl::OkStatus();
  return InvalidArgument({{"handler", absl::StrCat("\"", name,
                                                   "\" is not a handler's name: parts "
                                                   "[a-z][a-z0-9_-]{0,62} joined by dots, at most "
                                                   "128 bytes")}});
}

HandlerStatus StatusOf(const HandlerEntry& entry) {
  return {entry.info(), entry.workers(), entry.running()};
}

}  // namespace

HandlerRegistration& HandlerRegistration::operator=(HandlerRegistration&& other) noexcept {
  if (registry_ != nullptr) registry_->Unregister(name_);
  registry_ = std::exchange(other.registry_, nullptr);
  name_ = std::move(other.name_);
  return *this;
}

HandlerRegistration::~HandlerRegistration() {
  if (registry_ != nullptr) registry_->Unregister(name_);
}

HandlerRegistry::HandlerRegistry() {
  MutexLock lock(mu_);
  Publish(std::make_shared<const Map>());
}

absl::StatusOr<HandlerRegistration> HandlerRegistry::Register(std::unique_ptr<Handler> handler) {
  HandlerInfo info = handler->info();
  const absl::Status valid = CheckName(info.name);
  if (!valid.ok()) return valid;
  const std::string name = info.name;
  MutexLock lock(mu_);
  auto map = std::make_shared<Map>(*map_);
  if (!map->emplace(name, MakeRef<HandlerEntry>(std::move(info), std::move(handler))).second) {
    return ReasonError(absl::StatusCode::kAlreadyExists, "HANDLER_EXISTS",
                       absl::StrCat("handler \"", name, "\" is registered already"));
  }
  Publish(std::move(map));
  return HandlerRegistration(*this, name);
}

absl::StatusOr<HandlerRef> HandlerRegistry::RegisterRemote(absl::string_view name,
                                                           absl::string_view version) {
  const absl::Status valid = CheckName(name);
  if (!valid.ok()) return valid;
  MutexLock lock(mu_);
  const auto known = map_->find(name);
  if (known != map_->end()) {
    if (known->second->is_remote()) return known->second;
    return ReasonError(absl::StatusCode::kAlreadyExists, "HANDLER_EXISTS",
                       absl::StrCat("handler \"", name, "\" is built in: give yours another name"));
  }
  HandlerInfo info;
  info.name = std::string(name);
  info.kind = HandlerKind::kRemote;
  info.description = "Served by workers.";
  info.version = std::string(version);
  HandlerRef entry = MakeRef<HandlerEntry>(std::move(info), nullptr);
  auto map = std::make_shared<Map>(*map_);
  map->emplace(std::string(name), entry);
  Publish(std::move(map));
  return entry;
}

HandlerRef HandlerRegistry::Find(absl::string_view name) const {
  Reader& reader = MyReader();
  MutexLock lock(reader.mu);
  const auto found = reader.map->find(name);
  return found == reader.map->end() ? HandlerRef() : found->second;
}

bool HandlerRegistry::IsRemote(absl::string_view name) const {
  Reader& reader = MyReader();
  MutexLock lock(reader.mu);
  const auto found = reader.map->find(name);
  return found != reader.map->end() && found->second->is_remote();
}

std::vector<std::string> HandlerRegistry::Near(absl::string_view name, size_t limit) const {
  const size_t tolerated = std::max<size_t>(2, name.size() / 3);
  std::vector<std::pair<size_t, std::string>> found;
  const std::shared_ptr<const Map> map = Snapshot();
  for (const auto& [known, entry] : *map) {
    const size_t distance = EditDistance(name.substr(0, kMaxHandlerBytes), known);
    if (distance <= tolerated) found.emplace_back(distance, known);
  }
  std::sort(found.begin(), found.end());
  if (found.size() > limit) found.resize(limit);
  std::vector<std::string> names;
  for (auto& [distance, known] : found) names.push_back(std::move(known));
  return names;
}

std::vector<HandlerStatus> HandlerRegistry::List() const {
  std::vector<HandlerStatus> list;
  const std::shared_ptr<const Map> map = Snapshot();
  for (const auto& [name, entry] : *map) list.push_back(StatusOf(*entry));
  std::sort(list.begin(), list.end(), [](const HandlerStatus& a, const HandlerStatus& b) {
    return a.info.name < b.info.name;
  });
  return list;
}

std::optional<HandlerStatus> HandlerRegistry::Get(absl::string_view name) const {
  const HandlerRef entry = Find(name);
  if (!entry) return std::nullopt;
  return StatusOf(*entry);
}

void HandlerRegistry::Unregister(const std::string& name) {
  std::shared_ptr<const Map> old;  // Let go without the lock: it may own the handler.
  MutexLock lock(mu_);
  old = map_;
  auto map = std::make_shared<Map>(*map_);
  map->erase(name);
  Publish(std::move(map));
}

void HandlerRegistry::Publish(std::shared_ptr<const Map> map) {
  map_ = map;
  for (Reader& reader : readers_) {
    MutexLock lock(reader.mu);
    reader.map = map;
  }
}

std::shared_ptr<const HandlerRegistry::Map> HandlerRegistry::Snapshot() const {
  Reader& reader = MyReader();
  MutexLock lock(reader.mu);
  return reader.map;
}

HandlerRegistry::Reader& HandlerRegistry::MyReader() const { return readers_[ThreadSlot()]; }

}  // namespace taskforge
