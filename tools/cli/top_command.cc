// taskforge top: a live view of the pool and of what waits.
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/format.h"
#include "cli/json_output.h"
#include "cli/pool_view.h"
#include "cli/rpc_error.h"
#include "cli/table.h"
#include "cli/task_options.h"
#include "taskforge/v1/pool_service.grpc.pb.h"

namespace taskforge::cli {
namespace {

constexpr int kResizesShown = 5;

struct TopOptions {
  bool once = false;
  std::string interval = "1s";
};

// Keys are read as they are pressed, and not shown, while this lives. The screen is the
// terminal's second one, so that the first is there again afterwards.
class FullScreen {
 public:
  FullScreen() {
    has_keys_ = isatty(STDIN_FILENO) != 0 && tcgetattr(STDIN_FILENO, &before_) == 0;
    if (has_keys_) {
      termios raw = before_;
      raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    std::fputs("\x1b[?1049h\x1b[?25l", stdout);
  }
  ~FullScreen() {
    std::fputs("\x1b[?25h\x1b[?1049l", stdout);
    std::fflush(stdout);
    if (has_keys_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;

  bool has_keys() const { return has_keys_; }

 private:
  bool has_keys_ = false;
  termios before_{};
};

// Waits for `q`, and then ends the call. Its destructor ends the wait.
class QuitKey {
 public:
  explicit QuitKey(grpc::ClientContext& context)
      : context_(context), thread_([this] { Watch(); }) {}
  ~QuitKey() {
    done_.Notify();
    thread_.join();
  }
  bool was_pressed() const { return pressed_.HasBeenNotified(); }

 private:
  void Watch() {
    constexpr int kPollMs = 100;
    while (!done_.HasBeenNotified()) {
      pollfd input{STDIN_FILENO, POLLIN, 0};
      if (poll(&input, 1, kPollMs) <= 0) continue;
      char key = 0;
      if (read(STDIN_FILENO, &key, 1) <= 0) return;
      if (key == 'q' || key == 'Q') {
        pressed_.Notify();
        context_.TryCancel();
        return;
      }
    }
  }

  grpc::ClientContext& context_;
  Notification done_;
  Notification pressed_;
  std::thread thread_;
};

// What top shows, from one picture of the pool to the next.
class TopView {
 public:
  explicit TopView(Session& session)
      : session_(session), stub_(v1::PoolService::NewStub(session.Channel())) {}

  std::string Render(const v1::Pool& pool) {
    const absl::Time now = absl::Now();
    uint64_t queued = 0;
    uint64_t running = 0;
    for (const v1::PoolPriority& priority : pool.priorities()) {
      queued += priority.queued();
      running += priority.running();
    }
    std::string text = absl::StrFormat("taskforge top  %s  %s\n", session_.options.server,
                                       absl::FormatTime("%H:%M:%S", now, absl::LocalTimeZone()));
    absl::StrAppend(&text, "tasks    ", FormatCount(queued), " queued, ", FormatCount(running),
                    " running, ", FormatCount(pool.completed()), " completed");
    if (before_.has_value() && now > time_before_) {
      const double seconds = absl::ToDoubleSeconds(now - time_before_);
      absl::StrAppendFormat(&text, " (%.0f/s)",
                            static_cast<double>(pool.completed() - *before_) / seconds);
    }
    before_ = pool.completed();
    time_before_ = now;
    absl::StrAppendFormat(&text, "\nthreads  %s\ncpu      %.2f cores%s\n\n%s\n",
                          DescribeThreads(pool), pool.cpu_limit_cores(),
                          pool.overloaded() ? ", overloaded" : "",
                          PriorityTable(pool, session_.colour()));
    text += Resizes(pool.resizes());
    return text;
  }

 private:
  // Asked for again only when there is a new one.
  const std::string& Resizes(uint64_t count) {
    if (count == resizes_seen_ && !resizes_.empty()) return resizes_;
    Call call(session_);
    v1::ListPoolResizesRequest request;
    request.set_page_size(kResizesShown);
    v1::ListPoolResizesResponse response;
    if (!stub_->ListPoolResizes(call.context(), request, &response).ok()) return resizes_;
    resizes_seen_ = count;
    Table table({"RESIZED", ">FROM", ">TO", "WHY"});
    for (const v1::PoolResize& resize : response.resizes()) {
      table.Add({FormatTime(resize.time()), absl::StrCat(resize.from_threads()),
                 absl::StrCat(resize.to_threads()), FormatReason(resize.reason())});
    }
    resizes_ = table.Render(session_.colour());
    return resizes_;
  }

  Session& session_;
  const std::unique_ptr<v1::PoolService::Stub> stub_;
  std::optional<uint64_t> before_;
  absl::Time time_before_;
  uint64_t resizes_seen_ = 0;
  std::string resizes_;
};

int Once(Session& session) {
  const auto stub = v1::PoolService::NewStub(session.Channel());
  Call call(session);
  v1::Pool pool;
  const grpc::Status status = stub->GetPool(call.context(), v1::GetPoolRequest(), &pool);
  if (!status.ok()) return ReportError(session, status, "top");
  const std::string text = session.options.output == OutputFormat::kTable
                               ? TopView(session).Render(pool)
                               : ToJson(pool, session.options.output);
  std::fputs(text.c_str(), stdout);
  return kExitOk;
}

int Top(Session& session, const TopOptions& options) {
  if (options.once || !session.stdout_is_terminal()) return Once(session);
  const auto stub = v1::PoolService::NewStub(session.Channel());
  Call call(session, kNoDeadline);
  v1::WatchPoolRequest request;
  SetDuration(*ParseDurationText(options.interval), *request.mutable_interval());
  const auto stream = stub->WatchPool(call.context(), request);
  TopView view(session);
  bool quit = false;
  {
    std::unique_ptr<FullScreen> screen;
    std::unique_ptr<QuitKey> key;
    v1::Pool pool;
    while (stream->Read(&pool)) {
      // Not before the server has answered: an error belongs on the first screen.
      if (screen == nullptr) {
        screen = std::make_unique<FullScreen>();
        if (screen->has_keys()) key = std::make_unique<QuitKey>(*call.context());
      }
      std::printf("\x1b[H\x1b[2J%s\nq to leave\n", view.Render(pool).c_str());
      std::fflush(stdout);
    }
    quit = key != nullptr && key->was_pressed();
  }
  const grpc::Status status = stream->Finish();
  if (quit || session.interrupted() || status.ok()) return kExitOk;
  return ReportError(session, status, "top");
}

}  // namespace

void AddTopCommand(CLI::App& app, Session& session, Action& action) {
  CLI::App* command = app.add_subcommand("top", "Watch the server at work");
  auto options = std::make_shared<TopOptions>();
  command->add_flag("--once", options->once, "Print it once; so it is without a terminal");
  command->add_option("--interval", options->interval, "100ms to 1m")
      ->check(kDuration)
      ->capture_default_str();
  command->final_callback([&session, &action, options] {
    action = [&session, options] { return Top(session, *options); };
  });
}

}  // namespace taskforge::cli
