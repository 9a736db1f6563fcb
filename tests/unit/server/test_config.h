// A configuration from options, and a place for files.
#ifndef TASKFORGE_UNIT_SERVER_TEST_CONFIG_H_
#define TASKFORGE_UNIT_SERVER_TEST_CONFIG_H_

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.h"
#include "config/config.h"

namespace taskforge {

class ConfigFixture : public ::testing::Test {
 protected:
  using Options = std::vector<std::pair<std::string, std::string>>;

  ConfigFixture() {
    std::string folder = (std::filesystem::temp_directory_path() / "taskforge.XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) std::abort();
    folder_ = folder;
  }
  ~ConfigFixture() override { std::filesystem::remove_all(folder_); }

  // The defaults, and these on top.
  const Config& Configure(const Options& options) {
    PosixFileSystem files;
    loaded_ = std::make_unique<LoadedConfig>();
    const absl::Status status = loaded_->Load(
        files, "", [](const char*) -> const char* { return nullptr; }, options,
        CpuBudget{{0}, {}, {}});
    EXPECT_TRUE(status.ok()) << status;
    return loaded_->config();
  }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  // Writes a file that only its owner reads, and returns its path.
  std::string Write(const std::string& name, const std::string& text, mode_t mode = 0600) const {
    std::ofstream(Path(name), std::ios::binary) << text;
    chmod(Path(name).c_str(), mode);
    return Path(name);
  }

 private:
  std::string folder_;
  std::unique_ptr<LoadedConfig> loaded_;
};

}  // namespace taskforge

#endif  // TASKFORGE_UNIT_SERVER_TEST_CONFIG_H_
