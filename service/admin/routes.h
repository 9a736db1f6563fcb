// The routes of the admin port; composition.cc gives each what it asks for.
#ifndef TASKFORGE_ADMIN_ROUTES_H_
#define TASKFORGE_ADMIN_ROUTES_H_

#include <functional>
#include <string>

#include "admin/http.h"
#include "admin/status.h"

namespace taskforge {

// All functions that are passed are called from several threads at once.

// `/metrics`: what `serialize` returns, in Prometheus's text format 0.0.4.
HttpRoute MetricsRoute(std::function<std::string()> serialize);

// `/livez`: 200 as long as the process serves at all, drains included.
HttpRoute LivezRoute();

// `/readyz`: 200 while `is_ready` returns true, else 503.
HttpRoute ReadyzRoute(std::function<bool()> is_ready);

// `/`: the status page, one file that loads nothing from elsewhere.
HttpRoute StatusPageRoute();

// `/api/status`: what the page polls, as JSON.
HttpRoute StatusRoute(std::function<StatusSnapshot()> snapshot);

}  // namespace taskforge

#endif  // TASKFORGE_ADMIN_ROUTES_H_
