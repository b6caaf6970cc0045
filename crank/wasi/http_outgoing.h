// Sending a guest's request over the network: wasi:http/client, and a handler import that no plug fills.
#pragma once

#include <memory>

#include "crank/async/task.h"
#include "crank/wasi/context.h"
#include "crank/wasi/http_message.h"

namespace crank::wasi {

/// Answers result<response, error-code> as a Value. From any executor; the work is done on the context's, where the body
/// goes out while the response is awaited and after. Cancelling closes the connection.
Task<Result<component::Value>> send_request(std::shared_ptr<Context> context, component::Ref<Request> request);

}  // namespace crank::wasi
