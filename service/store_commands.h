// taskforged store inspect | verify | compact: a data directory that no server uses.
#ifndef TASKFORGE_STORE_COMMANDS_H_
#define TASKFORGE_STORE_COMMANDS_H_

#include <string>

namespace taskforge {

struct StoreCommandOptions {
  std::string data_dir;
  bool is_json = false;
};

// Each prints on stdout what it found, or on stderr why it could not look, and returns the exit
// code: 0, or 1 where it could not, and where something is wrong. A directory that a server uses is
// refused. Only the last one changes it.
int InspectStoreCommand(const StoreCommandOptions& options);
int VerifyStoreCommand(const StoreCommandOptions& options);
int CompactStoreCommand(const StoreCommandOptions& options);

}  // namespace taskforge

#endif  // TASKFORGE_STORE_COMMANDS_H_
