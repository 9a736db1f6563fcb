// Whether no task went missing, and none came from nowhere: what was accepted or taken over has
// ended or lives.
#ifndef TASKFORGE_AUDIT_H_
#define TASKFORGE_AUDIT_H_

#include <cstdint>

#include "intake/intake.h"

namespace taskforge {

// Each is counted by another part, where it happens: acceptances by intake as it answers, what the
// start took over by recovery, ends by the lifecycle as they are recorded. They only grow.
struct AuditCounts {
  IntakeCounts intake;
  uint64_t recovered = 0;
  uint64_t ended = 0;
};

// accepted + recovered − ended − (living − being accepted), of which `living` is the size of the
// table of living tasks. Above 0: so many tasks are gone without an end; below: so many ended twice
// or live although nobody accepted them. None of it is read at one time, so the counts are given as
// they were before `living` was read, and after: while work goes on the true value lies between
// two bounds, and 0 between them is 0, otherwise the nearer bound is the residual.
inline int64_t AuditResidual(const AuditCounts& before, uint64_t living, const AuditCounts& after) {
  const auto difference = [living](const IntakeCounts& in, const IntakeCounts& out,
                                   uint64_t recovered, uint64_t ended) {
    const uint64_t came = in.accepted + recovered + in.begun;
    return static_cast<int64_t>(came) - static_cast<int64_t>(ended + out.decided + living);
  };
  const int64_t least = difference(before.intake, after.intake, before.recovered, after.ended);
  const int64_t most = difference(after.intake, before.intake, after.recovered, before.ended);
  if (least > 0) return least;
  return most < 0 ? most : 0;
}

}  // namespace taskforge

#endif  // TASKFORGE_AUDIT_H_
