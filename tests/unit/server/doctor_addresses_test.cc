#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "admin/listen_socket.h"
#include "doctor_checks.h"
#include "unit/server/test_config.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;

class DoctorAddressesTest : public ConfigFixture {
 protected:
  // What is said of the first address of grpc.listen.
  Finding Check(const std::string& grpc, const std::string& admin = "127.0.0.1:0") {
    return CheckAddresses(Configure({{"grpc.listen", grpc}, {"admin.listen", admin}})).front();
  }
};

// Listens on a unix socket while it lives; the file stays.
class SocketFile {
 public:
  explicit SocketFile(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(fd_, 1), 0);
  }
  ~SocketFile() { close(fd_); }

 private:
  int fd_;
};

TEST_F(DoctorAddressesTest, AFreePortIsFine) {
  EXPECT_EQ(Check("127.0.0.1:0").verdict, Verdict::kOk);
}

TEST_F(DoctorAddressesTest, APortThatIsTakenIsAProblem) {
  const auto taken = Listen("127.0.0.1:0");
  ASSERT_TRUE(taken.ok());
  const Finding finding = Check(taken->address);
  EXPECT_EQ(finding.verdict, Verdict::kProblem);
  EXPECT_THAT(finding.what, HasSubstr(taken->address));
  EXPECT_THAT(finding.advice, HasSubstr("grpc.listen"));
  close(taken->fd);
  // And it leaves nothing behind.
  EXPECT_EQ(Check(taken->address).verdict, Verdict::kOk);
  EXPECT_EQ(Check(taken->address).verdict, Verdict::kOk);
}

TEST_F(DoctorAddressesTest, TwoOptionsThatNameOneAddressAreAProblem) {
  const auto free = Listen("127.0.0.1:0");
  ASSERT_TRUE(free.ok());
  close(free->fd);
  const std::vector<Finding> findings =
      CheckAddresses(Configure({{"grpc.listen", free->address}, {"admin.listen", free->address}}));
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].verdict, Verdict::kOk);
  EXPECT_EQ(findings[1].verdict, Verdict::kProblem);
}

TEST_F(DoctorAddressesTest, AnAddressOfAnotherMachineIsAProblem) {
  EXPECT_EQ(CheckAddresses(Configure({{"grpc.listen", "192.0.2.1:0"},
                                      {"insecure_listen", "true"},
                                      {"admin.listen", "127.0.0.1:0"}}))
                .front()
                .verdict,
            Verdict::kProblem);
}

TEST_F(DoctorAddressesTest, ASocketIsFineUnlessSomebodyListensOnIt) {
  const std::string path = Path("s");
  EXPECT_EQ(Check("unix:" + path).verdict, Verdict::kOk);
  EXPECT_FALSE(std::filesystem::exists(path));
  {
    const SocketFile server(path);
    const Finding finding = Check("unix:" + path);
    EXPECT_EQ(finding.verdict, Verdict::kProblem);
    EXPECT_THAT(finding.what, HasSubstr("another server"));
  }
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_EQ(Check("unix:" + path).verdict, Verdict::kOk);
}

TEST_F(DoctorAddressesTest, APathThatCanBeNoSocketIsAProblem) {
  EXPECT_EQ(Check("unix:" + Write("file", "x")).verdict, Verdict::kProblem);
  EXPECT_EQ(Check("unix:" + Path("no/such/folder/s")).verdict, Verdict::kProblem);
  EXPECT_EQ(Check("unix:" + Path(std::string(120, 'a'))).verdict, Verdict::kProblem);
}

}  // namespace
}  // namespace taskforge
