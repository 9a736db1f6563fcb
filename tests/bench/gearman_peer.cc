// The gearmand peer: an echo worker, and a client that runs foreground jobs, many at once, and
// waits for every result, with gearmand's own C library.
//   bench_gearman_peer worker PORT
//   bench_gearman_peer client PORT JOBS      prints: JOBS WALL_SECONDS CPU_SECONDS
#include <libgearman/gearman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "harness.h"

namespace {

gearman_return_t Echo(gearman_job_st* job, void*) {
  return gearman_job_send_complete(job, gearman_job_workload(job), gearman_job_workload_size(job));
}

int ServeWorker(int port) {
  gearman_worker_st* worker = gearman_worker_create(nullptr);
  gearman_worker_add_server(worker, "127.0.0.1", static_cast<in_port_t>(port));
  gearman_worker_define_function(worker, "echo", 4, gearman_function_create(Echo), 0, nullptr);
  // Grab many jobs without asking the server in between: its fastest mode.
  gearman_worker_add_options(worker, GEARMAN_WORKER_GRAB_ALL);
  std::printf("ready\n");
  std::fflush(stdout);
  while (gearman_worker_work(worker) == GEARMAN_SUCCESS) {
  }
  return 1;
}

int g_completed = 0;

gearman_return_t Completed(gearman_task_st*) {
  ++g_completed;
  return GEARMAN_SUCCESS;
}

int RunClient(int port, int jobs) {
  gearman_client_st* client = gearman_client_create(nullptr);
  gearman_client_add_server(client, "127.0.0.1", static_cast<in_port_t>(port));
  gearman_client_set_complete_fn(client, Completed);
  gearman_client_add_options(client, GEARMAN_CLIENT_FREE_TASKS);
  const std::string payload(64, 'x');
  const double begin = taskforge::bench::WallSeconds();
  // Its library scans all tasks of a run at each step: runs of 1000 and more were slower than
  // these.
  constexpr int kWindow = 250;
  for (int sent = 0; sent < jobs; sent += kWindow) {
    for (int i = 0; i < kWindow && sent + i < jobs; ++i) {
      gearman_return_t rc;
      gearman_client_add_task(client, nullptr, nullptr, "echo", nullptr, payload.data(),
                              payload.size(), &rc);
      if (rc != GEARMAN_SUCCESS) return 1;
    }
    if (gearman_client_run_tasks(client) != GEARMAN_SUCCESS) {
      std::fprintf(stderr, "%s\n", gearman_client_error(client));
      return 1;
    }
  }
  std::printf("%d %.6f %.6f\n", g_completed, taskforge::bench::WallSeconds() - begin,
              taskforge::bench::ProcessCpuSeconds());
  gearman_client_free(client);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "worker") == 0) return ServeWorker(std::atoi(argv[2]));
  if (argc == 4 && std::strcmp(argv[1], "client") == 0) {
    return RunClient(std::atoi(argv[2]), std::atoi(argv[3]));
  }
  std::fprintf(stderr, "usage: bench_gearman_peer worker PORT | client PORT JOBS\n");
  return 2;
}
