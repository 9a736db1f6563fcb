// An intrusive reference count: one pointer wide, so that a reference fits into a lock-free ring.
#ifndef TASKFORGE_BASE_REF_H_
#define TASKFORGE_BASE_REF_H_

#include <atomic>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace taskforge {

// Base of an object that is shared by counting. Starts with one reference, which MakeRef() owns.
// The count is thread-safe; the object is as safe as its class says. Atomic: what the count is made
// of; tests have others.
template <typename T, template <typename> class Atomic = std::atomic>
class RefCounted {
 public:
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  // REQUIRES: the caller holds a reference.
  void AddRef(uint32_t n = 1) const { count_.fetch_add(n, std::memory_order_relaxed); }
  // Whether somebody else has a reference too. A hint: others come and go. REQUIRES: the caller
  // holds a reference.
  bool IsShared() const { return count_.load(std::memory_order_relaxed) > 1; }
  // Gives back `n` references; destroys the object with the last.
  void Release(uint32_t n = 1) const {
    // acq_rel: each release publishes its holder's writes to whoever destroys the object.
    if (count_.fetch_sub(n, std::memory_order_acq_rel) == n) delete static_cast<const T*>(this);
  }

 protected:
  RefCounted() = default;
  ~RefCounted() = default;

 private:
  mutable Atomic<uint32_t> count_{1};
};

// Owns one reference to a T, or none. Thread-compatible.
template <typename T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}  // NOLINT(google-explicit-constructor): as a raw pointer would.
  // Shares: takes a new reference.
  explicit Ref(T* object) : object_(object) {
    if (object_ != nullptr) object_->AddRef();
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  // From a reference to a derived class.
  template <typename U, typename = std::enable_if_t<std::is_convertible_v<U*, T*>>>
  Ref(Ref<U> other) noexcept : object_(other.Leak()) {}  // NOLINT(google-explicit-constructor)
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr) object_->Release();
  }

  // Adopts a reference that the caller owns (the opposite of Leak()).
  static Ref Adopt(T* object) {
    Ref ref;
    ref.object_ = object;
    return ref;
  }
  // Gives the reference up to the caller, who must Adopt() or Release() it.
  [[nodiscard]] T* Leak() { return std::exchange(object_, nullptr); }

  T* get() const { return object_; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  bool operator==(const Ref& other) const { return object_ == other.object_; }

 private:
  T* object_ = nullptr;
};

template <typename T, typename... Args>
Ref<T> MakeRef(Args&&... args) {
  return Ref<T>::Adopt(new T(std::forward<Args>(args)...));
}

}  // namespace taskforge

#endif  // TASKFORGE_BASE_REF_H_
