#include "schedules/cron_expression.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace taskforge {
namespace {

constexpr int kSunday = 7;  // As the end of a range; else 0.

struct FieldRule {
  absl::string_view name;
  int least = 0;
  int most = 0;
  absl::string_view names;  // Of three letters each, the first for `first_named`.
  int first_named = 0;
};

constexpr std::array<FieldRule, 5> kFields = {{
    {"minute", 0, 59, "", 0},
    {"hour", 0, 23, "", 0},
    {"day-of-month", 1, 31, "", 0},
    {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec", 1},
    {"day-of-week", 0, 7, "sunmontuewedthufrisat", 0},
}};

constexpr std::pair<absl::string_view, absl::string_view> kNicknames[] = {
    {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},  {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"}};

// A field of an expression, and where it stands in it.
struct Field {
  absl::string_view text;
  size_t begin = 0;
};

std::vector<Field> Split(absl::string_view text) {
  std::vector<Field> fields;
  size_t at = 0;
  while (at < text.size()) {
    if (absl::ascii_isspace(static_cast<unsigned char>(text[at]))) {
      ++at;
      continue;
    }
    const size_t begin = at;
    while (at < text.size() && !absl::ascii_isspace(static_cast<unsigned char>(text[at]))) ++at;
    fields.push_back({text.substr(begin, at - begin), begin});
  }
  return fields;
}

// Reads one field: a list of numbers, ranges and steps.
class FieldParser {
 public:
  FieldParser(const FieldRule& rule, Field field) : rule_(rule), field_(field) {}

  // Bit n: the value n matches.
  absl::StatusOr<uint64_t> Parse() {
    uint64_t mask = 0;
    do {
      const absl::Status status = ParsePart(mask);
      if (!status.ok()) return status;
    } while (Take(','));
    if (at_ < field_.text.size()) {
      return Error(at_, absl::StrCat("\"", field_.text.substr(at_, 1),
                                     "\" is not expected here: ", Syntax()));
    }
    return mask;
  }

 private:
  struct Number {
    int value = 0;
    bool is_named = false;
  };

  absl::Status ParsePart(uint64_t& mask) {
    const size_t begin = at_;
    int first = rule_.least;
    int last = rule_.most;
    bool is_range = true;
    if (!Take('*')) {
      const absl::StatusOr<Number> from = ParseNumber();
      if (!from.ok()) return from.status();
      first = last = from->value;
      is_range = Take('-');
      if (is_range) {
        const absl::StatusOr<Number> to = ParseNumber();
        if (!to.ok()) return to.status();
        last = to->value;
        // The week's other end.
        if (rule_.most == kSunday && to->is_named && last == 0) last = kSunday;
      }
    }
    if (first > last) return Error(begin, Backwards(first, last));
    int step = 1;
    if (Take('/')) {
      if (!is_range) {
        return Error(begin, absl::StrCat("a step needs a range or *: ", first, "-", rule_.most,
                                         "/N for all from ", first, " on"));
      }
      const absl::Status status = ParseStep(step);
      if (!status.ok()) return status;
    }
    for (int value = first; value <= last; value += step) mask |= uint64_t{1} << value;
    return absl::OkStatus();
  }

  absl::StatusOr<Number> ParseNumber() {
    const size_t begin = at_;
    while (at_ < field_.text.size() &&
           absl::ascii_isalnum(static_cast<unsigned char>(field_.text[at_]))) {
      ++at_;
    }
    const absl::string_view word = field_.text.substr(begin, at_ - begin);
    if (word.empty()) {
      const std::string found = begin < field_.text.size()
                                    ? absl::StrCat("not \"", field_.text.substr(begin, 1), "\"")
                                    : std::string("but it ends");
      return Error(begin, absl::StrCat("a value is expected here, ", found, ": ", Syntax()));
    }
    const std::optional<int> named = ValueOfName(word);
    if (named.has_value()) return Number{*named, true};
    int value = 0;
    if (!absl::SimpleAtoi(word, &value)) {
      return Error(begin, absl::StrCat("\"", word, "\" is no value: ", Syntax()));
    }
    if (value < rule_.least || value > rule_.most) {
      return Error(begin,
                   absl::StrCat(word, " is out of range: ", rule_.least, " to ", rule_.most));
    }
    return Number{value, false};
  }

  absl::Status ParseStep(int& step) {
    const size_t begin = at_;
    while (at_ < field_.text.size() &&
           absl::ascii_isalnum(static_cast<unsigned char>(field_.text[at_]))) {
      ++at_;
    }
    const absl::string_view word = field_.text.substr(begin, at_ - begin);
    if (absl::SimpleAtoi(word, &step) && step >= 1 && step <= rule_.most) return absl::OkStatus();
    return Error(begin, absl::StrCat("\"", word, "\" is no step: 1 to ", rule_.most));
  }

  std::optional<int> ValueOfName(absl::string_view word) const {
    if (word.size() != 3) return std::nullopt;
    for (size_t i = 0; i + 3 <= rule_.names.size(); i += 3) {
      if (absl::EqualsIgnoreCase(word, rule_.names.substr(i, 3))) {
        return rule_.first_named + static_cast<int>(i / 3);
      }
    }
    return std::nullopt;
  }

  std::string Backwards(int first, int last) const {
    std::string message = absl::StrCat("the range ", first, "-", last, " runs backwards: want ");
    const bool is_to_sunday = rule_.most == kSunday && last == 0;
    if (is_to_sunday) return absl::StrCat(message, first, "-7");
    const int most = rule_.most == kSunday ? kSunday - 1 : rule_.most;
    return absl::StrCat(message, first, "-", most, ",", rule_.least, "-", last);
  }

  std::string Syntax() const {
    const std::string numbers = absl::StrCat(rule_.least, " to ", rule_.most);
    const std::string names =
        rule_.names.empty()
            ? ""
            : absl::StrCat(" or ", absl::AsciiStrToUpper(rule_.names.substr(0, 3)), " to ",
                           absl::AsciiStrToUpper(rule_.names.substr(rule_.names.size() - 3)));
    return absl::StrCat("want *, values of ", numbers, names,
                        ", ranges (A-B), steps (*/N, A-B/N), and commas between them");
  }

  bool Take(char c) {
    if (at_ >= field_.text.size() || field_.text[at_] != c) return false;
    ++at_;
    return true;
  }

  absl::Status Error(size_t at, absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(rule_.name, " field \"", field_.text,
                                                   "\", at character ", field_.begin + at + 1,
                                                   " of the expression: ", what));
  }

  const FieldRule& rule_;
  const Field field_;
  size_t at_ = 0;
};

std::string NamesOfFields() {
  return absl::StrJoin(kFields, " ", [](std::string* out, const FieldRule& rule) {
    absl::StrAppend(out, rule.name);
  });
}

absl::StatusOr<absl::string_view> Spelled(absl::string_view text) {
  if (!absl::StartsWith(text, "@")) return text;
  for (const auto& [nickname, spelled] : kNicknames) {
    if (absl::EqualsIgnoreCase(text, nickname)) return spelled;
  }
  const std::string known = absl::StrJoin(
      kNicknames, ", ",
      [](std::string* out, const auto& nickname) { absl::StrAppend(out, nickname.first); });
  return absl::InvalidArgumentError(
      absl::StrCat("there is no \"", text, "\": want five fields, or one of ", known));
}

// The least set bit of `mask` that is `from` or more; none: 64 or more.
int NextBit(uint64_t mask, int from) {
  return from >= 64 ? 64 : std::countr_zero(mask & ~uint64_t{0} << from);
}

bool Has(uint64_t mask, int bit) { return (mask >> bit & 1U) != 0; }

}  // namespace

absl::StatusOr<CronExpression> CronExpression::Parse(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  if (text.size() > kMaxBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", text.size(), " bytes; at most ", kMaxBytes));
  }
  const absl::StatusOr<absl::string_view> spelled = Spelled(text);
  if (!spelled.ok()) return spelled.status();
  const std::vector<Field> fields = Split(*spelled);
  if (fields.size() != kFields.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "has ", fields.size(), fields.size() == 1 ? " field" : " fields", "; want five: ",
        NamesOfFields(), fields.size() > kFields.size() ? " (no seconds, no year)" : ""));
  }
  std::array<uint64_t, kFields.size()> masks{};
  for (size_t i = 0; i < kFields.size(); ++i) {
    const absl::StatusOr<uint64_t> mask = FieldParser(kFields[i], fields[i]).Parse();
    if (!mask.ok()) return mask.status();
    masks[i] = *mask;
  }
  CronExpression cron;
  cron.minutes_ = masks[0];
  cron.hours_ = masks[1];
  cron.days_of_month_ = masks[2];
  cron.months_ = masks[3];
  cron.days_of_week_ = masks[4] & ~(uint64_t{1} << kSunday);
  if (Has(masks[4], kSunday)) cron.days_of_week_ |= 1;
  cron.needs_both_days_ = fields[2].text[0] == '*' || fields[4].text[0] == '*';
  if (!cron.CanMatch()) {
    return absl::InvalidArgumentError(absl::StrCat("never matches: no month of field \"",
                                                   fields[3].text, "\" has a day of field \"",
                                                   fields[2].text, "\""));
  }
  return cron;
}

// Every day of the year, also the 29th of February, falls on each day of the week in some year: so
// only the days of a month can be ones that there are not.
bool CronExpression::CanMatch() const {
  if (!needs_both_days_) return true;
  constexpr std::array<int, 13> kDays = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (int month = 1; month <= 12; ++month) {
    if (Has(months_, month) && NextBit(days_of_month_, 1) <= kDays[static_cast<size_t>(month)]) {
      return true;
    }
  }
  return false;
}

bool CronExpression::MatchesDay(absl::CivilDay day) const {
  if (!Has(months_, day.month())) return false;
  const int weekday = (static_cast<int>(absl::GetWeekday(day)) + 1) % 7;  // abseil's Monday is 0.
  const bool of_month = Has(days_of_month_, day.day());
  const bool of_week = Has(days_of_week_, weekday);
  return needs_both_days_ ? of_month && of_week : of_month || of_week;
}

bool CronExpression::Matches(absl::CivilMinute minute) const {
  return Has(minutes_, minute.minute()) && Has(hours_, minute.hour()) &&
         MatchesDay(absl::CivilDay(minute));
}

absl::CivilMinute CronExpression::NextFrom(absl::CivilMinute from) const {
  absl::CivilDay day(from);
  if (MatchesDay(day)) {
    int hour = from.hour();
    if (Has(hours_, hour)) {
      const int minute = NextBit(minutes_, from.minute());
      if (minute < 60) return absl::CivilMinute(absl::CivilHour(from)) + minute;
    }
    hour = NextBit(hours_, hour + 1);
    if (hour < 24) {
      return absl::CivilMinute(day.year(), day.month(), day.day(), hour, NextBit(minutes_, 0));
    }
  }
  do {
    ++day;
    while (!Has(months_, day.month())) day = absl::CivilDay(absl::CivilMonth(day) + 1);
  } while (!MatchesDay(day));
  return absl::CivilMinute(day.year(), day.month(), day.day(), NextBit(hours_, 0),
                           NextBit(minutes_, 0));
}

}  // namespace taskforge
