#include "crank/component/names.h"

#include <algorithm>

#include "crank/base/text.h"

namespace crank::component {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool lower(char c) { return c >= 'a' && c <= 'z'; }
bool upper(char c) { return c >= 'A' && c <= 'Z'; }

// words ::= first-word ('-' word)*: like a label, without acronyms.
bool is_words(std::string_view text) { return is_label(text) && std::ranges::none_of(text, upper); }

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::size_t n = 0;
  std::uint64_t value = 0;
  while (n < text.size() && digit(text[n])) {
    if (value > 1'844'674'407'370'955'160u) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(text[n++] - '0');
  }
  if (n == 0 || (n > 1 && text[0] == '0')) return std::nullopt;
  text.remove_prefix(n);
  return value;
}

bool all_digits(std::string_view text) { return std::ranges::all_of(text, digit); }

bool valid_identifiers(std::string_view text, bool numbers_may_start_with_zero) {
  while (true) {
    auto dot = text.find('.');
    auto part = text.substr(0, dot);
    if (part.empty()) return false;
    if (!std::ranges::all_of(part, [](char c) { return digit(c) || lower(c) || upper(c) || c == '-'; })) return false;
    if (!numbers_may_start_with_zero && part.size() > 1 && part[0] == '0' && all_digits(part)) return false;
    if (dot == text.npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_canonical_version(std::string_view text) {
  if (text == "0.0.0") return true;
  take_prefix(text, "0.") && take_prefix(text, "0.");
  auto number = take_number(text);
  return number && *number > 0 && text.empty();
}

int compare_identifiers(std::string_view a, std::string_view b) {
  while (true) {
    auto x = a.substr(0, a.find('.')), y = b.substr(0, b.find('.'));
    if (x != y) {
      bool nx = all_digits(x), ny = all_digits(y);
      if (nx != ny) return nx ? -1 : 1;
      if (nx && x.size() != y.size()) return x.size() < y.size() ? -1 : 1;
      return x < y ? -1 : 1;
    }
    bool a_ends = x.size() == a.size(), b_ends = y.size() == b.size();
    if (a_ends || b_ends) return a_ends == b_ends ? 0 : a_ends ? -1 : 1;
    a.remove_prefix(x.size() + 1);
    b.remove_prefix(y.size() + 1);
  }
}

}  // namespace

std::optional<Version> parse_version(std::string_view text) noexcept {
  Version v;
  auto major = take_number(text);
  if (!major || !take_prefix(text, ".")) return std::nullopt;
  auto minor = take_number(text);
  if (!minor || !take_prefix(text, ".")) return std::nullopt;
  auto patch = take_number(text);
  if (!patch) return std::nullopt;
  v.major = *major;
  v.minor = *minor;
  v.patch = *patch;
  if (take_prefix(text, "-")) {
    v.prerelease = text.substr(0, text.find('+'));
    if (!valid_identifiers(v.prerelease, false)) return std::nullopt;
    text.remove_prefix(v.prerelease.size());
  }
  if (take_prefix(text, "+")) {
    v.build = text;
    if (!valid_identifiers(v.build, true)) return std::nullopt;
    text = {};
  }
  return text.empty() ? std::optional(v) : std::nullopt;
}

std::string_view canonical_version(std::string_view version) noexcept {
  auto v = parse_version(version);
  if (!v) return version;
  std::size_t dots = v->major > 0 ? 1 : v->minor > 0 ? 2 : 3;
  std::size_t end = 0;
  while (end < version.size() && (digit(version[end]) || (version[end] == '.' && --dots > 0))) ++end;
  return version.substr(0, end);
}

int compare(const Version& a, const Version& b) noexcept {
  auto order = [](std::uint64_t x, std::uint64_t y) { return x < y ? -1 : x > y; };
  if (int c = order(a.major, b.major)) return c;
  if (int c = order(a.minor, b.minor)) return c;
  if (int c = order(a.patch, b.patch)) return c;
  if (a.prerelease.empty() || b.prerelease.empty())
    return static_cast<int>(a.prerelease.empty()) - static_cast<int>(b.prerelease.empty());
  return compare_identifiers(a.prerelease, b.prerelease);
}

bool is_label(std::string_view text) noexcept {
  if (text.empty() || digit(text[0])) return false;
  while (true) {
    auto dash = text.find('-');
    auto word = text.substr(0, dash);
    if (word.empty()) return false;
    bool any_lower = false, any_upper = false;
    for (char c : word) {
      any_lower |= lower(c);
      any_upper |= upper(c);
      if (!lower(c) && !upper(c) && !digit(c)) return false;
    }
    if (any_lower && any_upper) return false;
    if (dash == text.npos) return true;
    text.remove_prefix(dash + 1);
  }
}

std::optional<ExternNameParts> parse_extern_name(std::string_view name, std::string* why) {
  auto bad = [&](std::string_view part, std::string_view expected) -> std::optional<ExternNameParts> {
    if (why) *why = concat("`", part, "` in the name `", name, "` is not ", expected);
    return std::nullopt;
  };
  constexpr std::string_view kebab = "a kebab-case label";
  ExternNameParts out;
  std::string_view text = name;
  if (take_prefix(text, "[constructor]")) {
    out.kind = ExternNameParts::constructor;
    out.resource = text;
    return is_label(text) ? std::optional(out) : bad(text, kebab);
  }
  bool method = take_prefix(text, "[method]");
  if (method || take_prefix(text, "[static]")) {
    out.kind = method ? ExternNameParts::method : ExternNameParts::static_;
    auto dot = text.find('.');
    if (dot == text.npos) return bad(text, "of the form resource.function");
    out.resource = text.substr(0, dot);
    out.member = text.substr(dot + 1);
    if (!is_label(out.resource)) return bad(out.resource, kebab);
    return is_label(out.member) ? std::optional(out) : bad(out.member, kebab);
  }
  auto colon = text.find(':');
  if (colon == text.npos) {
    out.member = text;
    return is_label(text) ? std::optional(out) : bad(text, kebab);
  }
  out.kind = ExternNameParts::interface;
  auto slash = text.find('/', colon);
  auto space = text.substr(0, colon), package = text.substr(colon + 1, slash == text.npos ? slash : slash - colon - 1);
  constexpr std::string_view words = "lower-case kebab-case words";
  if (!is_words(space)) return bad(space, words);
  if (!is_words(package)) return bad(package, words);
  if (slash == text.npos) return bad(text, "of the form namespace:package/interface");
  out.package = text.substr(0, slash);
  text.remove_prefix(slash + 1);
  auto at = text.find('@');
  out.member = text.substr(0, at);
  if (!is_label(out.member)) return bad(out.member, kebab);
  if (at == text.npos) return out;
  out.version = text.substr(at + 1);
  if (!parse_version(out.version) && !is_canonical_version(out.version)) return bad(out.version, "a semantic version");
  return out;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (upper(c)) c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string uniqueness_key(std::string_view name) {
  std::string_view rest = name;
  if (take_prefix(rest, "[method]") || take_prefix(rest, "[static]")) {
    auto key = lower_case(rest);
    auto dot = key.find('.');
    if (dot != key.npos && std::string_view(key).substr(0, dot) == std::string_view(key).substr(dot + 1))
      key.resize(dot);
    return key;
  }
  return lower_case(name);
}

}  // namespace crank::component
