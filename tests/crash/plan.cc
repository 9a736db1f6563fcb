#include "crash/plan.h"

#include <openssl/evp.h>

#include <array>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/random.h"

namespace taskforge::crash {
namespace {

// Uniform, but for what a modulus does to it.
int Between(Random& random, int least, int most) {
  return least + static_cast<int>(random.Next64() % static_cast<uint64_t>(most - least + 1));
}

bool Percent(Random& random, int share) { return Between(random, 0, 99) < share; }

std::string TextOf(Random& random) {
  const int size = Percent(random, 5) ? Between(random, 1'000, 8'000) : Between(random, 0, 300);
  std::string text;
  text.reserve(static_cast<size_t>(size));
  while (text.size() < static_cast<size_t>(size)) {
    text.push_back(static_cast<char>('a' + Between(random, 0, 25)));
  }
  return text;
}

std::string Sha256Of(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

void ChooseWork(Random& random, Plan& plan) {
  const int share = Between(random, 0, 99);
  if (share < 80) {
    plan.work = share < 45 ? Work::kEcho : Work::kSha256;
    plan.handler = share < 45 ? "echo" : "sha256";
    plan.input = TextOf(random);
    plan.output = plan.work == Work::kEcho ? plan.input : Sha256Of(plan.input);
  } else if (share < 87) {
    plan.work = Work::kSleep;
    plan.handler = "sleep";
    plan.input = absl::StrCat(Between(random, 1, 30), "ms");
    plan.output = absl::StrCat("slept ", plan.input);
  } else if (share < 94) {
    plan.work = Work::kFlaky;
    plan.handler = "fail";
    plan.failures = Between(random, 1, 2);
    plan.attempts_max = plan.failures + 1;
    plan.input = absl::StrCat("{\"retryable\":true,\"attempts\":", plan.failures, "}");
    plan.output = "succeeded in attempt ";
  } else {
    plan.work = Work::kFail;
    plan.handler = "fail";
    plan.attempts_max = Between(random, 1, 3);
    plan.input = absl::StrCat("{\"retryable\":true,\"reason\":\"", kFailReason, "\"}");
  }
}

}  // namespace

Plan PlanOf(uint64_t seed, int64_t number) {
  // Numbers that follow each other would give sequences that overlap.
  SeededRandom random(SeededRandom(seed ^ static_cast<uint64_t>(number)).Next64());
  Plan plan;
  plan.priority = 10 * Between(random, 1, 4);
  ChooseWork(random, plan);
  if (Percent(random, 8)) {
    plan.delay_ms = Between(random, 10, 1'500);
    plan.is_cancelled = Percent(random, 60);
  } else {
    plan.is_cancelled = Percent(random, 2);
  }
  // What becomes of a deadline between two attempts is another matter.
  if (plan.attempts_max == 1 && plan.work != Work::kFail && Percent(random, 5)) {
    plan.deadline_ms = plan.delay_ms + Between(random, 5, 1'500);
  }
  const int naming = Between(random, 0, 99);
  plan.has_task_id = naming < 50 || naming >= 75;
  plan.has_request_id = naming < 75;
  plan.is_sent_twice = plan.has_request_id && plan.deadline_ms == 0 && Percent(random, 5);
  return plan;
}

std::string TaskIdOf(int64_t number) { return absl::StrCat("t", number); }

std::string NameOf(int64_t number) { return absl::StrCat("queues/default/tasks/t", number); }

std::string RequestIdOf(int64_t number) { return absl::StrCat("request ", number); }

}  // namespace taskforge::crash
