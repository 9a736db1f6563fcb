// Binds every option of the server to its key: the one list of them all.
#ifndef TASKFORGE_CONFIG_OPTIONS_H_
#define TASKFORGE_CONFIG_OPTIONS_H_

#include "config/config.h"
#include "config/option_table.h"

namespace taskforge {

// `config` must outlive `table`.
void BindOptions(Config& config, OptionTable& table);

}  // namespace taskforge

#endif  // TASKFORGE_CONFIG_OPTIONS_H_
