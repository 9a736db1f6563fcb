#include "rpc/reflection.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"

namespace taskforge {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;

// The file and all that it imports, each once.
template <typename Response>
void AddFile(const FileDescriptor& file, std::set<std::string>& seen, Response& response) {
  if (!seen.insert(file.name()).second) return;
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  *response.mutable_file_descriptor_response()->add_file_descriptor_proto() =
      proto.SerializeAsString();
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), seen, response);
}

template <typename Response>
void SetError(absl::StatusCode code, const std::string& message, Response& response) {
  response.mutable_error_response()->set_error_code(static_cast<int>(code));
  response.mutable_error_response()->set_error_message(message);
}

template <typename Response>
void AnswerFile(const FileDescriptor* file, const std::string& what, Response& response) {
  if (file == nullptr) {
    SetError(absl::StatusCode::kNotFound, absl::StrCat("unknown: ", what), response);
    return;
  }
  std::set<std::string> seen;
  AddFile(*file, seen, response);
}

template <typename Response>
void ListServices(Response& response) {
  std::set<absl::string_view> services;
  for (const MethodRule& rule : MethodTable()) services.insert(rule.service);
  for (absl::string_view service : services) {
    response.mutable_list_services_response()->add_service()->set_name(std::string(service));
  }
}

// Both versions have the same messages under different names.
template <typename Request, typename Response>
void Answer(const Request& request, Response& response) {
  const DescriptorPool& pool = *DescriptorPool::generated_pool();
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case Request::kListServices:
      ListServices(response);
      break;
    case Request::kFileByFilename:
      AnswerFile(pool.FindFileByName(request.file_by_filename()), request.file_by_filename(),
                 response);
      break;
    case Request::kFileContainingSymbol:
      AnswerFile(pool.FindFileContainingSymbol(request.file_containing_symbol()),
                 request.file_containing_symbol(), response);
      break;
    case Request::kFileContainingExtension:
    case Request::kAllExtensionNumbersOfType:
      SetError(absl::StatusCode::kNotFound, "the API has no extensions", response);
      break;
    default:
      SetError(absl::StatusCode::kInvalidArgument, "unknown kind of request", response);
  }
}

template <typename Request, typename Response>
Reply Serve(ReflectionService& /*service*/, BidiCall<Request, Response>& call) {
  // When the server ends, so does the read that waits for a client which has nothing to ask.
  call.OnEnd([call = Ref<Call>(&call)](Call::End) { call->context().TryCancel(); });
  Request request;
  Response response;
  for (;;) {
    auto read = call.Read(&request);
    if (!co_await read) break;
    response.Clear();
    Answer(request, response);
    auto write = call.Write(response);
    if (!co_await write) break;
  }
  co_return absl::OkStatus();
}

}  // namespace

void ReflectionService::AddTo(MethodList& methods) {
  methods.Add(kName, "ServerReflectionInfo", generated_, &Generated::RequestServerReflectionInfo,
              *this, &ReflectionService::Info);
  methods.Add(kAlphaName, "ServerReflectionInfo", alpha_generated_,
              &AlphaGenerated::RequestServerReflectionInfo, *this, &ReflectionService::AlphaInfo);
}

Reply ReflectionService::Info(InfoCall& call) { return Serve(*this, call); }
Reply ReflectionService::AlphaInfo(AlphaInfoCall& call) { return Serve(*this, call); }

}  // namespace taskforge
