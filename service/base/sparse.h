// Parts that most values do not have: a word each where they are missing.
#ifndef TASKFORGE_BASE_SPARSE_H_
#define TASKFORGE_BASE_SPARSE_H_

#include <memory>
#include <optional>
#include <utility>

namespace taskforge {

// An optional T that is elsewhere. A copy copies the T. As safe as the T.
template <typename T>
class Boxed {
 public:
  Boxed() = default;
  Boxed(std::nullopt_t) {}  // NOLINT(google-explicit-constructor): as std::optional.
  Boxed(T value)            // NOLINT(google-explicit-constructor): as std::optional.
      : value_(std::make_unique<T>(std::move(value))) {}
  Boxed(const Boxed& other) : value_(other.has_value() ? std::make_unique<T>(*other) : nullptr) {}
  Boxed(Boxed&&) noexcept = default;
  Boxed& operator=(Boxed other) noexcept {
    value_ = std::move(other.value_);
    return *this;
  }

  bool has_value() const { return value_ != nullptr; }
  void reset() { value_ = nullptr; }
  T& emplace() { return *(value_ = std::make_unique<T>()); }
  // REQUIRES: has_value().
  const T& operator*() const { return *value_; }
  T& operator*() { return *value_; }
  const T* operator->() const { return value_.get(); }
  T* operator->() { return value_.get(); }

  friend bool operator==(const Boxed& a, const Boxed& b) {
    return a.has_value() == b.has_value() && (!a.has_value() || *a == *b);
  }

 private:
  std::unique_ptr<T> value_;
};

// A T that is elsewhere, and nowhere while it is as T() makes it. As safe as the T.
template <typename T>
class Sparse {
 public:
  Sparse() = default;
  Sparse(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor): it is one.

  // As it is; a T() that all share, if it was never edited.
  const T& operator*() const { return value_.has_value() ? *value_ : Default(); }
  const T* operator->() const { return &**this; }
  // Whether it was ever edited, or given.
  bool is_set() const { return value_.has_value(); }
  // To change it.
  T& Edit() { return value_.has_value() ? *value_ : value_.emplace(); }

 private:
  static const T& Default() {
    static const T* const value = new T();  // Never destroyed: threads may read it at the end.
    return *value;
  }

  Boxed<T> value_;
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_SPARSE_H_
