// The grammar of labels, import and export names (Explainer.md, "Import and Export Definitions"), and when two of them
// are too alike to stand in one scope ("Name Uniqueness").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace crank::component {

/// A semantic version: major.minor.patch, then the pre-release and build parts without their '-' and '+'.
struct Version {
  std::uint64_t major = 0, minor = 0, patch = 0;
  std::string_view prerelease, build;
};
/// Semantic Versioning 2.0; nothing if `text` is not one.
std::optional<Version> parse_version(std::string_view text) noexcept;
/// The part that decides compatibility: "1" of 1.2.3, "0.2" of 0.2.6, "0.0.1" of 0.0.1-alpha.
std::string_view canonical_version(std::string_view version) noexcept;
/// Less, equal or greater by the precedence rules of semver; build parts do not count.
int compare(const Version& a, const Version& b) noexcept;

/// A kebab-case label: words all in lower case or all in upper case, joined by '-', the first starting with a letter.
bool is_label(std::string_view text) noexcept;

/// An import or export name taken apart.
struct ExternNameParts {
  enum Kind : std::uint8_t { label, constructor, method, static_, interface } kind = label;
  std::string_view resource;  ///< constructor, method, static_
  std::string_view member;    ///< label; method, static_: the function's label; interface: the part after '/'
  std::string_view package;   ///< interface: "ns:pkg"
  std::string_view version;   ///< interface: what follows '@', or empty
};
/// Nothing if `name` is no plain name and no interface name; `why` (if given) then says what is wrong.
std::optional<ExternNameParts> parse_extern_name(std::string_view name, std::string* why = nullptr);

/// Two names are strongly unique if these differ.
std::string uniqueness_key(std::string_view name);
/// The same for labels: parameters, fields, cases.
std::string lower_case(std::string_view text);

}  // namespace crank::component
