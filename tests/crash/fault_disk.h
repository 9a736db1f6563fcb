// A library to be loaded before all others (LD_PRELOAD) into a server: it stands between the server
// and the directory that is named, counts what the server does to it, and at one of these points
// ends the process, or the power, or fails.
#ifndef TASKFORGE_CRASH_FAULT_DISK_H_
#define TASKFORGE_CRASH_FAULT_DISK_H_

namespace taskforge::crash {

// The environment variables that it reads. A point is one of the calls that change files or names:
// write, sync, truncate, allocate, create, rename, link, remove, make a directory. They are counted
// from 1, over all threads: one at a time reaches the disk.
inline constexpr char kFaultDirectory[] = "TASKFORGE_FAULT_DIRECTORY";
// A file of eight bytes: how many points there have been, in the order of this machine's bytes.
inline constexpr char kFaultCount[] = "TASKFORGE_FAULT_COUNT";
// `MODE:N`:
//   kill:N      SIGKILL in place of the N-th point.
//   torn:N      SIGKILL in the middle of it, if it is a write: half of it is done.
//   power:N     As kill, and all that no sync has brought to the disk is undone: bytes, and names.
//   prefix:N    As power, but of what no sync has brought there the first half stays.
//   eio:N       The N-th sync of a file fails with EIO; the next says that all is well.
//   full:N      From the N-th write on, writes fail with ENOSPC, so many as kFaultTimes says.
//   readonly:N  From the N-th point on, all fail with EROFS.
//   nofiles:N   From the N-th opening on, all fail with EMFILE.
inline constexpr char kFaultMode[] = "TASKFORGE_FAULT_MODE";
inline constexpr char kFaultTimes[] = "TASKFORGE_FAULT_TIMES";  // Absent: for ever.

}  // namespace taskforge::crash

#endif  // TASKFORGE_CRASH_FAULT_DISK_H_
