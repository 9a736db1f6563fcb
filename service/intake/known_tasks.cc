#include "intake/known_tasks.h"

#include <memory>
#include <utility>

#include "intake/refusals.h"

namespace taskforge {

void KnownTasks::Answer(Submission submission, const RequestIndex::TaskId& id) const {
  // The store may say what it stands for before the first submission is acknowledged.
  if (const TaskRef task = live_.FindKept(id.name, id.uid)) {
    std::move(submission.on_receipt)(SubmitReceipt{task->Snapshot(), true});
    if (submission.on_finished) task->OnFinished(std::move(submission.on_finished));
    return;
  }
  store_.Read(id.name, [id, known = std::make_unique<Submission>(std::move(submission))](
                           const absl::StatusOr<TaskRecordPtr>& record) {
    AnswerStored(std::move(*known), id, record);
  });
}

void KnownTasks::AnswerStored(Submission submission, const RequestIndex::TaskId& id,
                              const absl::StatusOr<TaskRecordPtr>& record) {
  if (absl::IsNotFound(record.status()) || (record.ok() && (*record)->uid != id.uid)) {
    return AnswerGone(std::move(submission), id);
  }
  if (!record.ok()) {
    std::move(submission.on_receipt)(record.status());
    return;
  }
  std::move(submission.on_receipt)(SubmitReceipt{*record, true});
  if (submission.on_finished) std::move(submission.on_finished)(*record);
}

void KnownTasks::AnswerGone(Submission submission, const RequestIndex::TaskId& id) {
  const std::string& request_id = submission.spec.origin->request_id;
  const absl::Status gone = TaskGoneError(request_id, id.name);
  std::move(submission.on_receipt)(gone);
}

}  // namespace taskforge
