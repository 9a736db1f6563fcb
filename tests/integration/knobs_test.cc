// The knobs that error messages name are options that there are.
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "integration/server_fixture.h"

namespace taskforge {
namespace {

std::set<std::string> Options(const OptionTable& table) {
  std::set<std::string> keys;
  for (const OptionTable::Option& option : table.options()) keys.insert(option.key);
  return keys;
}

// What stands in parentheses in `text` and looks like an option: words with dots between, or one
// that begins with max_ (an option's last word, which its reader could not find).
std::set<std::string> KnobsIn(const std::string& text) {
  static const std::regex knob(R"(\(((?:[a-z_]+\.)+[a-z_]+|max_[a-z_]+)\))");
  std::set<std::string> knobs;
  for (std::sregex_iterator it(text.begin(), text.end(), knob), end; it != end; ++it) {
    knobs.insert((*it)[1]);
  }
  return knobs;
}

// The string literals of a source, joined where only white space stands between them.
std::string LiteralsOf(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  const std::string source = text.str();
  static const std::regex literal(R"re("((?:[^"\\\n]|\\.)*)"\s*)re");
  std::string literals;
  std::ptrdiff_t last_end = -1;
  for (std::sregex_iterator it(source.begin(), source.end(), literal), end; it != end; ++it) {
    if (it->position() != last_end) literals += '\n';
    literals += (*it)[1];
    last_end = it->position() + it->length();
  }
  return literals;
}

TEST(Knobs, AreFoundInLiterals) {
  EXPECT_EQ(KnobsIn("full (queues.default.max_tasks), (max_workers); a call(x) (see it)"),
            (std::set<std::string>{"queues.default.max_tasks", "max_workers"}));
}

TEST(Knobs, OfEverySourceAreOptions) {
  const std::set<std::string> options = Options(LoadedConfig().table());
  size_t found = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(TASKFORGE_SERVICE_DIR)) {
    if (entry.path().extension() != ".cc") continue;
    for (const std::string& knob : KnobsIn(LiteralsOf(entry.path()))) {
      EXPECT_EQ(options.count(knob), 1u) << knob << " in " << entry.path();
      ++found;
    }
  }
  EXPECT_GE(found, 5u) << "the messages are not found any more";
}

// Those whose message is put together from parts.
class ServerKnobsTest : public ServerFixture {
 protected:
  void ExpectOption(const grpc::Status& status, const std::string& knob) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_EQ(KnobsIn(status.error_message()), std::set<std::string>{knob})
        << status.error_message();
    EXPECT_EQ(Options(loaded_->table()).count(knob), 1u) << knob;
  }
};

TEST_F(ServerKnobsTest, OfAFullQueueAreItsOptions) {
  Start({{"queues.mail.max_tasks", "1"}, {"queues.default.max_bytes", "1KiB"}});
  grpc::ClientContext first_context;
  v1::SubmitTaskRequest request;
  request.set_parent("queues/mail");
  *request.mutable_task() = MakeTask("sleep", "60s");
  v1::Task first;
  ASSERT_TRUE(tasks_->SubmitTask(&first_context, request, &first).ok());
  grpc::ClientContext context;
  v1::Task out;
  ExpectOption(tasks_->SubmitTask(&context, request, &out), "queues.mail.max_tasks");
  ExpectOption(Submit(MakeTask("echo", std::string(2048, 'x')), &out), "queues.default.max_bytes");
  EXPECT_TRUE(Cancel(first.name(), &out).ok());
}

}  // namespace
}  // namespace taskforge
