// The commands of taskforge, one function for each group. A command that was given on the command
// line sets `action`, which main then runs; its value is the exit code.
#ifndef TASKFORGE_CLI_COMMANDS_H_
#define TASKFORGE_CLI_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "cli/session.h"

namespace taskforge::cli {

using Action = std::function<int()>;

// `session` and `action` must outlive `app`.
void AddRunCommand(CLI::App& app, Session& session, Action& action);
void AddSubmitCommand(CLI::App& app, Session& session, Action& action);
void AddTaskCommands(CLI::App& app, Session& session, Action& action);
void AddBusCommands(CLI::App& app, Session& session, Action& action);
void AddBusListCommands(CLI::App& app, Session& session, Action& action);
void AddPoolCommands(CLI::App& app, Session& session, Action& action);
void AddQueueCommands(CLI::App& app, Session& session, Action& action);
void AddScheduleCommands(CLI::App& app, Session& session, Action& action);
void AddHandlerCommands(CLI::App& app, Session& session, Action& action);
void AddTopCommand(CLI::App& app, Session& session, Action& action);
void AddServerCommands(CLI::App& app, Session& session, Action& action);
void AddProtosCommand(CLI::App& app, Action& action);
void AddCompletionCommand(CLI::App& app, Action& action);
void AddMainJobCommand(CLI::App& app, Session& session, Action& action);
void AddDemoCommand(CLI::App& app, Session& session, Action& action);

// All of the above, and the global options.
void AddCommands(CLI::App& app, Session& session, Action& action);

// Makes `command` one that shows something: `show` prints it and returns the exit code. Such a
// command, and no other, takes --watch: again every second until it fails or an interrupt comes.
void SetShow(CLI::App& command, Session& session, Action& action, std::function<int()> show);

// What to say on stderr about a command line that `app` did not take: what is wrong, and the help
// of the command that was meant.
std::string RenderParseError(const CLI::App& app, const CLI::ParseError& error);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_COMMANDS_H_
