#include "metrics/component_metrics.h"

namespace taskforge {

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
}

}  // namespace taskforge
