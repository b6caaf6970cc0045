#include "crank/component/host.h"

#include <algorithm>

#include "crank/component/names.h"

namespace crank::component {

Imports::Interface& Imports::Interface::function(std::string name, HostFunction body) {
  items_[std::move(name)].plain = std::move(body);
  return *this;
}
Imports::Interface& Imports::Interface::async_function(std::string name, AsyncHostFunction body) {
  items_[std::move(name)].async = std::move(body);
  return *this;
}
Imports::Interface& Imports::Interface::resource(std::string name) {
  items_[std::move(name)].is_resource = true;
  return *this;
}

Imports::Interface& Imports::interface(std::string_view name) {
  auto at = interfaces_.find(name);
  if (at == interfaces_.end()) at = interfaces_.emplace(std::string(name), Interface()).first;
  return at->second;
}

void Imports::merge(const Imports& other) {
  for (const auto& [name, from] : other.interfaces_) {
    Interface& to = interface(name);
    for (const auto& [item, body] : from.items_) to.items_[item] = body;
  }
}

namespace {

struct Versioned {
  std::string_view base, version;
};
Versioned split(std::string_view name) {
  auto at = name.rfind('@');
  if (at == std::string_view::npos) return {name, {}};
  return {name.substr(0, at), name.substr(at + 1)};
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

bool versions_match(std::string_view wanted, std::string_view given) {
  if (wanted == given) return true;
  Versioned w = split(wanted), g = split(given);
  if (w.base != g.base || w.version.empty() || g.version.empty()) return false;
  return canonical_version(w.version) == canonical_version(g.version);
}

const Imports::Interface* Imports::lookup(std::string_view name) const {
  if (auto exact = interfaces_.find(name); exact != interfaces_.end()) return &exact->second;
  const Interface* best = nullptr;
  std::optional<Version> newest;
  for (const auto& [given, interface] : interfaces_) {
    if (!versions_match(name, given)) continue;
    auto version = parse_version(split(given).version);
    if (!best || (version && newest && compare(*version, *newest) > 0)) {
      best = &interface;
      newest = version;
    }
  }
  return best;
}

bool Imports::has_interface(std::string_view interface) const { return lookup(interface) != nullptr; }

Imports::Found Imports::find(std::string_view interface, std::string_view name) const {
  Found found;
  const Interface* in = lookup(interface);
  if (!in) return found;
  auto item = in->items_.find(name);
  if (item == in->items_.end()) return found;
  if (item->second.plain) found.plain = &item->second.plain;
  if (item->second.async) found.async = &item->second.async;
  found.is_resource = item->second.is_resource;
  return found;
}

std::string Imports::nearest(std::string_view interface, std::string_view name) const {
  std::string best;
  std::size_t least = 0;
  const std::string wanted = concat(interface, "#", name);
  for (const auto& [given, in] : interfaces_) {
    for (const auto& [item, body] : in.items_) {
      std::string candidate = concat(given, "#", item);
      std::size_t d = distance(wanted, candidate);
      if (best.empty() || d < least) {
        best = std::move(candidate);
        least = d;
      }
    }
  }
  return least * 3 <= wanted.size() ? best : std::string();
}

}  // namespace crank::component
