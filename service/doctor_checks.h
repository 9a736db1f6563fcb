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

}  // namespace taskforge

#endif  // TASKFORGE_DOCTOR_CHECKS_H_
