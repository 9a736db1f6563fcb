// The durable store over the wire: whole lives of tasks (submit, run, result read) of 1 KiB, at
// most 1,024 outstanding, over SubmitTasks, on a server with a data directory; both syncs of a
// life, of the accepted task and of its result, are in it. Against, on the same file system and in
// turn:
//   raw group commit   the same bytes in as many syncs, appended to a file
//   Redis, beanstalkd  as they sync every write (store/peers.h says what a life is there)
//   bench_store TASKFORGED DIRECTORY [--quick|--smoke]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "child_process.h"
#include "client.h"
#include "harness.h"
#include "metrics.h"
#include "store/peers.h"
#include "store/work_directory.h"

namespace taskforge::bench {
namespace {

// Of one message of the stream.
constexpr int kBatch = 128;
// Where the server does not say how much it writes: records of a task and of its result with what
// stands around the payload, and half of what is outstanding in one sync.
constexpr int64_t kAssumedBytesOfTask = 2 * (kPayloadBytes + 256);
constexpr int64_t kAssumedRecordsOfSync = kOutstanding / 2;

// What a store wrote.
struct Written {
  int64_t syncs = 0;
  int64_t bytes = 0;
};

// Since the server began; nothing: it does not say.
std::optional<Written> WrittenBy(const ServerProcess& server) {
  const std::string metrics = HttpGet(server.admin_port(), "/metrics");
  const auto syncs = SumOf(metrics, "taskforge_store_syncs_total");
  const auto bytes = SumOf(metrics, "taskforge_store_written_bytes_total");
  if (!syncs || !bytes) return std::nullopt;
  return Written{static_cast<int64_t>(*syncs), static_cast<int64_t>(*bytes)};
}

class Ours {
 public:
  // Finished tasks go soon, as the peers' do, so that what this costs is in the figures.
  Ours(const std::string& binary, const std::string& data_directory)
      : server_(StartTaskforged(binary,
                                {"--data-dir", data_directory, "--results-succeeded-ttl", "2s"})),
        channel_(Connect(server_.grpc_address())),
        payloads_(MakePayloads(64, kPayloadBytes)) {}

  Sample Run(int tasks) {
    const auto written = WrittenBy(server_);
    const double cpu = ProcessCpuSeconds() + ProcessCpuSeconds(server_.pid());
    const double begin = WallSeconds();
    int64_t right = 0;
    TaskStream stream(channel_, 2 * kOutstanding, [&right](const v1::Task& task) {
      right += task.output().binary_data().size() == kPayloadBytes ? 1 : 0;
    });
    const v1::Task task = MakeTask("echo", "");
    const auto vary = [&, next = size_t{0}](v1::SubmitTaskRequest& request) mutable {
      request.mutable_task()->mutable_input()->set_binary_data(payloads_[next++ % 64]);
    };
    for (int sent = 0; sent < tasks; sent += kBatch) {
      const int count = std::min(kBatch, tasks - sent);
      if (!stream.AwaitUnfinished(kOutstanding - count) || !stream.Send(task, count, vary)) break;
    }
    stream.AwaitUnfinished(0);
    Sample sample{static_cast<double>(tasks), WallSeconds() - begin, 0};
    sample.cpu_seconds = ProcessCpuSeconds() + ProcessCpuSeconds(server_.pid()) - cpu;
    Check(stream, right, tasks);
    SetWritten(written, tasks);
    return sample;
  }

  // By the last run; what the server wrote, or would by the assumptions above.
  const Written& last_written() const { return last_written_; }
  bool tells_written() const { return tells_written_; }

 private:
  static void Check(const TaskStream& stream, int64_t right, int tasks) {
    if (right == tasks && stream.durability() == v1::DURABILITY_DURABLE) return;
    std::fprintf(stderr, "taskforge: of %d tasks %lld succeeded, %lld were refused; kept as %s\n",
                 tasks, static_cast<long long>(right), static_cast<long long>(stream.refused()),
                 v1::Durability_Name(stream.durability()).c_str());
    std::exit(1);
  }

  void SetWritten(const std::optional<Written>& before, int tasks) {
    const auto now = WrittenBy(server_);
    tells_written_ = before && now;
    last_written_ = tells_written_ ? Written{now->syncs - before->syncs, now->bytes - before->bytes}
                                   : Written{2 * tasks / kAssumedRecordsOfSync + 1,
                                             tasks * kAssumedBytesOfTask};
  }

  ServerProcess server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::vector<std::string> payloads_;
  Written last_written_;
  bool tells_written_ = false;
};

void PrintWritten(const Ours& ours, int tasks) {
  if (!ours.tells_written()) {
    std::printf("syncs not exported\nbytes not exported\n");
    return;
  }
  const Written& written = ours.last_written();
  std::printf("syncs %lld  (of %d tasks; %.1f tasks a sync)\n",
              static_cast<long long>(written.syncs), tasks,
              static_cast<double>(tasks) / static_cast<double>(written.syncs));
  std::printf("bytes %lld  (%.0f a task, of which %d are input and output)\n",
              static_cast<long long>(written.bytes), static_cast<double>(written.bytes) / tasks,
              2 * kPayloadBytes);
}

int Main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: bench_store TASKFORGED DIRECTORY [--quick|--smoke]\n");
    return 2;
  }
  const Options options = ParseOptions(argc - 2, argv + 2);
  const WorkDirectory directory(argv[2], options.smoke);
  Ours ours(argv[1], directory.Make("taskforge"));
  RedisPeer redis(directory.Make("redis"));
  BeanstalkdPeer beanstalkd(directory.Make("beanstalkd"));

  const int tasks = options.Count(100'000, 20'000);
  const int few = options.Count(10'000, 2'000);
  const auto raw = [&] {
    const Written& written = ours.last_written();
    return RunRawGroupCommit(directory.path() + "/raw", tasks, written.bytes, written.syncs);
  };
  const auto samples =
      RunInterleaved("whole lives of durable tasks, 1 KiB, 1,024 outstanding", options.rounds,
                     {{"taskforge SubmitTasks(echo)", [&] { return ours.Run(tasks); }},
                      {"raw group commit", raw},
                      {"Redis, appendfsync always", [&] { return redis.Run(tasks); }},
                      {"beanstalkd -f 0", [&] { return beanstalkd.Run(few); }}});
  PrintWritten(ours, tasks);
  PrintRatio("durable_accepts_vs_raw_group_commit", samples[0], samples[1]);
  PrintRatio("durable_vs_redis_aof_always", samples[0], samples[2]);
  PrintRatio("durable_vs_beanstalkd_fsync", samples[0], samples[3]);
  return 0;
}

}  // namespace
}  // namespace taskforge::bench

int main(int argc, char** argv) { return taskforge::bench::Main(argc, argv); }
