// A message that is made anew again and again, as those of a stream are.
#ifndef TASKFORGE_RPC_ARENA_MESSAGE_H_
#define TASKFORGE_RPC_ARENA_MESSAGE_H_

#include <google/protobuf/arena.h>

#include <cstddef>

namespace taskforge {

// Holds one message with all its parts on an arena, so that a large one is let go at once: a
// message's own Clear() gives each of its thousands of parts back one by one.
// Not thread-safe.
template <typename Message>
class ArenaMessage {
 public:
  ArenaMessage() { Renew(); }
  ArenaMessage(const ArenaMessage&) = delete;
  ArenaMessage& operator=(const ArenaMessage&) = delete;

  // Makes it empty. What pointed into it points nowhere.
  Message& Renew() {
    arena_.Reset();
    message_ = google::protobuf::Arena::CreateMessage<Message>(&arena_);
    return *message_;
  }
  Message& operator*() { return *message_; }

 private:
  static google::protobuf::ArenaOptions Options() {
    google::protobuf::ArenaOptions options;
    options.start_block_size = 1024;
    options.max_block_size = size_t{64} << 10;
    return options;
  }

  google::protobuf::Arena arena_{Options()};
  Message* message_ = nullptr;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_ARENA_MESSAGE_H_
