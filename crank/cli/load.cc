#include "crank/cli/load.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "crank/engine/module.h"

namespace crank::cli {
namespace {

constexpr std::uintmax_t max_file = 256u << 20;

using Prepared = Result<std::shared_ptr<const component::Blueprint>>;

Prepared prepare(engine::Engine& engine, const std::string& path) {
  CRANK_TRY(auto bytes, read_component(path));
  auto blueprint = component::Blueprint::prepare(engine, bytes);
  if (!blueprint) return fail(std::move(blueprint.error()).wrap(blueprint.error().code(), concat("loading ", path)));
  return blueprint;
}

// The thread sanitizer does not see the locks in the engine's compiler, which is not built with it: one thread at a time there.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CRANK_COMPILE_ONE_BY_ONE 1
#endif
#endif

// Compiling is the dear part of starting, and one component alone seldom keeps every processor busy with it.
std::vector<Prepared> prepare_all(engine::Engine& engine, const std::vector<std::string>& paths) {
  std::vector<std::optional<Prepared>> slots(paths.size());
  std::atomic<std::size_t> next{0};
  auto work = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < paths.size();) slots[i].emplace(prepare(engine, paths[i]));
  };
  std::vector<std::thread> others;
#if defined(CRANK_COMPILE_ONE_BY_ONE)
  const std::size_t useful = 1;
#else
  const std::size_t useful = std::min<std::size_t>(paths.size(), std::max(1u, std::thread::hardware_concurrency()));
#endif
  while (others.size() + 1 < useful) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
#if defined(__GLIBC__)
  malloc_trim(0);  // what compiling took is not needed again for the life of a server
#endif
  std::vector<Prepared> prepared;
  for (auto& slot : slots) prepared.push_back(*std::move(slot));
  return prepared;
}

}  // namespace

Result<std::vector<std::byte>> read_component(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status))
    return fail(Code::not_found, concat("reading ", path, ": there is no such file"));
  if (std::filesystem::is_directory(status))
    return fail(Code::bad_argument, concat("reading ", path, ": it is a directory; name the component file in it"));
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::io, concat("reading ", path, ": ", std::strerror(errno), "; check its permissions"));
  std::vector<std::byte> bytes;
  char buffer[1 << 16];
  while (file.read(buffer, sizeof buffer) || file.gcount()) {
    const auto* begin = reinterpret_cast<const std::byte*>(buffer);
    bytes.insert(bytes.end(), begin, begin + file.gcount());
    if (bytes.size() > max_file)
      return fail(Code::limit, concat("reading ", path, ": it is larger than ", max_file >> 20, " MiB"));
  }
  if (file.bad())
    return fail(Code::io, concat("reading ", path, ": ", std::strerror(errno), "; name a file that can be read"));
  if (bytes.empty()) return fail(Code::bad_binary, concat("reading ", path, ": the file is empty"));
  if (path.ends_with(".wat")) {
    auto binary = engine::wat_to_wasm({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (!binary)
      return fail(std::move(binary.error()).wrap(Code::bad_binary, concat("translating the text in ", path)));
    const auto* begin = reinterpret_cast<const std::byte*>(binary->data());
    bytes.assign(begin, begin + binary->size());
  }
  return bytes;
}

std::string part_name(std::string_view path) { return std::filesystem::path(path).stem().string(); }

Result<std::vector<Part>> load_parts(engine::Engine& engine, const std::string& main,
                                     const std::vector<std::string>& plugs) {
  std::vector<Part> parts;
  std::vector<std::string> paths = {main};
  paths.insert(paths.end(), plugs.begin(), plugs.end());
  std::vector<Prepared> prepared = prepare_all(engine, paths);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    CRANK_TRY(auto blueprint, std::move(prepared[i]));
    std::string name = part_name(paths[i]);
    const auto same =
        std::ranges::count_if(parts, [&](auto& p) { return p.name == name || p.name.starts_with(name + "#"); });
    parts.push_back({same ? concat(name, "#", same + 1) : name, std::move(blueprint)});
  }
  return parts;
}

Result<std::shared_ptr<component::Composition>> link(const std::vector<Part>& parts, component::Imports imports,
                                                     const LinkOptions& how) {
  component::Composition::Builder builder(std::move(imports));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    component::PartOptions options{.name = parts[i].name, .blueprint = parts[i].blueprint};
    options.root.name = parts[i].name;
    options.root.runtime = how.runtime;
    options.root.on_trap = how.on_trap;
    if (how.memory_bytes) options.root.limits.memory_bytes = *how.memory_bytes;
    if (how.longest_turn) {
      const auto ticks = *how.longest_turn / parts[i].blueprint->engine().options().tick;
      options.root.limits.turn_ticks = static_cast<std::uint32_t>(std::clamp<std::int64_t>(ticks, 1, UINT32_MAX));
    }
    if (i == 0) {
      options.reuse = how.reuse;
      builder.part(std::move(options));
    } else {
      builder.plug(std::move(options));
    }
  }
  return builder.link();
}

Result<std::vector<std::pair<std::string, std::string>>> parse_environment(const std::vector<std::string>& settings) {
  std::vector<std::pair<std::string, std::string>> all;
  for (auto& setting : settings) {
    const auto equals = setting.find('=');
    if (equals == 0 || equals == setting.npos)
      return fail(Code::bad_argument, concat("reading --env '", setting, "': expected NAME=VALUE"));
    all.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  return all;
}

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  double amount = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const double seconds = unit == "ms"                  ? 1e-3
                         : unit == "s" || unit.empty() ? 1
                         : unit == "m"                 ? 60
                         : unit == "h"                 ? 3600
                                                       : 0;
  if (error != std::errc() || seconds == 0 || !(amount > 0) || amount * seconds > 1e9)
    return fail(Code::bad_argument, concat("reading the duration '", text, "': expected for example 500ms, 30s or 2m"));
  return std::chrono::nanoseconds(static_cast<std::int64_t>(amount * seconds * 1e9));
}

}  // namespace crank::cli
