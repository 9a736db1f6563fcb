// taskforge completion bash | zsh | fish: scripts made from the commands themselves, so that they
// cannot fall behind.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/commands.h"
#include "cli/exit_code.h"

namespace taskforge::cli {
namespace {

struct Words {
  std::string path;                // `task ls`; empty for the top.
  std::vector<std::string> words;  // What may follow: commands and options.
};

// What may follow each command, the groups' before their members'.
void Collect(const CLI::App& app, const std::string& path, std::vector<Words>& all) {
  Words words{path, {}};
  const auto visible = [](const CLI::App* command) { return !command->get_group().empty(); };
  for (const CLI::App* command : app.get_subcommands(visible)) {
    words.words.push_back(command->get_name());
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words.words.push_back("--" + name);
  }
  all.push_back(std::move(words));
  for (const CLI::App* command : app.get_subcommands(visible)) {
    Collect(*command, absl::StrCat(path, path.empty() ? "" : " ", command->get_name()), all);
  }
}

// The words before the cursor that are commands lead to what may follow; options are passed over.
// zsh reads the same script through bashcompinit.
std::string BashScript(const std::vector<Words>& all) {
  std::string cases;
  for (const Words& words : all) {
    absl::StrAppend(&cases, "    \"", words.path, "\") echo \"", absl::StrJoin(words.words, " "),
                    "\" ;;\n");
  }
  return absl::StrCat(R"SH(_taskforge_words() {
  case "$1" in
)SH",
                      cases, R"SH(    *) return 1 ;;
  esac
}
_taskforge() {
  local path="" next i
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="${path:+${path} }${COMP_WORDS[i]}"
    if _taskforge_words "${next}" >/dev/null; then path="${next}"; fi
  done
  COMPREPLY=($(compgen -W "$(_taskforge_words "${path}") $(_taskforge_words options)" -- \
    "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _taskforge taskforge
)SH");
}

std::string FishScript(const std::vector<Words>& all) {
  std::string text = "complete -c taskforge -f\n";
  for (const Words& words : all) {
    const size_t space = words.path.find(' ');
    std::string condition = "__fish_use_subcommand";
    if (space != std::string::npos) {
      condition = absl::StrCat("__fish_seen_subcommand_from ", words.path.substr(0, space),
                               "; and __fish_seen_subcommand_from ", words.path.substr(space + 1));
    } else if (!words.path.empty()) {
      condition = absl::StrCat("__fish_seen_subcommand_from ", words.path);
    }
    for (const std::string& word : words.words) {
      if (word.rfind("--", 0) == 0) {
        absl::StrAppend(&text, "complete -c taskforge -n '", condition, "' -l ", word.substr(2),
                        "\n");
      } else {
        absl::StrAppend(&text, "complete -c taskforge -n '", condition, "' -a ", word, "\n");
      }
    }
  }
  return text;
}

int PrintCompletion(const CLI::App& app, const std::string& shell) {
  std::vector<Words> all;
  Collect(app, "", all);
  if (shell == "fish") {
    std::fputs(FishScript(all).c_str(), stdout);
    return kExitOk;
  }
  // The global options may follow every command.
  Words global{"options", {}};
  for (const std::string& word : all.front().words) {
    if (word.rfind("--", 0) == 0) global.words.push_back(word);
  }
  all.push_back(std::move(global));
  if (shell == "zsh") std::fputs("autoload -U +X bashcompinit && bashcompinit\n", stdout);
  std::fputs(BashScript(all).c_str(), stdout);
  return kExitOk;
}

}  // namespace

void AddCompletionCommand(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("completion", "Print a script that completes commands");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->final_callback(
      [&app, &action, shell] { action = [&app, shell] { return PrintCompletion(app, *shell); }; });
}

}  // namespace taskforge::cli
