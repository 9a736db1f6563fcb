// Values that are made once and then shared by many, with the count inside: sharing one costs a
// word where it is held and four bytes where it is.
#ifndef TASKFORGE_BASE_SHARED_VALUE_H_
#define TASKFORGE_BASE_SHARED_VALUE_H_

#include "base/ref.h"

namespace taskforge {

// Base of a value T that is shared as Ref<const T>. A copy is a new value, with a count of its own.
// The count is thread-safe; the value is immutable once it is shared.
template <typename T>
class SharedValue : public RefCounted<T> {
 protected:
  SharedValue() = default;
  SharedValue(const SharedValue&) : RefCounted<T>() {}
  SharedValue& operator=(const SharedValue&) { return *this; }  // NOLINT: the count stays.
  ~SharedValue() = default;
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_SHARED_VALUE_H_
