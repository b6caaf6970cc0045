// The edge of the reactor contract: a guest that does whatever the input says (tests/reactor_host/puppet.h), and the texts a
// host reads from outside: a guest's HTTP request, a kill list. The first byte chooses.
#include <cstdint>

#include "crank/reactor/bridges.h"
#include "crank/reactor/release.h"
#include "tests/reactor_host/puppet.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crank::reactor;
  if (size == 0) return 0;
  std::span<const std::uint8_t> rest(data + 1, size - 1);
  if (data[0] % 8 == 6) {
    (void)parse_query(std::as_bytes(rest));
    return 0;
  }
  if (data[0] % 8 == 7) {
    static const std::vector<PublicKey> keys{PublicKey{}};
    (void)KillList::parse(std::string_view(reinterpret_cast<const char*>(rest.data()), rest.size()), keys);
    return 0;
  }
  static const auto engine =
      *crank::engine::Engine::create({.interpreted = true, .allocation = crank::engine::Allocation::small});
  static const auto module = *crank::engine::Module::compile_text(*engine, testing::puppet_text);
  if (rest.size() > 2500) rest = rest.first(2500);
  (void)testing::play_puppet(engine, module, rest);
  return 0;
}
