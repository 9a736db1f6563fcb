// The contract of task_store.h, for the stores that need no disk.
#include "unit/store/task_store_contract.h"

#include "store/durable_store.h"
#include "store/memory_store.h"
#include "store/store_router.h"
#include "support/sim_engine.h"

namespace taskforge {
namespace {

StoreUnderTest InMemory(const Clock& clock, Timer& timer) {
  MemoryStoreOptions options;
  options.boot_epoch = 7;
  StoreUnderTest under;
  under.store = std::make_shared<MemoryStore>(options, clock, timer);
  under.epoch = options.boot_epoch;
  under.durability_of = [](const std::string&) { return Durability::kMemory; };
  return under;
}

std::shared_ptr<DurableStore> OnSimulatedDisk(const Clock& clock, StoreUnderTest& under) {
  const auto disk = std::make_shared<SimDisk>();
  const auto engine = std::make_shared<SimEngine>(*disk);
  under.parts = {disk, engine};
  absl::StatusOr<std::unique_ptr<DurableStore>> store =
      DurableStore::Open({}, {*engine, clock, {}, {}});
  EXPECT_TRUE(store.ok()) << store.status();
  EXPECT_TRUE((*store)->Recover([](Ref<TaskRecord>) { ADD_FAILURE() << "it is new"; }).ok());
  return *std::move(store);
}

StoreUnderTest Durable(const Clock& clock, Timer&) {
  StoreUnderTest under;
  const std::shared_ptr<DurableStore> store = OnSimulatedDisk(clock, under);
  under.epoch = store->boot_epoch();
  under.store = store;
  under.durability_of = [](const std::string&) { return Durability::kDurable; };
  return under;
}

// Every other record is in memory only.
StoreUnderTest Both(const Clock& clock, Timer& timer) {
  StoreUnderTest under;
  const std::shared_ptr<DurableStore> durable = OnSimulatedDisk(clock, under);
  MemoryStoreOptions options;
  options.boot_epoch = durable->boot_epoch();
  const auto memory = std::make_shared<MemoryStore>(options, clock, timer);
  under.parts.push_back(durable);
  under.parts.push_back(memory);
  under.store = std::make_shared<StoreRouter>(*memory, *durable);
  under.epoch = options.boot_epoch;
  under.durability_of = [](const std::string& id) {
    return id.back() % 2 == 0 ? Durability::kMemory : Durability::kDurable;
  };
  return under;
}

INSTANTIATE_TEST_SUITE_P(Stores, TaskStoreContract,
                         ::testing::Values(Implementation{"memory", InMemory},
                                           Implementation{"durable", Durable},
                                           Implementation{"router", Both}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace taskforge
