#include "crank/engine/skeleton.h"

#include <algorithm>
#include <array>

namespace crank::engine {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr unsigned deepest = 64;                               // components inside each other
constexpr std::array<std::uint8_t, 4> trap = {3, 0, 0, 0x0b};  // size, no locals, unreachable, end: valid for any type

/// Reads forward; once `bad`, everything it answers is empty.
struct Reader {
  Bytes rest;
  bool bad = false;

  std::uint32_t leb() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 35 && !rest.empty(); shift += 7) {
      const std::uint8_t byte = rest[0];
      rest = rest.subspan(1);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) != 0) continue;
      bad = bad || value > 0xffff'ffff;
      return static_cast<std::uint32_t>(value);
    }
    bad = true;
    return 0;
  }
  Bytes take(std::size_t size) {
    if (bad || size > rest.size()) {
      bad = true;
      return {};
    }
    Bytes out = rest.first(size);
    rest = rest.subspan(size);
    return out;
  }
};

void put_leb(std::vector<std::uint8_t>& out, std::size_t value) {
  do {
    const bool more = value > 0x7f;
    out.push_back(static_cast<std::uint8_t>((value & 0x7f) | (more ? 0x80 : 0)));
    value >>= 7;
  } while (value != 0);
}

void put(std::vector<std::uint8_t>& out, Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void put_section(std::vector<std::uint8_t>& out, std::uint8_t id, Bytes body) {
  out.push_back(id);
  put_leb(out, body.size());
  put(out, body);
}

constexpr std::array<std::uint8_t, 8> module_preamble = {0, 'a', 's', 'm', 1, 0, 0, 0};
constexpr std::array<std::uint8_t, 8> component_preamble = {0, 'a', 's', 'm', 0x0d, 0, 1, 0};

bool put_module(std::vector<std::uint8_t>& out, Bytes module) {
  Reader in{module};
  Bytes preamble = in.take(8);
  if (!std::ranges::equal(preamble, module_preamble)) return false;
  put(out, preamble);
  while (!in.rest.empty()) {
    const std::uint8_t id = in.take(1)[0];
    Bytes body = in.take(in.leb());
    if (in.bad) return false;
    if (id != 10) {
      put_section(out, id, body);
      continue;
    }
    Reader code{body};
    const std::uint32_t count = code.leb();
    for (std::uint32_t i = 0; i < count && !code.bad; ++i) code.take(code.leb());
    if (code.bad || !code.rest.empty()) return false;
    std::vector<std::uint8_t> bodies;
    put_leb(bodies, count);
    for (std::uint32_t i = 0; i < count; ++i) put(bodies, trap);
    put_section(out, id, bodies);
  }
  return true;
}

bool put_component(std::vector<std::uint8_t>& out, Bytes component, Skeleton& skeleton, unsigned depth) {
  Reader in{component};
  Bytes preamble = in.take(8);
  if (depth > deepest || !std::ranges::equal(preamble, component_preamble)) return false;
  put(out, preamble);
  while (!in.rest.empty()) {
    const std::uint8_t id = in.take(1)[0];
    Bytes body = in.take(in.leb());
    if (in.bad) return false;
    if (id != 1 && id != 4) {
      put_section(out, id, body);
      continue;
    }
    std::vector<std::uint8_t> inner;
    if (id == 1) {
      if (!put_module(inner, body)) return false;
      skeleton.modules.push_back(body);
    } else if (!put_component(inner, body, skeleton, depth + 1)) {
      return false;
    }
    put_section(out, id, inner);
  }
  return true;
}

}  // namespace

std::optional<Skeleton> skeleton_of(Bytes component) {
  Skeleton skeleton;
  skeleton.bytes.reserve(component.size());
  if (!put_component(skeleton.bytes, component, skeleton, 0)) return std::nullopt;
  return skeleton;
}

}  // namespace crank::engine
