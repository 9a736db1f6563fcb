#include "base/sparse.h"

#include <string>

#include "gtest/gtest.h"

namespace taskforge {
namespace {

struct Part {
  std::string text = "usual";
  int number = 1;
};

TEST(SparseTest, IsAWordAndShowsDefaultsUntilItIsEdited) {
  static_assert(sizeof(Sparse<Part>) == sizeof(void*));
  Sparse<Part> part;
  const Sparse<Part> other;
  EXPECT_EQ(part->text, "usual");
  EXPECT_EQ(&*part, &*other);
  part.Edit().number = 2;
  EXPECT_EQ(part->text, "usual");
  EXPECT_EQ(part->number, 2);
  EXPECT_EQ(other->number, 1);
}

TEST(SparseTest, ACopyIsItsOwn) {
  Sparse<Part> part;
  part.Edit().number = 2;
  Sparse<Part> copy = part;
  copy.Edit().number = 3;
  EXPECT_EQ(part->number, 2);
  part = copy;
  copy.Edit().number = 4;
  EXPECT_EQ(part->number, 3);
}

TEST(BoxedTest, IsAnOptionalOfAWord) {
  static_assert(sizeof(Boxed<Part>) == sizeof(void*));
  Boxed<std::string> box;
  EXPECT_FALSE(box.has_value());
  box = std::string("in");
  ASSERT_TRUE(box.has_value());
  EXPECT_EQ(*box, "in");
  Boxed<std::string> copy = box;
  *copy = "other";
  EXPECT_EQ(*box, "in");
  EXPECT_FALSE(box == copy);
  copy = box;
  EXPECT_TRUE(box == copy);
  box.reset();
  EXPECT_FALSE(box.has_value());
  EXPECT_FALSE(box == copy);
  EXPECT_TRUE(box == Boxed<std::string>(std::nullopt));
}

}  // namespace
}  // namespace taskforge
