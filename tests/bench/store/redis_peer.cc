#include <hiredis/hiredis.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

#include "store/peers.h"
#include "store/work_directory.h"

namespace taskforge::bench {
namespace {

// Clients that take their steps independently, so that Redis has work while some prepare theirs; of
// 1 to 64 clients with 1 to 64 connections each the fastest.
constexpr int kLanes = 8;
constexpr int kConnectionsOfLane = 4;
// Of one connection and step.
constexpr int kTasksOfConnection = kOutstanding / kLanes / kConnectionsOfLane;

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

}  // namespace

// A client and a worker with the same number of connections. Not thread-safe.
class RedisPeer::Lane {
 public:
  Lane(int number, int port, std::string log) : log_(std::move(log)) {
    for (int i = 0; i < kConnectionsOfLane; ++i) {
      redisContext* const context = redisConnect("127.0.0.1", port);
      if (context == nullptr || context->err != 0) {
        Fail(context == nullptr ? "no memory" : context->errstr);
      }
      connections_.push_back(
          {context, "running:" + std::to_string(number) + ":" + std::to_string(i)});
    }
  }
  ~Lane() {
    for (const Connection& each : connections_) redisFree(each.context);
  }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // So many lives, as many at a time as its connections have room for.
  void Run(int tasks) {
    while (tasks > 0) {
      for (Connection& each : connections_) {
        each.tasks = std::min(tasks, kTasksOfConnection);
        tasks -= each.tasks;
      }
      Submit();
      Take();
      Finish();
      ReadResults();
    }
  }

 private:
  struct Connection {
    redisContext* context;
    std::string running;
    int tasks = 0;  // Of the present step.
    std::vector<Reply> taken = {};
  };

  void Submit() {
    for (Connection& each : connections_) {
      for (int i = 0; i < each.tasks; ++i) {
        const std::string& payload = payloads_[static_cast<size_t>(i) % payloads_.size()];
        Append(each, "LPUSH tasks %b", payload.data(), payload.size());
      }
    }
    Flush();
    for (Connection& each : connections_) {
      for (int i = 0; i < each.tasks; ++i) Await(each, REDIS_REPLY_INTEGER);
    }
  }

  void Take() {
    for (Connection& each : connections_) {
      for (int i = 0; i < each.tasks; ++i) {
        Append(each, "LMOVE tasks %s RIGHT LEFT", each.running.c_str());
      }
    }
    Flush();
    for (Connection& each : connections_) {
      for (int i = 0; i < each.tasks; ++i) each.taken.push_back(AwaitPayload(each));
    }
  }

  void Finish() {
    for (Connection& each : connections_) {
      for (const Reply& task : each.taken) {
        Append(each, "LPUSH results %b", task->str, static_cast<size_t>(task->len));
        Append(each, "LTRIM %s 0 -2", each.running.c_str());
      }
    }
    Flush();
    for (Connection& each : connections_) {
      for (int i = 0; i < each.tasks; ++i) {
        Await(each, REDIS_REPLY_INTEGER);
        Await(each, REDIS_REPLY_STATUS);
      }
      each.taken.clear();
    }
  }

  void ReadResults() {
    for (Connection& each : connections_) {
      if (each.tasks > 0) Append(each, "RPOP results %d", each.tasks);
    }
    Flush();
    for (Connection& each : connections_) {
      if (each.tasks == 0) continue;
      const Reply results = Await(each, REDIS_REPLY_ARRAY);
      if (results->elements != static_cast<size_t>(each.tasks)) Fail("results are missing");
      for (size_t i = 0; i < results->elements; ++i) {
        if (results->element[i]->len != kPayloadBytes) Fail("a result is not its task's input");
      }
    }
  }

  void Append(const Connection& to, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (redisvAppendCommand(to.context, format, arguments) != REDIS_OK) Fail(to.context->errstr);
    va_end(arguments);
  }

  void Flush() {
    for (const Connection& each : connections_) {
      for (int done = 0; done == 0;) {
        if (redisBufferWrite(each.context, &done) != REDIS_OK) Fail(each.context->errstr);
      }
    }
  }

  Reply Await(const Connection& from, int type) {
    void* raw = nullptr;
    if (redisGetReply(from.context, &raw) != REDIS_OK) Fail(from.context->errstr);
    Reply reply(static_cast<redisReply*>(raw));
    if (reply->type == REDIS_REPLY_ERROR) Fail(reply->str);
    if (reply->type != type) Fail("an answer of type " + std::to_string(reply->type));
    return reply;
  }

  Reply AwaitPayload(const Connection& from) {
    Reply reply = Await(from, REDIS_REPLY_STRING);
    if (reply->len != kPayloadBytes) Fail("a task is not what was submitted");
    return reply;
  }

  [[noreturn]] void Fail(const std::string& what) {
    std::fprintf(stderr, "redis: %s; its log:\n", what.c_str());
    std::cerr << std::ifstream(log_).rdbuf() << std::flush;
    std::exit(1);
  }

  const std::string log_;
  const std::vector<std::string> payloads_ = MakePayloads(kTasksOfConnection, kPayloadBytes);
  std::vector<Connection> connections_;
};

RedisPeer::RedisPeer(const std::string& directory) : log_(directory + "/redis.log") {
  const int port = FreePort();
  server_ = std::make_unique<ChildProcess>(std::vector<std::string>{
      "redis-server", "--bind", "127.0.0.1", "--port", std::to_string(port), "--dir", directory,
      "--logfile", log_, "--appendonly", "yes", "--appendfsync", "always", "--save", ""});
  AwaitPort(port);
  for (int i = 0; i < kLanes; ++i) lanes_.push_back(std::make_unique<Lane>(i, port, log_));
}

RedisPeer::~RedisPeer() = default;

Sample RedisPeer::Run(int tasks) {
  const double cpu = ProcessCpuSeconds() + ProcessCpuSeconds(server_->pid());
  const double begin = WallSeconds();
  std::vector<std::thread> threads;
  for (int i = 0; i < kLanes; ++i) {
    const int share = tasks * (i + 1) / kLanes - tasks * i / kLanes;
    threads.emplace_back(
        [lane = lanes_[static_cast<size_t>(i)].get(), share] { lane->Run(share); });
  }
  for (std::thread& thread : threads) thread.join();
  Sample sample{static_cast<double>(tasks), WallSeconds() - begin, 0};
  sample.cpu_seconds = ProcessCpuSeconds() + ProcessCpuSeconds(server_->pid()) - cpu;
  return sample;
}

}  // namespace taskforge::bench
