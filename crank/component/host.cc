#include "crank/component/host.h"

#include "crank/component/match.h"

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

bool versions_match(std::string_view wanted, std::string_view given) { return compatible_names(wanted, given); }

const Imports::Interface* Imports::lookup(std::string_view name) const {
  if (auto exact = interfaces_.find(name); exact != interfaces_.end()) return &exact->second;
  std::vector<std::string_view> names;
  for (const auto& [given, interface] : interfaces_) names.push_back(given);
  auto found = find_compatible(name, names);
  return found ? &interfaces_.find(names[*found])->second : nullptr;
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

std::vector<std::string> Imports::items() const {
  std::vector<std::string> items;
  for (const auto& [given, in] : interfaces_)
    for (const auto& [item, body] : in.items_) items.push_back(concat(given, "#", item));
  return items;
}

std::string Imports::nearest(std::string_view interface, std::string_view name) const {
  const std::vector<std::string> all = items();
  std::vector<std::string_view> names(all.begin(), all.end());
  return std::string(component::nearest(concat(interface, "#", name), names));
}

}  // namespace crank::component
