// taskforge topic ls, subscription ls.
#include <cstdio>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "cli/bus_view.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/json_output.h"
#include "cli/rpc_error.h"
#include "taskforge/v1/bus_service.grpc.pb.h"

namespace taskforge::cli {
namespace {

constexpr int kPageSize = 1000;

// One document, or a line for each of `items`, or the table.
template <typename Response, typename Items, typename MakeTable>
void Print(const Session& session, const Response& response, const Items& items, MakeTable table) {
  switch (session.options.output) {
    case OutputFormat::kJson:
      std::fputs(ToJson(response, OutputFormat::kJson).c_str(), stdout);
      return;
    case OutputFormat::kJsonLines:
      for (const auto& item : items) {
        std::fputs(ToJson(item, OutputFormat::kJsonLines).c_str(), stdout);
      }
      return;
    case OutputFormat::kTable:
      std::fputs(table(response, absl::Now()).Render(session.colour()).c_str(), stdout);
  }
}

int ListTopics(Session& session, const std::string& filter) {
  const auto stub = v1::BusService::NewStub(session.Channel());
  v1::ListTopicsResponse all;
  v1::ListTopicsRequest request;
  request.set_filter(filter);
  request.set_page_size(kPageSize);
  do {
    Call call(session);
    v1::ListTopicsResponse page;
    const grpc::Status status = stub->ListTopics(call.context(), request, &page);
    if (!status.ok()) return ReportError(session, status, "topic ls");
    all.mutable_topics()->MergeFrom(page.topics());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  Print(session, all, all.topics(), TopicTable);
  return kExitOk;
}

int ListSubscriptions(Session& session) {
  const auto stub = v1::BusService::NewStub(session.Channel());
  v1::ListSubscriptionsResponse all;
  v1::ListSubscriptionsRequest request;
  request.set_page_size(kPageSize);
  do {
    Call call(session);
    v1::ListSubscriptionsResponse page;
    const grpc::Status status = stub->ListSubscriptions(call.context(), request, &page);
    if (!status.ok()) return ReportError(session, status, "subscription ls");
    all.mutable_subscriptions()->MergeFrom(page.subscriptions());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  Print(session, all, all.subscriptions(), SubscriptionTable);
  return kExitOk;
}

}  // namespace

void AddBusListCommands(CLI::App& app, Session& session, Action& action) {
  CLI::App* topics = app.add_subcommand("topic", "Show what is published");
  topics->require_subcommand(1);
  CLI::App* topic_ls = topics->add_subcommand("ls", "List topics, with how many events each had");
  auto filter = std::make_shared<std::string>();
  topic_ls->add_option("FILTER", *filter, "Only those that match: orders.>");
  SetShow(*topic_ls, session, action, [&session, filter] { return ListTopics(session, *filter); });

  CLI::App* subscriptions = app.add_subcommand("subscription", "Show who subscribes");
  subscriptions->require_subcommand(1);
  SetShow(*subscriptions->add_subcommand("ls", "List subscriptions, with what each got and lost"),
          session, action, [&session] { return ListSubscriptions(session); });
}

}  // namespace taskforge::cli
