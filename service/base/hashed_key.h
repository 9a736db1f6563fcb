// A text as the key of a hash table, with its hash, so that a long key is hashed once on its way
// through shards and tables, and a table that grows or loses an entry does not read it again.
#ifndef TASKFORGE_BASE_HASHED_KEY_H_
#define TASKFORGE_BASE_HASHED_KEY_H_

#include <cstddef>
#include <cstdint>

#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace taskforge {

// A value. The text must outlive it.
struct HashedKey {
  explicit HashedKey(absl::string_view text) : HashedKey(text, absl::HashOf(text)) {}
  // `hash` is that of the text.
  HashedKey(absl::string_view text, size_t hash) : text(text), hash(hash) {}

  // One of `count` shards, by bits that the tables within a shard use least.
  size_t ShardOf(size_t count) const { return (hash >> kShardShift) % count; }

  // The hash for who has no more room for one.
  uint32_t Half() const { return static_cast<uint32_t>(hash >> 32U); }

  bool operator==(const HashedKey& other) const {
    if (hash != other.hash || text.size() != other.text.size()) return false;
    return text.data() == other.text.data() || text == other.text;
  }

  // For hash tables.
  struct Hash {
    size_t operator()(const HashedKey& key) const { return key.hash; }
  };

  absl::string_view text;
  size_t hash;

 private:
  static constexpr int kShardShift = 48;
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_HASHED_KEY_H_
