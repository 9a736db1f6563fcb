#include "base/shared_value.h"

#include "gtest/gtest.h"

namespace taskforge {
namespace {

struct Counted : SharedValue<Counted> {
  int number = 0;
};

TEST(SharedValueTest, ACopyHasACountOfItsOwn) {
  const Ref<Counted> first = MakeRef<Counted>();
  Ref<Counted> second = MakeRef<Counted>(*first);
  second->number = 7;
  const Ref<const Counted> third = second;
  second = nullptr;  // Would take `first` away with it if they shared a count.
  EXPECT_EQ(first->number, 0);
  EXPECT_EQ(third->number, 7);
}

}  // namespace
}  // namespace taskforge
