// The act `pump`: asynchronous C++ compiled to a bare WebAssembly reactor, which by itself would hang for ever.
//
//   1  nobody pumps: the module hangs, and the host says so by name
//   2  the host pumps, the module is interpreted: it fetches JSON over HTTPS, decodes it inside, and answers
//   3  a release traps, and the one before it does, too: the caller gets the answer of the same source as native code
//   4  the server takes a version back by a signed kill list: the one before it serves
//
// The server is local, with a throw-away authority. Each step is checked; the program ends with 0 when all hold.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include "crank/async/pool.h"
#include "crank/async/sync_wait.h"
#include "crank/guest/twin.h"
#include "crank/io/http_server.h"
#include "crank/reactor/chain.h"
#include "crank/reactor/http.h"
#include "crank/reactor/native_guest.h"

namespace {

using namespace crank;
using namespace crank::reactor;

int wrong = 0;

void say(std::string_view line) {
  std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
  std::fflush(stdout);
}
void expect(bool holds, std::string_view what) {
  say(concat(holds ? "    ok: " : "    WRONG: ", what));
  wrong += !holds;
}
template <class T>
T must(Result<T> result, std::string_view what) {
  if (!result) {
    say(concat("WRONG: ", what, ": ", result.error().to_string()));
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

constexpr std::string_view report_json =
    R"({"title": "Tuesday", "events": [{"name": "started", "count": 41}, {"name": "bought", "count": 7}, {"name": "left", "count": 12}]})";
constexpr std::string_view report_line = "Tuesday: started 41, bought 7, left 12; together 60";
constexpr std::string_view token = "Bearer of-the-host-alone";

/// The report and the kill list, behind HTTPS on loopback.
class Server final : io::HttpHandler {
 public:
  Server() {
    auto authority = must(io::TestAuthority::make("127.0.0.1"), "making a test authority");
    authority_pem = authority.authority_pem;
    io::HttpServerOptions options;
    options.tls =
        must(io::TlsContext::server(authority.certificate_pem, authority.private_key_pem), "the server's certificate");
    server_ = must(io::HttpServer::listen(options, {{&loop_, this}}), "listening on loopback");
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Server() {
    // Clients may still hold connections open.
    server_->stop([this] { loop_.stop(); });
    server_->close_all();
    thread_.join();
  }
  std::string url(std::string_view path) const { return concat("https://127.0.0.1:", server_->port(), path); }
  std::string host() const { return concat("127.0.0.1:", server_->port()); }
  void publish(std::string list) {
    std::lock_guard lock(mutex_);
    kill_list_ = std::move(list);
  }
  std::string authority_pem;

 private:
  void on_request(std::shared_ptr<io::Exchange> exchange) override {
    std::lock_guard lock(mutex_);
    const io::RequestHead& head = exchange->request();
    if (head.headers.find("authorization") != token)
      exchange->respond(401, "who are you?");
    else if (head.target == "/report")
      exchange->respond(200, report_json);
    else if (head.target == "/kill-list")
      exchange->respond(200, kill_list_);
    else
      exchange->respond(404, "no such page");
  }
  std::mutex mutex_;
  std::string kill_list_;
  io::EventLoop loop_;
  std::unique_ptr<io::HttpServer> server_;
  std::thread thread_;
};

std::vector<std::uint8_t> module_file(const std::string& name) {
  auto beside =
      std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "reactors" / (name + ".wasm");
  std::ifstream file(beside, std::ios::binary);
  if (!file) {
    say(concat("cannot read ", beside.string(), ": build the target `reactors`"));
    std::exit(1);
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string text(const Result<Bytes>& answer) {
  return answer ? std::string(as_text(*answer)) : answer.error().to_string();
}

/// Anonymous mappings that could be executed: where compiled code would lie.
int executable_anonymous_mappings() {
  std::ifstream maps("/proc/self/maps");
  int found = 0;
  for (std::string line; std::getline(maps, line);) {
    std::string_view permissions = std::string_view(line).substr(line.find(' ') + 1, 4);
    bool anonymous = line.find('/') == std::string::npos && line.find('[') == std::string::npos;
    found += anonymous && permissions.find('x') != std::string_view::npos;
  }
  return found;
}

struct Act {
  Pool pool{{.threads = 2}};
  Server server;
  KeyPair key = KeyPair::make();
  std::shared_ptr<engine::Engine> interpreter =
      must(engine::Engine::create({.interpreted = true}), "starting the interpreter");
  std::shared_ptr<HttpGate> gate;
  std::shared_ptr<Bridges> bridges = std::make_shared<Bridges>();

  Act() {
    HttpGateOptions options;
    options.tls = must(io::TlsContext::client(server.authority_pem, true), "the test authority");
    options.allowed_hosts = {{server.host()}};
    options.credentials = {{server.host(), "authorization", std::string(token)}};
    gate = make_http_gate(std::move(options));
    bridges->set_http(gate);
  }

  ReactorOptions options() { return {.name = "analytics", .bridges = bridges}; }
  Release release(std::uint64_t version, const std::string& file) {
    return Release::sign("analytics", version, module_file(file), key.secret_key);
  }
  std::shared_ptr<Chain> chain() {
    return Chain::make(pool.runtime(), {.name = "analytics",
                                        .keys = {key.public_key},
                                        .reactor = options(),
                                        .bundled = native_guest<guest::Twin>("analytics"),
                                        .engine = interpreter,
                                        .log = [](std::string_view line) { say(concat("    | ", line)); }});
  }

  void nobody_pumps() {
    say("1. The module alone: its host calls it, and nobody turns the crank.");
    auto module = must(engine::Module::compile(*interpreter, module_file("analytics")), "reading the module");
    auto alone = options();
    alone.drive = false;
    auto reactor = must(Reactor::open(pool.runtime(), interpreter, module, std::move(alone)), "opening the module");
    Result<Bytes> answer = sync_wait(pool, reactor->call("fetch_report", to_bytes(server.url("/report"))));
    say(concat("    fetch_report: ", text(answer)));
    expect(!answer && answer.error().code() == Code::stuck,
           "it hangs, and the host names the task and what it waits for");
    sync_wait(pool, reactor->close());
  }

  void pumped() {
    say("2. With the pump, interpreted: HTTPS by the host, JSON inside the module.");
    auto module = must(engine::Module::compile(*interpreter, module_file("analytics")), "reading the module");
    auto reactor = must(Reactor::open(pool.runtime(), interpreter, module, options()), "opening the module");
    Result<Bytes> answer = sync_wait(pool, reactor->call("fetch_report", to_bytes(server.url("/report"))));
    say(concat("    fetch_report: ", text(answer)));
    expect(text(answer) == report_line, "the report was fetched over HTTPS and decoded in the guest");
    expect(executable_anonymous_mappings() == 0, "no memory of this process holds code that was made while it ran");
    Result<Bytes> elsewhere = sync_wait(pool, reactor->call("fetch_report", to_bytes("https://example.org/")));
    expect(!elsewhere, "a host that is not on the list is refused");
    sync_wait(pool, reactor->close());
  }

  void falls_back() {
    say("3. A bad release, and another: last known good.");
    auto chain = this->chain();
    must(sync_wait(pool, chain->start(release(1, "analytics"), std::nullopt)), "starting the chain");
    must(sync_wait(pool, chain->update(release(2, "analytics_broken_1"))), "the bad release is well at its probe");
    Result<Bytes> trapped =
        sync_wait(pool, chain->call("fetch_report", to_bytes(server.url("/report")), {.again = false}));
    expect(!trapped && trapped.error().code() == Code::trap, "its caller gets the trap as a value");
    say(concat(
        "      ", text(trapped), "\n      in ",
        trapped ? std::string() : trapped.error().backtrace().substr(0, trapped.error().backtrace().find('\n'))));
    expect(text(sync_wait(pool, chain->call("fetch_report", to_bytes(server.url("/report"))))) == report_line,
           "the next call is served by the release before it");
    sync_wait(pool, chain->close());

    auto worse = this->chain();
    must(sync_wait(pool, worse->start(release(3, "analytics_broken_2"), release(2, "analytics_broken_1"))),
         "starting the chain");
    Result<Bytes> answer = sync_wait(pool, worse->call("fetch_report", to_bytes(server.url("/report"))));
    say(concat("    fetch_report: ", text(answer)));
    expect(text(answer) == report_line && worse->state().rung == Rung::bundled,
           "both trapped; the same source as native code answered the caller");

    Release forged = release(9, "analytics");
    forged.module.back() ^= 1;
    expect(!sync_wait(pool, worse->update(std::move(forged))),
           "a release whose digest is not the signed one is not opened");
    sync_wait(pool, worse->close());
  }

  void taken_back() {
    say("4. The server takes a version back.");
    auto chain = this->chain();
    must(sync_wait(pool, chain->start(release(5, "analytics"), release(4, "analytics"))), "starting the chain");
    server.publish(KillList::sign(1, {{"analytics", 5}}, key.secret_key));
    auto list = must(sync_wait(pool, fetch_kill_list(*gate, server.url("/kill-list"), {key.public_key})),
                     "fetching the kill list");
    must(sync_wait(pool, chain->apply(std::move(list))), "applying the kill list");
    expect(chain->state().rung == Rung::previous && chain->state().version == 4, "version 5 is out, version 4 serves");
    expect(text(sync_wait(pool, chain->call("fetch_report", to_bytes(server.url("/report"))))) == report_line,
           "and answers");
    server.publish(KillList::sign(2, {{"analytics", 4}}, KeyPair::make().secret_key));
    expect(!sync_wait(pool, fetch_kill_list(*gate, server.url("/kill-list"), {key.public_key})),
           "a list somebody else signed is ignored");
    sync_wait(pool, chain->close());
  }
};

}  // namespace

int main() {
  Act act;
  act.nobody_pumps();
  act.pumped();
  act.falls_back();
  act.taken_back();
  say(wrong == 0 ? "pump: all of it holds" : concat("pump: ", wrong, " things do not hold"));
  return wrong == 0 ? 0 : 1;
}
