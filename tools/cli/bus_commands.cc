// taskforge pub | sub.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/bus_view.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/format.h"
#include "cli/json_output.h"
#include "cli/payload_argument.h"
#include "cli/rpc_error.h"
#include "cli/subscribe_start.h"
#include "cli/task_options.h"
#include "cli/task_view.h"
#include "taskforge/v1/bus_service.grpc.pb.h"

namespace taskforge::cli {
namespace {

struct PubOptions {
  std::string topic;
  std::string data;
  bool as_text = false;
  std::string content_type;
  std::string priority;
  std::string type;
};

struct SubOptions {
  std::vector<std::string> filters;
  uint64_t count = 0;
  std::string policy = "drop-oldest";
  std::string group;
  std::string from = "latest";
  bool omit_payloads = false;
};

int Publish(Session& session, const PubOptions& options) {
  v1::PublishRequest request;
  v1::Event& event = *request.add_events();
  event.set_topic(options.topic);
  event.set_type(options.type);
  if (!options.priority.empty()) event.set_priority(*ParsePriority(options.priority));
  absl::StatusOr<v1::Payload> data =
      MakePayload(options.data, options.as_text, options.content_type);
  if (!data.ok()) return ReportUsage(data.status(), "pub");
  *event.mutable_data() = *std::move(data);

  const auto stub = v1::BusService::NewStub(session.Channel());
  Call call(session);
  v1::PublishResponse response;
  const grpc::Status status = stub->Publish(call.context(), request, &response);
  if (!status.ok()) return ReportError(session, status, "pub");
  if (session.options.output != OutputFormat::kTable) {
    std::fputs(ToJson(response, session.options.output).c_str(), stdout);
  } else if (response.routed_size() == 1) {
    std::printf("%s  to %u subscription%s\n", response.ids(0).c_str(), response.routed(0),
                response.routed(0) == 1 ? "" : "s");
  }
  return kExitOk;
}

std::string DescribeEvent(const v1::Event& event) {
  std::string text = absl::StrCat(FormatTime(event.time()), "  ", Printable(event.topic(), 128));
  if (event.priority() != v1::PRIORITY_NORMAL) {
    absl::StrAppend(&text, " [", FormatPriority(event.priority()), "]");
  }
  if (event.has_task()) {
    const v1::Task& task = event.task();
    absl::StrAppend(&text, "  ", task.handler(), " ", ShortName(task.name()), " ",
                    FormatState(task.state()));
    if (task.has_output()) {
      absl::StrAppend(&text, ": ", Printable(PayloadBytes(task.output()), 120));
    } else if (task.has_error()) {
      absl::StrAppend(&text, ": ", Printable(task.error().reason(), 64));
    }
  } else {
    absl::StrAppend(&text, "  ", Printable(PayloadBytes(event.data()), 300));
  }
  return text;
}

void PrintDelivery(const Session& session, const v1::Delivery& delivery) {
  if (session.options.output != OutputFormat::kTable) {
    std::fputs(ToJson(delivery, OutputFormat::kJsonLines).c_str(), stdout);
  } else if (delivery.has_missed()) {
    std::fprintf(stderr, "%s\n", DescribeMissed(delivery.missed()).c_str());
  } else {
    std::printf("%s\n", DescribeEvent(delivery.event()).c_str());
  }
}

v1::SlowSubscriberPolicy PolicyOf(const std::string& text) {
  if (text == "drop-newest") return v1::SLOW_SUBSCRIBER_POLICY_DROP_NEWEST;
  if (text == "block") return v1::SLOW_SUBSCRIBER_POLICY_BLOCK;
  if (text == "conflate") return v1::SLOW_SUBSCRIBER_POLICY_CONFLATE;
  if (text == "disconnect") return v1::SLOW_SUBSCRIBER_POLICY_DISCONNECT;
  return v1::SLOW_SUBSCRIBER_POLICY_DROP_OLDEST;
}

// On its own line, so that what reads the events finds it: the message is handled once it is out.
void PrintCursor(const Session& session, const v1::SubscribeResponse& response) {
  if (session.options.output == OutputFormat::kTable || response.cursor().empty()) return;
  v1::SubscribeResponse cursor;
  cursor.set_cursor(response.cursor());
  std::fputs(ToJson(cursor, OutputFormat::kJsonLines).c_str(), stdout);
}

int Subscribe(Session& session, const SubOptions& options) {
  v1::SubscribeRequest request;
  for (const std::string& filter : options.filters) request.add_filters(filter);
  request.set_policy(PolicyOf(options.policy));
  request.set_group(options.group);
  request.set_omit_payloads(options.omit_payloads);
  const absl::Status start = ParseSubscribeStart(options.from, request);
  if (!start.ok()) return ReportUsage(start, "sub");
  request.set_label("taskforge sub");
  const auto stub = v1::BusService::NewStub(session.Channel());
  Call call(session, kNoDeadline);
  const auto stream = stub->Subscribe(call.context(), request);
  uint64_t events = 0;
  v1::SubscribeResponse response;
  while (stream->Read(&response)) {
    if (!response.subscription().empty() && session.stderr_is_terminal()) {
      std::fprintf(stderr, "subscribed: Ctrl-C ends it\n");
    }
    for (const v1::Delivery& delivery : response.deliveries()) {
      PrintDelivery(session, delivery);
      if (delivery.has_event() && ++events == options.count) {
        if (&delivery == &*response.deliveries().rbegin()) PrintCursor(session, response);
        call.context()->TryCancel();
        stream->Finish();
        return kExitOk;
      }
    }
    PrintCursor(session, response);
    std::fflush(stdout);
    if (std::ferror(stdout)) call.context()->TryCancel();  // The reader has gone.
  }
  const grpc::Status status = stream->Finish();
  return status.ok() ? kExitOk : ReportError(session, status, "sub");
}

}  // namespace

void AddBusCommands(CLI::App& app, Session& session, Action& action) {
  CLI::App* pub = app.add_subcommand("pub", "Publish an event");
  auto pub_options = std::make_shared<PubOptions>();
  pub->add_option("TOPIC", pub_options->topic, "Tokens joined by dots")->required();
  pub->add_option("DATA", pub_options->data, "TEXT, @FILE, or - for standard input");
  pub->add_flag("--text", pub_options->as_text, "Send the data as text, wherever it comes from");
  pub->add_option("--content-type", pub_options->content_type, "Media type of the data");
  pub->add_option("-p,--priority", pub_options->priority, "How urgent it is")
      ->check(CLI::IsMember({"low", "normal", "high", "critical"}));
  pub->add_option("--type", pub_options->type, "CloudEvents type");
  pub->final_callback([&session, &action, pub_options] {
    action = [&session, pub_options] { return Publish(session, *pub_options); };
  });

  CLI::App* sub = app.add_subcommand("sub", "Print events as they come");
  auto sub_options = std::make_shared<SubOptions>();
  sub->add_option("FILTER", sub_options->filters, "Topics: orders.*.paid, task.default.>")
      ->required();
  sub->add_option("-n,--count", sub_options->count,
                  "End after so many events; no cursor follows if that is within a message");
  sub->add_option("--policy", sub_options->policy, "When this side is too slow")
      ->check(CLI::IsMember({"drop-oldest", "drop-newest", "block", "disconnect", "conflate"}))
      ->capture_default_str();
  sub->add_option(
         "--from", sub_options->from,
         "Where to begin: latest; earliest, with all that the server retains "
         "(bus.replay.filters); last:N, with the last N of each topic; cursor:BASE64, behind "
         "what an earlier run printed as {\"cursor\": ...} (-o jsonl, after each message)")
      ->capture_default_str();
  sub->add_option("--group", sub_options->group, "Share the events with all of this group");
  sub->add_flag("--omit-payloads", sub_options->omit_payloads,
                "Leave inputs and outputs of tasks out of their events");
  sub->final_callback([&session, &action, sub_options] {
    action = [&session, sub_options] { return Subscribe(session, *sub_options); };
  });
}

}  // namespace taskforge::cli
