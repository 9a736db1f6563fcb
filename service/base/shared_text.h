// A text that is made once and then shared by many: a word where it is held.
#ifndef TASKFORGE_BASE_SHARED_TEXT_H_
#define TASKFORGE_BASE_SHARED_TEXT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace taskforge {

// An immutable text in one word: a copy shares the characters, an empty one has none. For the names
// that thousands of tasks have in common, and for texts that most do not have. Thread-compatible;
// copies in different threads are independent.
class SharedText {
 public:
  SharedText() = default;
  SharedText(absl::string_view text)  // NOLINT(google-explicit-constructor): it is a text.
      : rep_(text.empty() ? nullptr : Rep::Make(text)) {}
  SharedText(const std::string& text)  // NOLINT(google-explicit-constructor)
      : SharedText(absl::string_view(text)) {}
  SharedText(const char* text)  // NOLINT(google-explicit-constructor)
      : SharedText(absl::string_view(text)) {}
  SharedText(const SharedText& other) : rep_(other.rep_) {
    if (rep_ != nullptr) rep_->AddRef();
  }
  SharedText(SharedText&& other) noexcept : rep_(std::exchange(other.rep_, nullptr)) {}
  SharedText& operator=(SharedText other) noexcept {
    std::swap(rep_, other.rep_);
    return *this;
  }
  ~SharedText() {
    if (rep_ != nullptr) rep_->Release();
  }

  absl::string_view view() const {
    return rep_ == nullptr ? absl::string_view() : absl::string_view(rep_->text(), rep_->size());
  }
  operator absl::string_view() const { return view(); }  // NOLINT(google-explicit-constructor)
  size_t size() const { return view().size(); }
  bool empty() const { return rep_ == nullptr; }
  std::string str() const { return std::string(view()); }

  friend bool operator==(const SharedText& a, const SharedText& b) {
    return a.rep_ == b.rep_ || a.view() == b.view();
  }
  template <typename Text>  // Anything that is a text, without a copy.
  friend bool operator==(const SharedText& a, const Text& b) {
    return a.view() == absl::string_view(b);
  }
  friend std::ostream& operator<<(std::ostream& out, const SharedText& text) {
    return out << text.view();
  }

 private:
  // The count and the size, then the characters.
  class Rep {
   public:
    static Rep* Make(absl::string_view text);
    void AddRef() { count_.fetch_add(1, std::memory_order_relaxed); }
    // acq_rel: each release publishes its holder's reads to whoever frees the text.
    void Release() {
      if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) Free();
    }
    size_t size() const { return size_; }
    const char* text() const { return reinterpret_cast<const char*>(this + 1); }

   private:
    explicit Rep(uint32_t size) : size_(size) {}
    void Free();

    std::atomic<uint32_t> count_{1};
    const uint32_t size_;
  };

  Rep* rep_ = nullptr;
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_SHARED_TEXT_H_
