#include "crank/component/match.h"

#include <algorithm>

#include "crank/component/names.h"

namespace crank::component {
namespace {

std::string_view kind_name(ExportItem::Kind kind) {
  switch (kind) {
    case ExportItem::function: return "function";
    case ExportItem::instance: return "instance";
    case ExportItem::type: return "type";
    case ExportItem::resource: return "resource";
    case ExportItem::module: return "core module";
    case ExportItem::component: return "component";
  }
  return "thing";
}

std::vector<std::string_view> names_of(const std::vector<Export>& exports) {
  std::vector<std::string_view> out;
  for (auto& e : exports) out.push_back(e.name);
  return out;
}

/// Levenshtein distance, given up past `limit`.
std::size_t distance(std::string_view a, std::string_view b, std::size_t limit) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > limit) return limit + 1;
  std::vector<std::size_t> row(a.size() + 1);
  for (std::size_t i = 0; i <= a.size(); ++i) row[i] = i;
  for (std::size_t j = 1; j <= b.size(); ++j) {
    std::size_t diagonal = row[0], least = row[0] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
      std::size_t change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[i];
      row[i] = std::min({change, row[i] + 1, row[i - 1] + 1});
      least = std::min(least, row[i]);
    }
    if (least > limit) return limit + 1;
  }
  return row[a.size()];
}

std::string_view without_version(std::string_view name) { return name.substr(0, name.find('@')); }

}  // namespace

std::optional<ResourceId> ResourceMapping::find(ResourceId wanted) const {
  auto found = provided_.find(index(wanted));
  return found == provided_.end() ? std::nullopt : std::optional(found->second);
}

bool ResourceMapping::bind(ResourceId wanted, ResourceId provided) {
  return provided_.try_emplace(index(wanted), provided).first->second == provided;
}

bool Matcher::same(ResourceId wanted, ResourceId provided) {
  if (auto known = resources_.find(wanted)) return *known == provided;
  auto& a = importer_.resources[index(wanted)];
  auto& b = provider_.resources[index(provided)];
  bool alike = b.instance ? a.import_name == b.name
                          : a.import_name == b.import_name && compatible_names(a.import_interface, b.import_interface);
  return alike && resources_.bind(wanted, provided);
}

bool Matcher::same(TypeRef a, TypeRef b) {
  if (!a || !b) return a == b;
  if (a->kind != b->kind || a->length != b->length || a->fields.size() != b->fields.size()) return false;
  if (a->kind <= TypeKind::error_context) return true;
  if (a->kind == TypeKind::own || a->kind == TypeKind::borrow) return same(a->resource, b->resource);
  if (auto known = equal_.find(a); known != equal_.end()) return known->second == b;
  if (!same(a->element, b->element)) return false;
  for (std::size_t i = 0; i < a->fields.size(); ++i) {
    if (a->fields[i].name != b->fields[i].name || !same(a->fields[i].type, b->fields[i].type)) return false;
  }
  equal_.emplace(a, b);
  return true;
}

bool Matcher::same(const FuncType& a, const FuncType& b) {
  if (a.async_ != b.async_ || a.params.size() != b.params.size()) return false;
  for (std::size_t i = 0; i < a.params.size(); ++i) {
    if (a.params[i].name != b.params[i].name || !same(a.params[i].type, b.params[i].type)) return false;
  }
  return same(a.result, b.result);
}

Result<> Matcher::satisfies(const Export& wanted, const ExportItem& provided) {
  return satisfies(wanted, provided, wanted.name);
}

Result<> Matcher::satisfies(const Export& wanted, const ExportItem& provided, const std::string& path) {
  const ExportItem& item = wanted.item;
  auto mismatch = [&](std::string_view asked, std::string_view found) {
    return fail(Code::bad_type,
                concat("linking `", path, "`: the importer asks for ", asked, ", the provider has ", found));
  };
  if (item.kind != provided.kind)
    return mismatch(concat("a ", kind_name(item.kind)), concat("a ", kind_name(provided.kind)));
  switch (item.kind) {
    case ExportItem::function:
      if (same(*item.function_type, *provided.function_type)) return {};
      return mismatch(to_string(*item.function_type, importer_), to_string(*provided.function_type, provider_));
    case ExportItem::resource:
      if (resources_.bind(item.resource_id, provided.resource_id)) return {};
      return mismatch("a resource it also imports under another name", "two different resources");
    case ExportItem::type:
      if (item.function_type && provided.function_type) {
        if (same(*item.function_type, *provided.function_type)) return {};
        return mismatch(to_string(*item.function_type, importer_), to_string(*provided.function_type, provider_));
      }
      if (!item.value_type != !provided.value_type) return mismatch("another kind of type", "this one");
      if (same(item.value_type, provided.value_type)) return {};
      return mismatch(to_string(item.value_type, importer_), to_string(provided.value_type, provider_));
    case ExportItem::instance: {
      std::unordered_map<std::string_view, const ExportItem*> members;
      for (auto& member : provided.exports) members.emplace(member.name, &member.item);
      for (auto& member : item.exports) {
        auto found = members.find(member.name);
        if (found == members.end()) {
          return fail(Code::missing_export, concat("linking `", path, "`: the importer asks for `", member.name,
                                                   "`, which the provider does not have",
                                                   did_you_mean(member.name, names_of(provided.exports))));
        }
        CRANK_TRY_VOID(satisfies(member, *found->second, concat(path, "#", member.name)));
      }
      return {};
    }
    case ExportItem::module:
    case ExportItem::component:
      return fail(Code::unsupported,
                  concat("linking `", path, "`: imported core modules and components cannot be filled"));
  }
  return {};
}

bool compatible_names(std::string_view wanted, std::string_view provided) noexcept {
  if (wanted == provided) return true;
  if (without_version(wanted) != without_version(provided)) return false;
  auto version = [](std::string_view name) {
    auto at = name.find('@');
    return at == name.npos ? std::string_view{} : name.substr(at + 1);
  };
  auto a = version(wanted), b = version(provided);
  if (a.empty() || b.empty()) return false;
  auto prerelease = [](std::string_view text) {
    auto parsed = parse_version(text);
    return parsed ? parsed->prerelease : std::string_view{};
  };
  if (!prerelease(a).empty() || !prerelease(b).empty()) return false;
  return canonical_version(a) == canonical_version(b);
}

std::optional<std::size_t> find_compatible(std::string_view wanted, std::span<const std::string_view> provided) {
  std::optional<std::size_t> best;
  std::optional<Version> best_version;
  for (std::size_t i = 0; i < provided.size(); ++i) {
    if (provided[i] == wanted) return i;
    if (!compatible_names(wanted, provided[i])) continue;
    auto version = parse_version(provided[i].substr(provided[i].find('@') + 1));
    if (!best || (version && (!best_version || compare(*best_version, *version) < 0))) {
      best = i;
      best_version = version;
    }
  }
  return best;
}

std::string_view nearest(std::string_view wanted, std::span<const std::string_view> candidates) {
  // Names are compared without their versions: one that differs in its version alone is the nearest there is.
  auto bare = [](std::string_view name) {
    auto at = name.find('@');
    if (at == name.npos) return std::string(name);
    auto hash = name.find('#', at);
    return std::string(name.substr(0, at)).append(hash == name.npos ? std::string_view() : name.substr(hash));
  };
  const std::string wanted_bare = bare(wanted);
  std::size_t limit = std::max<std::size_t>(2, wanted_bare.size() / 3);
  std::string_view best;
  for (auto candidate : candidates) {
    std::size_t d = distance(wanted_bare, bare(candidate), limit);
    if (d > limit) continue;
    if (d == 0) return candidate;
    best = candidate;
    limit = d - 1;
  }
  return best;
}

std::string did_you_mean(std::string_view wanted, std::span<const std::string_view> candidates) {
  auto found = nearest(wanted, candidates);
  return found.empty() ? std::string() : concat("; did you mean `", found, "`?");
}

}  // namespace crank::component
