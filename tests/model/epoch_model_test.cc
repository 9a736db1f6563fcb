// What a guard shows is not freed while the guard lives, and is freed in the end; and so a route
// table that is replaced (bus/route_table.h) is whole for whoever reads it.
#include <memory>

#include "model/no_epochs.h"
#include "model/search.h"
#include "sync/epoch_inl.h"
#include "sync/epoch_pointer.h"

namespace taskforge::model {
namespace {

enum class Reader { kGuarded, kBare };

// A table of two words that belong together; readers look at both.
struct Table {
  explicit Table(int n) : number(n), again(n) {}
  RelacyPlain<int> number;
  RelacyPlain<int> again;
};

// One writer replaces the table kReplaces times and frees; the others read it.
template <typename Atomics, int kReaders, int kReplaces = 2, Reader kReader = Reader::kGuarded>
struct Publication
    : rl::test_suite<Publication<Atomics, kReaders, kReplaces, kReader>, kReaders + 1> {
  using Domain = BasicEpochDomain<Atomics>;
  std::unique_ptr<Domain> domain;
  std::unique_ptr<EpochPointer<Table, Atomics>> table;

  void Read() {
    const Table* seen = table->Get();
    const int number = seen->number;
    RL_ASSERT(seen->again == number);
  }
  void before() {
    domain = std::make_unique<Domain>();
    table = std::make_unique<EpochPointer<Table, Atomics>>(new Table(0));
  }
  void thread(unsigned index) {
    if (index < kReaders) {
      if (kReader == Reader::kBare) {
        Read();
      } else {
        typename Domain::Guard guard(*domain);
        Read();
      }
      return;
    }
    for (int i = 1; i <= kReplaces; ++i) {
      table->Replace(new Table(i), *domain, [](void* old) { delete static_cast<Table*>(old); });
    }
  }
  void after() {
    delete table->Get();
    table.reset();
    domain.reset();
  }
};

TEST(EpochModel, OneReader) { ExpectHolds<Publication<RelacyAtomics, 1>>({.switches = 2}); }
TEST(EpochModel, TwoReaders) { ExpectHolds<Publication<RelacyAtomics, 2, 1>>({.switches = 1}); }

TEST(EpochModel, FindsThatThereAreNoEpochs) {
  ExpectFound<Publication<NoEpochs, 1>>(kUsedAfterFree);
}
TEST(EpochModel, FindsAReaderWithoutAGuard) {
  ExpectFound<Publication<RelacyAtomics, 1, 3, Reader::kBare>>(kUsedAfterFree);
}
TEST(EpochModel, FindsARelaxedRead) {
  ExpectFound<Publication<RelacyAtomics, 1>>(
      kUnordered,
      {.function = "::Get(", .access = Access::kLoad, .written = std::memory_order_acquire});
}
// The scan must read-modify-write the records: see the proof in sync/epoch_inl.h.
TEST(EpochModel, FindsAScanThatOnlyLooks) {
  ExpectFound<Publication<RelacyAtomics, 1, 3>>(
      kUsedAfterFree, {.function = "::TryAdvance(", .access = Access::kAdd, .only_loads = true});
}
TEST(EpochModel, FindsARelaxedEndOfAGuard) {
  ExpectFound<Publication<RelacyAtomics, 1, 3>>(
      kUnordered,
      {.function = "::~Guard(", .access = Access::kStore, .written = std::memory_order_release});
}

}  // namespace
}  // namespace taskforge::model
