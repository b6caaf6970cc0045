// The export side of wasi:http: each request of the server becomes one call of handler.handle, and its answer a response.
//
//   exchange ──> request resource ──> composition (nested in this worker's turn) ──> response resource ──> exchange
//
// One service a worker, used on that worker. A trap becomes a 500 and a sentence for the log; a handler that does not
// answer in time a 504; an error-code the status nearest to it; a client that leaves cancels its call.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "crank/component/composition.h"
#include "crank/io/http_server.h"
#include "crank/wasi/context.h"

namespace crank::wasi {

class HttpService final : public io::HttpHandler, public std::enable_shared_from_this<HttpService> {
 public:
  struct Options {
    std::chrono::nanoseconds request_timeout = std::chrono::seconds(60);  ///< until the handler answers
    std::chrono::nanoseconds cancel_grace = std::chrono::seconds(1);      ///< then its root is destroyed
    std::function<void(const std::string& sentence)> on_error;
    std::function<void(const io::ExchangeRecord&)> on_complete;
  };
  /// Code::missing_export when `app` exports no wasi:http/handler of version 0.3.
  /// The requests it serves keep it alive.
  static Result<std::shared_ptr<HttpService>> make(std::shared_ptr<component::Composition> app,
                                                   std::shared_ptr<Context> context, Options options);

  void on_request(std::shared_ptr<io::Exchange> exchange) override;
  void on_complete(const io::ExchangeRecord& record) override;
  component::Composition& app() noexcept { return *app_; }

 private:
  HttpService(std::shared_ptr<component::Composition> app, component::Function handle, std::shared_ptr<Context> context,
              Options options);
  static Task<> serve(std::shared_ptr<HttpService> self, std::shared_ptr<io::Exchange> exchange);
  void refuse(io::Exchange& exchange, std::uint16_t status, const std::string& why);

  std::shared_ptr<component::Composition> app_;
  component::Function handle_;
  std::shared_ptr<Context> context_;
  Options options_;
};

}  // namespace crank::wasi
