// taskforge protos --out DIR: the .proto files, so that any language can make its client.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/embedded_protos.h"
#include "cli/exit_code.h"
#include "cli/task_view.h"

namespace taskforge::cli {
namespace {

int WriteProtos(const std::string& directory) {
  for (const EmbeddedProto& proto : EmbeddedProtos()) {
    const std::filesystem::path path = std::filesystem::path(directory) / proto.path;
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    std::ofstream file(path, std::ios::binary);
    file << proto.text;
    if (error || !file.flush()) {
      return ReportUsage(absl::UnknownError(absl::StrCat("--out: cannot write ", path.string())),
                         "protos");
    }
    std::printf("%s\n", path.c_str());
  }
  return kExitOk;
}

}  // namespace

void AddProtosCommand(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("protos", "Write the .proto files of the API");
  auto directory = std::make_shared<std::string>();
  command->add_option("--out", *directory, "Into this directory")->required();
  command->final_callback(
      [&action, directory] { action = [directory] { return WriteProtos(*directory); }; });
}

}  // namespace taskforge::cli
