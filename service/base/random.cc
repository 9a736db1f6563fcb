#include "base/random.h"

#include <random>

namespace taskforge {

uint64_t EntropySeed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

}  // namespace taskforge
