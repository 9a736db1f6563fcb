#include "handlers/built_in.h"

#include <utility>

namespace taskforge {

absl::StatusOr<std::vector<HandlerRegistration>> RegisterBuiltIns(HandlerRegistry& registry,
                                                                  const Clock& clock, Timer& timer,
                                                                  BlockingScope blocking) {
  std::vector<std::unique_ptr<Handler>> handlers;
  handlers.push_back(MakeEchoHandler());
  handlers.push_back(MakeSleepHandler(clock, timer, std::move(blocking)));
  handlers.push_back(MakeSha256Handler());
  handlers.push_back(MakeWordcountHandler());
  handlers.push_back(MakeCompressHandler());
  handlers.push_back(MakeFailHandler());
  handlers.push_back(MakeSpinHandler(clock));
  std::vector<HandlerRegistration> registrations;
  for (std::unique_ptr<Handler>& handler : handlers) {
    absl::StatusOr<HandlerRegistration> registration = registry.Register(std::move(handler));
    if (!registration.ok()) return registration.status();
    registrations.push_back(*std::move(registration));
  }
  return registrations;
}

}  // namespace taskforge
