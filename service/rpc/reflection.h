// Server reflection, v1 and v1alpha, over the descriptors that are linked in: what grpcurl and the
// like ask. Only what MethodTable() serves is listed.
#ifndef TASKFORGE_RPC_REFLECTION_H_
#define TASKFORGE_RPC_REFLECTION_H_

#include <vector>

#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "rpc/methods.h"

namespace taskforge {

// Thread-safe.
class ReflectionService {
 public:
  static constexpr char kName[] = "grpc.reflection.v1.ServerReflection";
  static constexpr char kAlphaName[] = "grpc.reflection.v1alpha.ServerReflection";

  void AddTo(MethodList& methods);
  std::vector<grpc::Service*> generated() { return {&generated_, &alpha_generated_}; }

 private:
  using Generated = grpc::reflection::v1::ServerReflection::AsyncService;
  using AlphaGenerated = grpc::reflection::v1alpha::ServerReflection::AsyncService;
  using InfoCall = BidiCall<grpc::reflection::v1::ServerReflectionRequest,
                            grpc::reflection::v1::ServerReflectionResponse>;
  using AlphaInfoCall = BidiCall<grpc::reflection::v1alpha::ServerReflectionRequest,
                                 grpc::reflection::v1alpha::ServerReflectionResponse>;

  Reply Info(InfoCall& call);
  Reply AlphaInfo(AlphaInfoCall& call);

  Generated generated_;
  AlphaGenerated alpha_generated_;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_REFLECTION_H_
