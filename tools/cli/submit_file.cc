#include "cli/submit_file.h"

#include <google/protobuf/struct.pb.h>

#include <atomic>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/bulk_submit.h"
#include "cli/exit_code.h"
#include "cli/format.h"
#include "cli/json_output.h"
#include "cli/progress_bar.h"
#include "cli/rpc_error.h"

namespace taskforge::cli {
namespace {

// Turns `"priority": "high"` into the enum's name.
void NamePriority(google::protobuf::Struct& task) {
  const auto found = task.mutable_fields()->find("priority");
  if (found == task.mutable_fields()->end()) return;
  const auto priority = ParsePriority(found->second.string_value());
  if (priority.has_value()) found->second.set_string_value(v1::Priority_Name(*priority));
}

// One file being submitted. The counters are written by the stream's reading thread (`line`
// apart), read by the other for the progress bar.
class FileSubmission {
 public:
  FileSubmission(Session& session, std::istream& input, uint64_t size, bool want_results)
      : session_(session),
        input_(input),
        size_(size),
        want_results_(want_results),
        progress_(session.stderr_is_terminal() && !session.stdout_is_terminal()) {}

  int Run() {
    BulkSubmit::Options options;
    options.done_when =
        want_results_ ? BulkSubmit::DoneWhen::kResult : BulkSubmit::DoneWhen::kAcknowledged;
    BulkSubmit submit(
        session_, options, [this](const v1::SubmitAck& ack) { OnAck(ack); },
        [this](const v1::TaskResult& result) { OnResult(result); });
    const grpc::Status status =
        submit.Run([this](v1::SubmitTaskRequest& request) { return Next(request); });
    progress_.Clear();
    if (!status.ok()) return ReportError(session_, status, "submit");
    return Summarise();
  }

 private:
  bool Next(v1::SubmitTaskRequest& request) {
    std::string text;
    while (!session_.interrupted() && std::getline(input_, text)) {
      ++line_;
      read_bytes_ += text.size() + 1;
      if (absl::StripAsciiWhitespace(text).empty()) continue;
      const absl::Status parsed = ParseSubmission(text, request);
      if (parsed.ok()) {
        MutexLock lock(mu_);
        lines_.push_back(line_);
        const uint64_t total = size_ > 0 ? lines_.size() * size_ / read_bytes_ : 0;
        const uint64_t failed = failed_ + refused_;
        progress_.Update(lines_.size(), total, failed > 0 ? absl::StrCat(failed, " failed") : "");
        return true;
      }
      RpcError error;
      error.code = grpc::StatusCode::INVALID_ARGUMENT;
      error.message = std::string(parsed.message());
      Complain(line_, std::move(error));
    }
    return false;
  }

  void OnAck(const v1::SubmitAck& ack) {
    if (ack.code() != 0) {
      RpcError error;
      error.code = static_cast<grpc::StatusCode>(ack.code());
      error.reason = ack.reason();
      error.message = ack.message();
      Complain(LineOf(ack.correlation_id()), std::move(error));
      return;
    }
    ++accepted_;
    if (want_results_) return;
    if (session_.options.output == OutputFormat::kTable) {
      std::printf("%s\n", ack.name().c_str());
    } else {
      std::fputs(ToJson(ack, OutputFormat::kJsonLines).c_str(), stdout);
    }
  }

  void OnResult(const v1::TaskResult& result) {
    std::fputs(ToJson(result.task(), OutputFormat::kJsonLines).c_str(), stdout);
    ++(result.task().state() == v1::TASK_STATE_SUCCEEDED ? succeeded_ : failed_);
  }

  void Complain(uint64_t line, RpcError error) {
    std::string reason;
    if (!error.reason.empty()) reason = absl::StrCat(" (", Printable(error.reason, 128), ")");
    std::fprintf(stderr, "%sline %lu: %s%s: %s\n", session_.stderr_is_terminal() ? "\r\x1b[K" : "",
                 static_cast<unsigned long>(line), CodeName(error.code).c_str(), reason.c_str(),
                 Printable(error.message, 1024).c_str());
    ++refused_;
    MutexLock lock(mu_);
    if (!first_refusal_.has_value()) first_refusal_ = std::move(error);
  }

  uint64_t LineOf(uint64_t id) {
    MutexLock lock(mu_);
    return id < lines_.size() ? lines_[id] : 0;
  }

  int Summarise() {
    std::fprintf(stderr, "%s accepted, %s refused", FormatCount(accepted_).c_str(),
                 FormatCount(refused_).c_str());
    if (want_results_) {
      std::fprintf(stderr, ", %s succeeded, %s failed", FormatCount(succeeded_).c_str(),
                   FormatCount(failed_).c_str());
    }
    std::fputc('\n', stderr);
    MutexLock lock(mu_);
    if (first_refusal_.has_value()) {
      std::fprintf(stderr, "try: %s\n",
                   NextCommand(*first_refusal_, session_.options, "submit").c_str());
    } else if (failed_ > 0) {
      std::fprintf(stderr, "try: %s task ls --state failed\n",
                   SelfCommand(session_.options).c_str());
    }
    return refused_ == 0 && failed_ == 0 ? kExitOk : kExitFailed;
  }

  // Constant after construction.
  Session& session_;
  std::istream& input_;
  const uint64_t size_;
  const bool want_results_;
  // Used by the thread in Run only.
  ProgressBar progress_;
  uint64_t line_ = 0;
  uint64_t read_bytes_ = 0;
  // Counters.
  std::atomic<uint64_t> accepted_{0};
  std::atomic<uint64_t> refused_{0};
  std::atomic<uint64_t> succeeded_{0};
  std::atomic<uint64_t> failed_{0};
  // Guarded by mu_.
  Mutex mu_;
  std::vector<uint64_t> lines_ ABSL_GUARDED_BY(mu_);  // By number of the submission.
  std::optional<RpcError> first_refusal_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

absl::Status ParseSubmission(absl::string_view line, v1::SubmitTaskRequest& request) {
  google::protobuf::Struct object;
  absl::Status status = FromJson(line, object);
  if (!status.ok()) return status;
  const auto task = object.mutable_fields()->find("task");
  const bool is_request = task != object.mutable_fields()->end();
  NamePriority(is_request ? *task->second.mutable_struct_value() : object);
  const std::string json = ToJson(object, OutputFormat::kJsonLines);
  request.Clear();
  status = is_request ? FromJson(json, request) : FromJson(json, *request.mutable_task());
  if (status.ok() && request.task().handler().empty()) {
    return absl::InvalidArgumentError("the task has no handler");
  }
  return status;
}

int SubmitFile(Session& session, std::istream& input, uint64_t size, bool want_results) {
  return FileSubmission(session, input, size, want_results).Run();
}

}  // namespace taskforge::cli
