#include "metrics/component_metrics.h"

namespace taskforge {
namespace {

void CollectReplay(const ReplayStats& stats, Families& families) {
  families.Gauge("taskforge_bus_retained_topics", "Topics of which events are retained.", {},
                 static_cast<double>(stats.topics));
  families.Gauge("taskforge_bus_retained_events", "Events that are retained.", {},
                 static_cast<double>(stats.events));
  families.Gauge("taskforge_bus_retained_bytes", "Their bytes.", {},
                 static_cast<double>(stats.bytes));
  families.Counter("taskforge_bus_retained_total", "Events that were retained, for some time.", {},
                   static_cast<double>(stats.appended));
  families.Counter("taskforge_bus_trimmed_total",
                   "Events that were retained and had to go for newer ones.", {},
                   static_cast<double>(stats.trimmed));
  families.Counter("taskforge_bus_replayed_total",
                   "Events that subscribers read from what is retained, each for itself.", {},
                   static_cast<double>(stats.replayed));
}

}  // namespace

void CollectBus(const BusStats& stats, Families& families) {
  for (const Priority priority : kPriorities) {
    families.Counter("taskforge_bus_published_total", "Events that were published.",
                     {{"priority", std::string(Name(priority))}},
                     static_cast<double>(stats.published[priority]));
  }
  families.Counter("taskforge_bus_delivered_total", "Events that subscribers got.", {},
                   static_cast<double>(stats.delivered));
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    families.Counter("taskforge_bus_dropped_total", "Events that subscribers lost.",
                     {{"reason", std::string(Name(static_cast<DropReason>(i)))}},
                     static_cast<double>(stats.dropped_by_reason[i]));
  }
  families.Histogram("taskforge_bus_delivery_seconds",
                     "From the publication of an event until a subscriber is given it.", {},
                     stats.delivery, BusBuckets());
  families.Gauge("taskforge_subscribers", "Subscriptions.", {},
                 static_cast<double>(stats.subscriptions));
  families.Gauge("taskforge_subscriber_backlog_events_max",
                 "Events that wait for the subscription for which most wait.", {},
                 static_cast<double>(stats.backlog_events_max));
  families.Gauge("taskforge_subscribers_replaying",
                 "Subscriptions that still read what is retained.", {},
                 static_cast<double>(stats.replaying));
  CollectReplay(stats.replay, families);
}

}  // namespace taskforge
