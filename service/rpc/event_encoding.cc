#include "rpc/event_encoding.h"

#include "bus/event.h"
#include "rpc/convert.h"
#include "taskforge/v1/bus_service.pb.h"

namespace taskforge {
namespace {

void AddAttributes(const EventFields& fields, v1::Event& event) {
  event.set_id(fields.id);
  event.set_source(fields.source);
  event.set_type(fields.type);
  event.set_subject(fields.subject);
  ToProto(fields.time, *event.mutable_time());
  event.set_topic(fields.topic);
  event.set_priority(ToProto(fields.priority));
  for (const auto& [name, value] : fields.attributes) (*event.mutable_attributes())[name] = value;
}

void AppendEvent(const Event& event, bool omit_payloads, std::string& frame) {
  v1::SubscribeResponse response;
  v1::Event& out = *response.add_deliveries()->mutable_event();
  if (const TaskRecordPtr& record = event.record(); record) {
    AddAttributes(event.Attributes(), out);
    ToProto(*record, *out.mutable_task(), {.input = !omit_payloads, .output = !omit_payloads});
  } else {
    AddAttributes(event.fields(), out);
    ToProto(event.fields().data, *out.mutable_data());
  }
  response.AppendToString(&frame);
}

}  // namespace

void AppendDelivery(const Delivery& delivery, bool omit_payloads, std::string& frame) {
  if (!delivery.event) {
    v1::SubscribeResponse response;
    v1::Missed& missed = *response.add_deliveries()->mutable_missed();
    missed.set_count(delivery.missed);
    missed.set_priority(ToProto(delivery.priority));
    missed.set_at_least(delivery.at_least);
    response.AppendToString(&frame);
    return;
  }
  const Event& event = *delivery.event;
  // Only what became of a task has payloads that can be left out.
  const bool is_short = omit_payloads && event.record();
  const std::string* known =
      event.Form(is_short ? EventForm::kWithoutPayloads : EventForm::kWhole, [&] {
        std::string encoded;
        AppendEvent(event, is_short, encoded);
        return encoded;
      });
  if (known == nullptr) {
    AppendEvent(event, is_short, frame);
  } else {
    frame += *known;
  }
}

}  // namespace taskforge
