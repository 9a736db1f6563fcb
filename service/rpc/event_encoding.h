// An event as Subscribe sends it, encoded once for all who get it.
#ifndef TASKFORGE_RPC_EVENT_ENCODING_H_
#define TASKFORGE_RPC_EVENT_ENCODING_H_

#include <string>

#include "bus/subscription.h"

namespace taskforge {

// Appends a SubscribeResponse with `delivery` alone to `frame`: the encodings of several messages,
// one behind the other, are the encoding of their union, so a frame is a SubscribeResponse with all
// that was appended. What others get too is encoded by the first who comes here, and kept with the
// event. Thread-safe.
void AppendDelivery(const Delivery& delivery, bool omit_payloads, std::string& frame);

}  // namespace taskforge

#endif  // TASKFORGE_RPC_EVENT_ENCODING_H_
