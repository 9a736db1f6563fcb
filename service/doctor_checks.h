// The checks of `taskforged doctor` that touch files and addresses.
#ifndef TASKFORGE_DOCTOR_CHECKS_H_
#define TASKFORGE_DOCTOR_CHECKS_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "doctor.h"

namespace taskforge {

// Whether each address can be bound now, all of them at once.
std::vector<Finding> CheckAddresses(const Config& config);

// Whether the files of TLS can be read and fit together, and how long the certificate is good.
std::vector<Finding> CheckTls(const Config& config, absl::Time now);

// Whether the token file can be read, by the right ones, and is one.
std::vector<Finding> CheckTokens(const Config& config);

// Whether the data directory is there or can be made, and is nobody else's; what is free on its
// disk, what kind of disk that is, and how long it takes to sync, which is measured there. And the
// directory for backups. Leaves nothing behind.
std::vector<Finding> CheckDataDirectory(const Config& config);
// Of a sync that takes this long; `is_volatile`: nobody expects a disk there.
Finding JudgeSync(absl::Duration median, bool is_volatile);

}  // namespace taskforge

#endif  // TASKFORGE_DOCTOR_CHECKS_H_
