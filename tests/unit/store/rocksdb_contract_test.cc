// The contract of task_store.h, for the store on a real disk.
#include <filesystem>

#include "store/durable_store.h"
#include "store/rocksdb_engine.h"
#include "unit/store/task_store_contract.h"
#include "unit/store/temporary_directory.h"

namespace taskforge {
namespace {

StoreUnderTest OnDisk(const Clock& clock, Timer&) {
  StoreUnderTest under;
  const auto directory = std::make_shared<TemporaryDirectory>();
  RocksDbEngineOptions options;
  options.path = directory->path() / "db";
  options.mark_path = directory->path() / "SYNCED";
  absl::StatusOr<std::unique_ptr<RocksDbEngine>> engine = RocksDbEngine::Open(options, clock);
  EXPECT_TRUE(engine.ok()) << engine.status();
  const std::shared_ptr<RocksDbEngine> shared = *std::move(engine);
  under.parts = {directory, shared};
  absl::StatusOr<std::unique_ptr<DurableStore>> store =
      DurableStore::Open({}, {*shared, clock, {}, {}});
  EXPECT_TRUE(store.ok()) << store.status();
  EXPECT_TRUE((*store)->Recover([](Ref<TaskRecord>) { ADD_FAILURE() << "it is new"; }).ok());
  under.epoch = (*store)->boot_epoch();
  under.store = *std::move(store);
  under.durability_of = [](const std::string&) { return Durability::kDurable; };
  return under;
}

INSTANTIATE_TEST_SUITE_P(Stores, TaskStoreContract,
                         ::testing::Values(Implementation{"rocksdb", OnDisk}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace taskforge
