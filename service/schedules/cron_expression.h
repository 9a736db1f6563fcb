// Cron expressions: which minutes of a calendar they name. Of time zones they know nothing
// (schedules/recurrence.h does).
#ifndef TASKFORGE_SCHEDULES_CRON_EXPRESSION_H_
#define TASKFORGE_SCHEDULES_CRON_EXPRESSION_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"

namespace taskforge {

// Five fields with blanks between them, as crontab(5) of Vixie cron has them:
//
//   minute 0-59   hour 0-23   day-of-month 1-31   month 1-12   day-of-week 0-7 (0, 7: Sunday)
//
// A field is `*` or a list of numbers and ranges (`1-5`), each perhaps with a step (`*/15`,
// `10-40/10`), with commas between. Months and days of the week may be named by their first three
// letters, of either case. Or one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly,
// @annually.
//
// The days: where neither day field begins with `*`, a day matches that matches either of them
// (`0 4 13 * 5`: each 13th and each Friday). Where one does, a day must match both: `0 4 * * 1` is
// each Monday, and `0 4 1-7 * */7`, whose last field is Sunday alone, the first Sunday of a month.
//
// A value; thread-compatible.
class CronExpression {
 public:
  static constexpr size_t kMaxBytes = 256;

  // INVALID_ARGUMENT: the message names the field, the place and what would be right. Also for what
  // no day of any year matches (`0 0 31 2 *`).
  static absl::StatusOr<CronExpression> Parse(absl::string_view text);

  bool Matches(absl::CivilMinute minute) const;
  // The first minute that matches, `from` or later. There always is one, within 40 years.
  absl::CivilMinute NextFrom(absl::CivilMinute from) const;
  // Whether it matches in every hour of a day that it matches.
  bool matches_every_hour() const { return hours_ == kAllHours; }

 private:
  static constexpr uint64_t kAllHours = (uint64_t{1} << 24) - 1;

  CronExpression() = default;
  bool MatchesDay(absl::CivilDay day) const;
  bool CanMatch() const;

  // Bit n: the value n matches.
  uint64_t minutes_ = 0;
  uint64_t hours_ = 0;
  uint64_t days_of_month_ = 0;
  uint64_t months_ = 0;
  uint64_t days_of_week_ = 0;  // 0: Sunday; to 6.
  bool needs_both_days_ = false;
};

}  // namespace taskforge

#endif  // TASKFORGE_SCHEDULES_CRON_EXPRESSION_H_
