#include "rpc/handler_service.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "rpc/convert.h"
#include "rpc/names.h"
#include "rpc/paging.h"

namespace taskforge {
namespace {

void ToProto(const HandlerStatus& status, v1::Handler& out) {
  out.set_name(absl::StrCat("handlers/", status.info.name));
  out.set_kind(status.info.kind == HandlerKind::kBuiltIn ? v1::HANDLER_KIND_BUILT_IN
                                                         : v1::HANDLER_KIND_REMOTE);
  out.set_description(status.info.description);
  out.set_version(status.info.version);
  out.set_workers(status.workers);
  out.set_running(static_cast<int32_t>(status.running));
  out.set_input_description(status.info.input_description);
}

absl::Status BadName() {
  return InvalidArgument({{"name", "want handlers/{handler} or {handler}"}});
}

absl::Status UnknownHandler(absl::string_view name, const std::vector<std::string>& near) {
  ErrorDetails details;
  details.reason = "HANDLER_UNKNOWN";
  std::string message = absl::StrCat("no handler \"", name, "\"");
  if (!near.empty()) {
    details.metadata["near"] = absl::StrJoin(near, ",");
    absl::StrAppend(&message, "; did you mean ", absl::StrJoin(near, ", "), "?");
  }
  return WithDetails(absl::NotFoundError(message), details);
}

}  // namespace

void HandlerService::AddTo(MethodList& methods) {
  methods.Add(kName, "ListHandlers", generated_, &Generated::RequestListHandlers, *this,
              &HandlerService::ListHandlers);
  methods.Add(kName, "GetHandler", generated_, &Generated::RequestGetHandler, *this,
              &HandlerService::GetHandler);
}

Reply HandlerService::ListHandlers(
    UnaryCall<v1::ListHandlersRequest, v1::ListHandlersResponse>& call) {
  Violations violations;
  const int page_size = PageSizeFrom(call.request().page_size(), violations);
  const std::vector<HandlerStatus> all = registry_.List();
  std::string next = Page(
      all, page_size, call.request().page_token(),
      [](const HandlerStatus& status) { return status.info.name; }, violations,
      [&call](const HandlerStatus& status) { ToProto(status, *call.response().add_handlers()); });
  if (!violations.empty()) co_return violations.TakeStatus();
  call.response().set_next_page_token(std::move(next));
  co_return absl::OkStatus();
}

Reply HandlerService::GetHandler(UnaryCall<v1::GetHandlerRequest, v1::Handler>& call) {
  const absl::Status known = CheckNamespaceOf(call.request().name());
  if (!known.ok()) co_return known;
  const absl::string_view name = StripCollection(call.request().name(), "handlers");
  if (name.empty()) co_return BadName();
  const std::optional<HandlerStatus> status = registry_.Get(name);
  if (!status.has_value()) co_return UnknownHandler(name, registry_.Near(name));
  ToProto(*status, call.response());
  co_return absl::OkStatus();
}

}  // namespace taskforge
