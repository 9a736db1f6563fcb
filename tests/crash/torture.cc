// Kills a server under load again and again, and shows that nothing that it acknowledged is lost.
//
//   torture TASKFORGED [--minutes M | --kills N] [--seed S] [--directory DIR] [--memory]
//           [--without-kill] [--no-floor]
//
// --minutes: so long (10), with at least 30 kills for each; --kills: so many instead.
// --memory: a server without a data directory, which must be found to lose what it acknowledged.
// --without-kill: no server is killed in the middle, and so none loses anything.
// --no-floor: any load will do.
// Ends with 0 when nothing is wrong, 1 when something is, 2 for a call that it does not understand,
// 3 when the run was void: too little load, or too few kills.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "crash/campaign.h"

namespace taskforge::crash {
namespace {

constexpr double kKillsEachMinute = 30;
constexpr int kRight = 0;
constexpr int kWrong = 1;
constexpr int kNotUnderstood = 2;
constexpr int kVoid = 3;

[[noreturn]] void WrongUsage(const std::string& what) {
  std::fprintf(stderr, "torture: %s\n", what.c_str());
  std::exit(kNotUnderstood);
}

struct Arguments {
  CampaignOptions campaign;
  double minutes = 10;
  int kills = 0;
  std::string directory;
};

Arguments Parse(int argc, char** argv) {
  if (argc < 2) WrongUsage("which taskforged?");
  Arguments arguments;
  arguments.campaign.taskforged = std::filesystem::absolute(argv[1]).string();
  arguments.campaign.seed = EntropySeed() >> 32;  // Short enough to type.
  for (int i = 2; i < argc; ++i) {
    const std::string flag = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 == argc) WrongUsage(flag + " needs a value");
      return argv[++i];
    };
    bool is_right = true;
    if (flag == "--minutes") {
      is_right = absl::SimpleAtod(value(), &arguments.minutes) && arguments.minutes > 0;
    } else if (flag == "--kills") {
      is_right = absl::SimpleAtoi(value(), &arguments.kills) && arguments.kills > 0;
    } else if (flag == "--seed") {
      is_right = absl::SimpleAtoi(value(), &arguments.campaign.seed);
    } else if (flag == "--directory") {
      arguments.directory = value();
    } else if (flag == "--memory") {
      arguments.campaign.is_durable = false;
    } else if (flag == "--without-kill") {
      arguments.campaign.kills = false;
    } else if (flag == "--no-floor") {
      arguments.campaign.has_floor = false;
    } else {
      is_right = false;
    }
    if (!is_right) WrongUsage("not understood: " + flag);
  }
  return arguments;
}

std::string MakeDirectory(const std::string& above) {
  const char* const temporary = std::getenv("TMPDIR");
  const std::string parent = !above.empty() ? above : temporary != nullptr ? temporary : "/tmp";
  std::filesystem::create_directories(parent);
  std::string directory = std::filesystem::absolute(parent).string() + "/taskforge-torture-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) {
    std::perror(directory.c_str());
    std::exit(kWrong);
  }
  return directory;
}

// Prints how it went; returns the exit code.
int Conclude(const CampaignOptions& options, const absl::Status& status, const Totals& totals) {
  std::fputs(totals.ToString().c_str(), stdout);
  if (!status.ok()) {
    std::printf("%s\n", status.ToString().c_str());
    return kWrong;
  }
  if (!options.is_durable && options.kills) {
    std::printf("without a data directory: %s\n",
                totals.lost() > 0 ? "lost, as must be" : "nothing is found to be lost");
    return totals.lost() > 0 ? kRight : kWrong;
  }
  if (totals.has_violations()) return kWrong;
  if (const std::string why = totals.WhyVoid(); !why.empty()) {
    std::printf("VOID: %s\n", why.c_str());
    return kVoid;
  }
  return kRight;
}

int Run(Arguments arguments) {
  CampaignOptions& options = arguments.campaign;
  options.directory = MakeDirectory(arguments.directory);
  options.kills_min = arguments.kills;
  if (arguments.kills == 0) {
    options.duration = absl::Minutes(1) * arguments.minutes;
    options.kills_min = static_cast<int>(kKillsEachMinute * arguments.minutes);
  }
  std::printf("seed %llu, directory %s\n", static_cast<unsigned long long>(options.seed),
              options.directory.c_str());
  std::fflush(stdout);
  Campaign campaign(options);
  const int code = Conclude(options, campaign.Run(), campaign.totals());
  if (code == kWrong) {
    std::printf("FAILED: seed %llu, kept: %s\n", static_cast<unsigned long long>(options.seed),
                options.directory.c_str());
  } else {
    std::filesystem::remove_all(options.directory);
  }
  return code;
}

}  // namespace
}  // namespace taskforge::crash

int main(int argc, char** argv) {
  return taskforge::crash::Run(taskforge::crash::Parse(argc, argv));
}
