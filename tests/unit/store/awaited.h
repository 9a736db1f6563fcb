// An answer of a store.
#ifndef TASKFORGE_UNIT_STORE_AWAITED_H_
#define TASKFORGE_UNIT_STORE_AWAITED_H_

#include <utility>

#include "absl/status/status.h"
#include "base/mutex.h"

namespace taskforge {

// An answer that may come on another thread.
template <typename T>
class Awaited {
 public:
  auto Take() {
    return [this](T value) {
      value_ = std::move(value);
      done_.Notify();
    };
  }
  T Await() {
    done_.Wait();
    return std::move(value_);
  }

 private:
  T value_ = absl::UnknownError("not called");
  Notification done_;
};

}  // namespace taskforge

#endif  // TASKFORGE_UNIT_STORE_AWAITED_H_
