#include "base/shared_text.h"

#include <cstring>
#include <new>

namespace taskforge {

SharedText::Rep* SharedText::Rep::Make(absl::string_view text) {
  void* const memory = ::operator new(sizeof(Rep) + text.size());
  std::memcpy(static_cast<char*>(memory) + sizeof(Rep), text.data(), text.size());
  return new (memory) Rep(static_cast<uint32_t>(text.size()));
}

void SharedText::Rep::Free() {
  this->~Rep();
  ::operator delete(this);
}

}  // namespace taskforge
