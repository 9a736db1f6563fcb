// What the durable store is compared with. Each does `tasks` whole lives of a task of 1 KiB, at
// most kOutstanding at a time, with its files in a directory that it is given. What goes wrong with
// a peer ends the benchmark with a message and the peer's log.
#ifndef TASKFORGE_BENCH_STORE_PEERS_H_
#define TASKFORGE_BENCH_STORE_PEERS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "child_process.h"
#include "harness.h"

struct redisContext;
struct redisReply;

namespace taskforge::bench {

constexpr int kPayloadBytes = 1024;
constexpr int kOutstanding = 1024;

// Appends `bytes` to a new file at `path` in `syncs` equal pieces, each with one write() and one
// fdatasync(), and removes the file: group commit with nothing around it. The file grows with each
// piece, as nothing is preallocated, so that every sync writes its size too. The sample's items are
// `tasks`.
Sample RunRawGroupCommit(const std::string& path, int tasks, int64_t bytes, int64_t syncs);

// Redis that syncs its append-only file before it answers (`appendfsync always`), no snapshots,
// with its C client. A life is
//   client  LPUSH tasks PAYLOAD                      accepted, once it is answered
//   worker  LMOVE tasks running:W RIGHT LEFT         taken into the worker's own list
//           LPUSH results PAYLOAD, LTRIM running:W   the result, then the task is done
//   client  RPOP results N                           results read
// with all commands of a step in one pipeline on each of 32 connections: Redis reads 16 KiB of a
// connection in one turn and syncs once for all connections of a turn. In its favour a step asks
// for exactly what is there, so that nobody polls or blocks, and the result is one entry of a list.
class RedisPeer {
 public:
  explicit RedisPeer(const std::string& directory);
  ~RedisPeer();
  Sample Run(int tasks);

 private:
  class Lane;

  std::string log_;
  std::unique_ptr<ChildProcess> server_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

// beanstalkd that syncs its log at every write (`-f 0`), with a client of ours. A life is
//   client  put      accepted (its first sync)
//   worker  reserve
//           delete   done (its second)
// each step in one pipeline. In its favour no result is kept or read: it has none, and a second
// tube for them would cost two more syncs.
class BeanstalkdPeer {
 public:
  explicit BeanstalkdPeer(const std::string& directory);
  ~BeanstalkdPeer();
  Sample Run(int tasks);

 private:
  class Connection;

  std::unique_ptr<ChildProcess> server_;
  std::unique_ptr<Connection> connection_;
  std::vector<std::string> payloads_;
};

}  // namespace taskforge::bench

#endif  // TASKFORGE_BENCH_STORE_PEERS_H_
