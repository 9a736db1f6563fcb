// When something recurs: at the minutes of a cron expression in a time zone, or at an interval.
#ifndef TASKFORGE_SCHEDULES_RECURRENCE_H_
#define TASKFORGE_SCHEDULES_RECURRENCE_H_

#include <cstddef>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "schedules/cron_expression.h"

namespace taskforge {

// INVALID_ARGUMENT: the system has no such zone. Empty: UTC. Zones are those of /usr/share/zoneinfo
// (or $TZDIR), `Europe/Berlin`; not the process's own (`localtime`), nor a path.
absl::StatusOr<absl::TimeZone> FindTimeZone(absl::string_view name);

// Gives the instants at which it recurs, all on whole seconds.
//
// Where a zone's clock is put forward (a gap) or back (an overlap), an expression whose hour field
// matches every hour (`*/15 * * * *`) goes by what the clock shows: it matches nothing in a gap,
// and both passes of an overlap. So it recurs as evenly as time passes. Any other expression means
// times of the day, each of which comes once a day: those in a gap come at the gap's end, all of
// them as one instant; those in an overlap come in its first pass.
//
// An interval counts from its anchor: anchor + interval, anchor + 2 * interval, … whatever the
// clock of any zone does.
//
// A value; thread-compatible.
class Recurrence {
 public:
  static Recurrence Cron(const CronExpression& cron, absl::TimeZone zone);
  // REQUIRES: `interval` is at least a second, and it and `anchor` are whole seconds.
  static Recurrence Interval(absl::Duration interval, absl::Time anchor);

  // The first instant after `time`.
  absl::Time NextAfter(absl::Time time) const;
  // The last instant in (after, until]; InfinitePast(): there is none.
  absl::Time LastIn(absl::Time after, absl::Time until) const;
  // How many instants there are in (after, until]; `most`, if there are more.
  size_t CountIn(absl::Time after, absl::Time until, size_t most) const;

 private:
  struct ByCron {
    CronExpression cron;
    absl::TimeZone zone;
    absl::Time NextAfter(absl::Time time) const;

   private:
    absl::Time NextOfDay(absl::Time time) const;
    absl::Time NextShown(absl::Time time) const;
  };
  struct ByInterval {
    absl::Duration interval;
    absl::Time anchor;
    // Whole intervals from the anchor to `time`; at least 0.
    int64_t PassedAt(absl::Time time) const;
    absl::Time At(int64_t number) const { return anchor + number * interval; }
  };

  explicit Recurrence(std::variant<ByCron, ByInterval> how) : how_(std::move(how)) {}

  std::variant<ByCron, ByInterval> how_;
};

}  // namespace taskforge

#endif  // TASKFORGE_SCHEDULES_RECURRENCE_H_
