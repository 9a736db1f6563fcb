#include "config/memory_budget.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace taskforge {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
// Two tasks with the largest input and output that are usual.
constexpr uint64_t kLeastBytes = 4 * kMiB;

struct Share {
  std::string key;
  uint64_t bytes = 0;
  bool is_chosen = false;  // By the operator.
};

bool TakesMemory(const std::string& key, bool retains_events) {
  return key == "results.max_bytes" || (key == "bus.replay.max_bytes" && retains_events) ||
         (absl::StartsWith(key, "queues.") && absl::EndsWith(key, ".max_bytes"));
}

bool RetainsEvents(const OptionTable& table) {
  return std::any_of(table.options().begin(), table.options().end(), [](const auto& option) {
    return option.key == "bus.replay.filters" && !option.print().empty();
  });
}

absl::StatusOr<std::vector<Share>> SharesOf(const OptionTable& table) {
  std::vector<Share> shares;
  const bool retains_events = RetainsEvents(table);
  for (const OptionTable::Option& option : table.options()) {
    if (!TakesMemory(option.key, retains_events)) continue;
    ByteSize size;
    absl::Status status = ParseOption(option.print(), size);
    if (!status.ok()) return status;
    shares.push_back({option.key, size.bytes, option.origin > OptionOrigin::kMemoryLimit});
  }
  return shares;
}

// Of those that are chosen or not; saturates, for a client of the table may choose anything.
uint64_t SumOf(const std::vector<Share>& shares, bool chosen) {
  uint64_t sum = 0;
  for (const Share& share : shares) {
    if (share.is_chosen != chosen) continue;
    sum = share.bytes > UINT64_MAX - sum ? UINT64_MAX : sum + share.bytes;
  }
  return sum;
}

std::string Describe(uint64_t bytes) {
  return PrintOption(ByteSize{bytes >= kMiB ? bytes / kMiB * kMiB : bytes});
}

absl::Status DoNotFit(const std::vector<Share>& shares, uint64_t limit, uint64_t budget) {
  std::vector<std::string> chosen;
  std::vector<std::string> others;
  for (const Share& share : shares) {
    if (share.is_chosen)
      chosen.push_back(absl::StrCat(share.key, " (", Describe(share.bytes), ")"));
    if (!share.is_chosen) others.push_back(share.key);
  }
  std::string message =
      absl::StrCat(absl::StrJoin(chosen.empty() ? others : chosen, ", "),
                   " cannot fit: the cgroup allows ", Describe(limit), " of memory, of which ",
                   Describe(budget), " may be promised to queues, results and retained events");
  if (!chosen.empty() && !others.empty()) {
    absl::StrAppend(&message, ", and ", absl::StrJoin(others, ", "), " need ",
                    Describe(kLeastBytes), others.size() > 1 ? " each" : "");
  }
  return absl::InvalidArgumentError(absl::StrCat(
      message, chosen.empty() ? "; raise the limit" : "; lower them or raise the limit"));
}

}  // namespace

absl::Status FitMemory(std::optional<int64_t> limit_bytes, OptionTable& table) {
  if (!limit_bytes.has_value() || *limit_bytes <= 0) return absl::OkStatus();
  const absl::StatusOr<std::vector<Share>> shares = SharesOf(table);
  if (!shares.ok()) return shares.status();
  const uint64_t limit = static_cast<uint64_t>(*limit_bytes);
  const uint64_t budget = limit - limit / 4;
  const uint64_t chosen = SumOf(*shares, true);
  const uint64_t others = SumOf(*shares, false);
  if (chosen <= budget && others <= budget - chosen) return absl::OkStatus();
  if (chosen > budget || others == 0) return DoNotFit(*shares, limit, budget);

  const double scale = static_cast<double>(budget - chosen) / static_cast<double>(others);
  const auto scaled = [&](const Share& share) {
    return static_cast<uint64_t>(static_cast<double>(share.bytes) * scale) / kMiB * kMiB;
  };
  for (const Share& share : *shares) {
    if (!share.is_chosen && scaled(share) < std::min(kLeastBytes, share.bytes)) {
      return DoNotFit(*shares, limit, budget);
    }
  }
  for (const Share& share : *shares) {
    if (share.is_chosen) continue;
    absl::Status status =
        table.Set(share.key, PrintOption(ByteSize{scaled(share)}), OptionOrigin::kMemoryLimit);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void LogScaled(const OptionTable& table, Log& log) {
  for (const OptionTable::Option& option : table.options()) {
    if (option.origin != OptionOrigin::kMemoryLimit) continue;
    log.Info("lowered to fit the cgroup's memory limit",
             {{"option", option.key}, {"default", option.default_text}, {"now", option.print()}});
  }
}

}  // namespace taskforge
