#include "handlers/per_thread.h"

namespace taskforge {

ThreadStates& ThreadStates::Mine() {
  static thread_local ThreadStates states;
  return states;
}

ThreadStates::~ThreadStates() {
  // One by one, out of the list first: the end of one may ask for another.
  while (!entries_.empty()) {
    const Entry last = std::move(entries_.back());
    entries_.pop_back();
  }
}

void* ThreadStates::Find(const Owner& owner) const {
  for (const Entry& entry : entries_) {
    if (entry.owner == owner) return entry.state.get();
  }
  return nullptr;
}

void ThreadStates::Add(const Owner& owner, std::shared_ptr<void> state) {
  entries_.push_back({owner, std::move(state)});
}

}  // namespace taskforge
