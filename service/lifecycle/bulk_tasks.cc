#include "lifecycle/bulk_tasks.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/mutex.h"
#include "base/ref.h"

namespace taskforge {
namespace {

absl::Status Gone(const std::string& name) {
  return ReasonError(absl::StatusCode::kNotFound, "TASK_GONE",
                     absl::StrCat("task \"", name, "\" has ended and gone since it was listed"));
}

absl::Status MadeByThisCall(absl::string_view name) {
  return ReasonError(absl::StatusCode::kAlreadyExists, "TASK_IS_RETRY",
                     absl::StrCat("task \"", name,
                                  "\" was made by this request_id itself, in an earlier call: to "
                                  "retry it too, use a new one"));
}

}  // namespace

TaskSpec SpecToRetry(const TaskRecord& ended, absl::Time now) {
  TaskSpec spec = *ended.spec;
  TaskOrigin origin;
  origin.ns = spec.origin->ns;
  origin.retry_of = ended.name();
  spec.origin = std::move(origin);
  spec.cancel_on_disconnect = false;  // The call that repeats it ends at once.
  const TaskTerms& terms = *spec.terms;
  const bool has_begun = terms.schedule_time != absl::InfinitePast() && terms.schedule_time <= now;
  if (has_begun) spec.terms.Edit().schedule_time = absl::InfinitePast();
  if (spec.terms->deadline <= now) spec.terms.Edit().deadline = absl::InfiniteFuture();
  return spec;
}

// A page on its way: its tasks are begun in their order, at most `window` at once, by whichever
// thread has an answer.
class BulkTasks::Run : public RefCounted<Run> {
 public:
  Run(TaskControl& control, size_t window, Callback done)
      : control_(control), window_(window), done_(std::move(done)) {}
  virtual ~Run() = default;

  static void Start(const Ref<Run>& run, const BulkRequest& request) {
    run->control_.List(request.filter, request.page_size, request.page_token,
                       [run, dry_run = request.dry_run](absl::StatusOr<TaskPage> page) {
                         if (!page.ok()) return std::move(run->done_)(page.status());
                         run->Take(*std::move(page), dry_run);
                       });
  }

 protected:
  struct Item {
    std::string name;
    Uuid uid;
  };

  // Begins one; it is answered by exactly one of the three below.
  virtual void Begin(const Item& item) = 0;

  void Did(const Item& item, std::string made) { Answer(&BulkResult::done, item, std::move(made)); }
  void Stops(const Item& item) { Answer(&BulkResult::stopping, item, ""); }
  void Failed(const Item& item, absl::Status status) {
    {
      MutexLock lock(mu_);
      ++result_.failed;
      if (result_.failures.size() < BulkResult::kMaxNames) {
        result_.failures.push_back({item.name, std::move(status)});
      }
      --under_way_;
    }
    Pump();
  }
  TaskControl& control() { return control_; }

 private:
  // From the one thread that has the page: nothing is under way yet.
  void Take(TaskPage page, bool dry_run) ABSL_LOCKS_EXCLUDED(mu_) {
    {
      MutexLock lock(mu_);
      result_.next_page_token = std::move(page.next_page_token);
      result_.matched = page.records.size();
      for (const TaskRecord& record : page.records) {
        if (dry_run) {
          AddName(record.name(), "");
        } else {
          items_.push_back({record.name(), record.uid});
        }
      }
    }
    Pump();
  }

  void Answer(uint64_t BulkResult::*count, const Item& item, std::string made)
      ABSL_LOCKS_EXCLUDED(mu_) {
    {
      MutexLock lock(mu_);
      ++(result_.*count);
      AddName(item.name, std::move(made));
      --under_way_;
    }
    Pump();
  }

  void AddName(std::string name, std::string made) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (result_.names.size() >= BulkResult::kMaxNames) return;
    result_.names.push_back({std::move(name), std::move(made)});
  }

  // Begins what may begin, and answers when all have their answers. Only one thread does it at a
  // time: an answer that comes at once, in here, goes no deeper.
  void Pump() ABSL_LOCKS_EXCLUDED(mu_) {
    for (;;) {
      Item item;
      {
        MutexLock lock(mu_);
        if (is_pumping_) return;
        if (next_ == items_.size()) {
          if (under_way_ > 0 || is_over_) return;
          is_over_ = true;
        } else if (under_way_ == window_) {
          return;
        } else {
          item = items_[next_++];
          ++under_way_;
          is_pumping_ = true;
        }
      }
      if (item.name.empty()) return Finish();
      Begin(item);
      MutexLock lock(mu_);
      is_pumping_ = false;
    }
  }

  void Finish() {
    BulkResult result;
    {
      MutexLock lock(mu_);
      result = std::move(result_);
    }
    std::move(done_)(std::move(result));
  }

  TaskControl& control_;
  const size_t window_;
  Callback done_;  // Used by the one thread that has the list's error, or that ends the run.
  Mutex mu_;
  std::vector<Item> items_ ABSL_GUARDED_BY(mu_);
  size_t next_ ABSL_GUARDED_BY(mu_) = 0;
  size_t under_way_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_pumping_ ABSL_GUARDED_BY(mu_) = false;
  bool is_over_ ABSL_GUARDED_BY(mu_) = false;
  BulkResult result_ ABSL_GUARDED_BY(mu_);
};

class BulkTasks::CancelRun final : public Run {
 public:
  using Run::Run;

 private:
  void Begin(const Item& item) override {
    const TaskRef task = control().FindLive(item.name);
    // Another one may have the name by now. What has ended meanwhile says so itself.
    if (task && task->accepted_record()->uid != item.uid) return Failed(item, Gone(item.name));
    control().Cancel(item.name, [this, self = Ref<Run>(this),
                                 item](const absl::StatusOr<TaskRecordPtr>& record) {
      if (!record.ok()) return Failed(item, record.status());
      if (IsTerminal((*record)->state)) {
        Did(item, "");
      } else {
        Stops(item);
      }
    });
  }
};

class BulkTasks::RetryRun final : public Run {
 public:
  RetryRun(TaskControl& control, Submitter& submitter, const Clock& clock, Asker asker,
           Callback done)
      : Run(control, kRetryWindow, std::move(done)),
        submitter_(submitter),
        clock_(clock),
        asker_(std::move(asker)) {}

 private:
  void Begin(const Item& item) override {
    // A page has no inputs.
    control().Get(item.name,
                  [this, self = Ref<Run>(this), item](const absl::StatusOr<TaskRecordPtr>& record) {
                    if (!record.ok()) return Failed(item, record.status());
                    if ((*record)->uid != item.uid) return Failed(item, Gone(item.name));
                    if (IsOfThisCall(**record)) return Failed(item, MadeByThisCall(item.name));
                    Submit(item, **record);
                  });
  }

  // Where the call is sent again, what it made before may have failed by now.
  bool IsOfThisCall(const TaskRecord& record) const {
    return !asker_.request_id.empty() &&
           absl::StartsWith(record.spec->origin->request_id, asker_.request_id + "/");
  }

  void Submit(const Item& item, const TaskRecord& ended) {
    Submission submission;
    submission.spec = SpecToRetry(ended, clock_.Now());
    submission.has_retry_policy = true;  // The first one's, whatever the queue gives by now.
    TaskOrigin& origin = submission.spec.origin.Edit();
    origin.principal = asker_.principal;
    origin.traceparent = asker_.traceparent;
    origin.x_request_id = asker_.x_request_id;
    if (!asker_.request_id.empty()) {
      origin.request_id = absl::StrCat(asker_.request_id, "/", item.uid.ToString());
    }
    submission.on_receipt = [this, self = Ref<Run>(this),
                             item](const absl::StatusOr<SubmitReceipt>& receipt) {
      if (!receipt.ok()) return Failed(item, receipt.status());
      Did(item, receipt->record->name());
    };
    submitter_.Submit(std::move(submission));
  }

  Submitter& submitter_;
  const Clock& clock_;
  const Asker asker_;
};

void BulkTasks::Cancel(BulkRequest request, Callback done) const {
  request.filter.only_living = true;
  Run::Start(MakeRef<CancelRun>(control_, SIZE_MAX, std::move(done)), request);
}

void BulkTasks::Retry(BulkRequest request, Asker asker, Callback done) const {
  Run::Start(MakeRef<RetryRun>(control_, submitter_, clock_, std::move(asker), std::move(done)),
             request);
}

}  // namespace taskforge
