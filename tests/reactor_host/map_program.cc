// Reads the map of this very process while a guest does all that could make code: instantiation, fibers, preemption, a bridge in
// the middle of a turn, a trap with its backtrace, a second instance.
//
//   map_program interpreted     ends with 0 when no memory could hold code that was made while it ran (S0.19)
//   map_program compiled        the control: ends with 0 when such memory is found, so that the look itself is proved
//
// A program of its own, because one compiling engine anywhere in the process would be seen.
#include <cstdio>
#include <cstring>
#include <fstream>

#include "crank/async/sleep.h"
#include "tests/reactor_host/rig.h"

namespace crank::reactor {
namespace {

using testing::must;
using testing::Rig;

/// Lines of the map that may be executed and are no file's: made here, or written and made executable. A file that was deleted
/// and a memfd count, too. What the kernel puts there itself does not.
std::vector<std::string> made_code() {
  std::vector<std::string> out;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::string permissions = line.substr(line.find(' ') + 1, 4);
    if (permissions.find('x') == std::string::npos) continue;
    std::size_t path = line.find_first_of("/[");
    bool of_the_kernel = line.ends_with("[vdso]") || line.ends_with("[vsyscall]");
    bool of_a_file = path != std::string::npos && line[path] == '/' && !line.ends_with("(deleted)") &&
                     line.compare(path, 7, "/memfd:") != 0;
    if (!of_the_kernel && !of_a_file) out.push_back(line);
  }
  return out;
}

int run(bool interpreted) {
  std::size_t looks = 0, most = 0;
  std::string first;
  auto look = [&] {
    ++looks;
    auto found = made_code();
    most = std::max(most, found.size());
    if (!found.empty() && first.empty()) first = found.front();
  };
  Rig rig;
  rig.bridges->add_immediate("count", [&](BridgeRequest&) -> Result<Bytes> {
    look();
    return to_bytes("1");
  });
  rig.bridges->add("later", [&](BridgeRequest) -> Task<Result<Bytes>> {
    std::ignore = co_await sleep_for(std::chrono::milliseconds(1));
    look();
    co_return to_bytes("2");
  });
  rig.open(testing::module_named("bridges", interpreted), interpreted, {.slice = 1});
  look();
  bool right =
      rig.call("call_many", "3") == "3" && rig.call("call", "later") == "2" && rig.call("nap", "1000") == "rested";
  auto burning = spawn(rig.reactor->call("burn", to_bytes("3000000")), {.runtime = &rig.manual.runtime()});
  while (!burning.is_done() && rig.manual.step()) look();
  right = right && rig.report().preemptions > 0;
  auto crashed = rig.manual.run(rig.reactor->call("crash", to_bytes("now")));
  look();
  right = right && !crashed && crashed.error().code() == Code::trap && !crashed.error().backtrace().empty();
  Rig second;
  second.open(testing::module_named("counted", interpreted), interpreted);
  look();
  std::printf("%s: %zu looks, at most %zu mappings that hold made code%s%s; the guest %s\n",
              interpreted ? "interpreted" : "compiled", looks, most, first.empty() ? "" : ", as ", first.c_str(),
              right ? "did all of it" : "DID NOT DO ITS PART");
  return right && (interpreted ? most == 0 : most > 0) ? 0 : 1;
}

}  // namespace
}  // namespace crank::reactor

int main(int count, char** words) {
  if (count != 2) return 2;
  return crank::reactor::run(std::strcmp(words[1], "interpreted") == 0);
}
