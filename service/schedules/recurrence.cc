#include "schedules/recurrence.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"

namespace taskforge {
namespace {

constexpr size_t kMaxZoneBytes = 64;

bool IsOfZoneName(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '+' ||
         c == '/';
}

absl::Time WholeSecond(absl::Time time) {
  return absl::FromUnixSeconds(absl::ToUnixSeconds(time));  // Rounds down.
}

}  // namespace

absl::StatusOr<absl::TimeZone> FindTimeZone(absl::string_view name) {
  if (name.empty()) return absl::UTCTimeZone();
  absl::TimeZone zone;
  // abseil would read any file, and takes `localtime` for whatever the process has.
  const bool is_name = name.size() <= kMaxZoneBytes && absl::ascii_isalpha(name[0]) &&
                       std::all_of(name.begin(), name.end(), IsOfZoneName) && name != "localtime";
  if (is_name && absl::LoadTimeZone(std::string(name), &zone)) return zone;
  return absl::InvalidArgumentError(
      absl::StrCat("the server has no time zone of this name: want one of the IANA database, as "
                   "Europe/Berlin or UTC (Debian: package tzdata)"));
}

Recurrence Recurrence::Cron(const CronExpression& cron, absl::TimeZone zone) {
  return Recurrence(ByCron{cron, zone});
}

Recurrence Recurrence::Interval(absl::Duration interval, absl::Time anchor) {
  return Recurrence(ByInterval{interval, anchor});
}

absl::Time Recurrence::NextAfter(absl::Time time) const {
  if (const auto* cron = std::get_if<ByCron>(&how_)) return cron->NextAfter(time);
  const auto& every = std::get<ByInterval>(how_);
  return every.At(every.PassedAt(time) + 1);
}

absl::Time Recurrence::LastIn(absl::Time after, absl::Time until) const {
  if (const auto* every = std::get_if<ByInterval>(&how_)) {
    const absl::Time last = every->At(every->PassedAt(until));
    return last > after && every->PassedAt(until) > 0 ? last : absl::InfinitePast();
  }
  // Looks back twice as far each time: the first look that finds any finds few.
  for (absl::Duration back = absl::Minutes(1);; back *= 2) {
    const absl::Time from = std::max(after, until - back);
    absl::Time last = absl::InfinitePast();
    for (absl::Time at = NextAfter(from); at <= until; at = NextAfter(at)) last = at;
    if (last != absl::InfinitePast() || from == after) return last;
  }
}

size_t Recurrence::CountIn(absl::Time after, absl::Time until, size_t most) const {
  if (until <= after) return 0;
  if (const auto* every = std::get_if<ByInterval>(&how_)) {
    const int64_t count = every->PassedAt(until) - every->PassedAt(after);
    return std::min(most, static_cast<size_t>(count));
  }
  size_t count = 0;
  for (absl::Time at = NextAfter(after); at <= until && count < most; at = NextAfter(at)) ++count;
  return count;
}

int64_t Recurrence::ByInterval::PassedAt(absl::Time time) const {
  if (time <= anchor) return 0;
  absl::Duration rest;
  return absl::IDivDuration(time - anchor, interval, &rest);
}

absl::Time Recurrence::ByCron::NextAfter(absl::Time time) const {
  return cron.matches_every_hour() ? NextShown(time) : NextOfDay(time);
}

// Later times of the day never come before earlier ones: so the first that comes after `time` is
// the next.
absl::Time Recurrence::ByCron::NextOfDay(absl::Time time) const {
  absl::CivilMinute minute(zone.At(time).cs);
  while (true) {
    minute = cron.NextFrom(minute);
    const absl::TimeZone::TimeInfo info = zone.At(absl::CivilSecond(minute));
    const bool is_in_gap = info.kind == absl::TimeZone::TimeInfo::SKIPPED;
    const absl::Time at = is_in_gap ? info.trans : info.pre;
    if (at > time) return at;
    ++minute;
  }
}

// Between two changes of the zone's clock, what it shows and what passes are the same.
absl::Time Recurrence::ByCron::NextShown(absl::Time time) const {
  absl::Time from = WholeSecond(time) + absl::Seconds(1);
  while (true) {
    const absl::CivilSecond shown = zone.At(from).cs;
    absl::CivilMinute minute(shown);
    if (shown.second() != 0) ++minute;
    minute = cron.NextFrom(minute);
    const absl::Time at = from + absl::Seconds(absl::CivilSecond(minute) - shown);
    absl::TimeZone::CivilTransition change;
    if (!zone.NextTransition(from, &change)) return at;
    // The clock was put forward or back to this: back, it has shown it before.
    const absl::TimeZone::TimeInfo to = zone.At(change.to);
    const bool was_shown = to.kind == absl::TimeZone::TimeInfo::REPEATED;
    const absl::Time changes_at = was_shown ? to.trans : to.pre;
    if (at < changes_at) return at;
    from = changes_at;
  }
}

}  // namespace taskforge
