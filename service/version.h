// What this server is. The build makes the values: version.cc.in.
#ifndef TASKFORGE_VERSION_H_
#define TASKFORGE_VERSION_H_

namespace taskforge {

extern const char kVersion[];
// The commit that was built; "unknown" where the build saw no git repository.
extern const char kRevision[];
extern const char kCompiler[];

}  // namespace taskforge

#endif  // TASKFORGE_VERSION_H_
