#include "examples/middleware/content_coding.h"

namespace crank::example {
namespace {

constexpr bool is_space(char c) { return c == ' ' || c == '\t'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool same(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && same(text.substr(0, prefix.size()), prefix);
}

// Takes the part up to the separator off the front of `rest`, trimmed.
std::string_view take(std::string_view& rest, char separator) {
  auto end = rest.find(separator);
  auto part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return trim(part);
}

constexpr int malformed = -1;

// qvalue = 0, 1, or 0 to 1 with up to three decimals; in thousandths.
int parse_weight(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return malformed;
  int weight = (text[0] - '0') * 1000;
  if (text.size() > 1) {
    if (text[1] != '.' || text.size() > 5) return malformed;
    int unit = 100;
    for (char digit : text.substr(2)) {
      if (digit < '0' || digit > '9') return malformed;
      weight += (digit - '0') * unit;
      unit /= 10;
    }
  }
  return weight > 1000 ? malformed : weight;
}

Coding coding_named(std::string_view name) {
  if (same(name, "gzip") || same(name, "x-gzip")) return Coding::gzip;
  if (same(name, "deflate")) return Coding::deflate;
  return Coding::identity;
}

}  // namespace

std::string_view name_of(Coding coding) {
  switch (coding) {
    case Coding::gzip: return "gzip";
    case Coding::deflate: return "deflate";
    case Coding::identity: break;
  }
  return "identity";
}

Coding choose_coding(std::string_view accept_encoding) {
  constexpr int unsaid = -1;
  int gzip = unsaid, deflate = unsaid, identity = unsaid, any = unsaid;
  while (!accept_encoding.empty()) {
    auto element = take(accept_encoding, ',');
    auto name = take(element, ';');
    if (name.empty()) continue;
    int weight = 1000;
    while (!element.empty()) {
      auto parameter = take(element, ';');
      auto key = take(parameter, '=');
      if (same(key, "q")) weight = parse_weight(trim(parameter));
    }
    if (weight == malformed) continue;  // an element nobody can read asks for nothing
    if (name == "*") {
      any = weight;
    } else if (same(name, "identity")) {
      identity = weight;
    } else if (auto coding = coding_named(name); coding == Coding::gzip) {
      gzip = weight;
    } else if (coding == Coding::deflate) {
      deflate = weight;
    }
  }
  if (gzip == unsaid) gzip = any == unsaid ? 0 : any;
  if (deflate == unsaid) deflate = any == unsaid ? 0 : any;
  // Identity is acceptable unless refused, and without a weight of its own never better than what is asked for.
  int best = gzip >= deflate ? gzip : deflate;
  if (best == 0 || identity > best) return Coding::identity;
  return gzip >= deflate ? Coding::gzip : Coding::deflate;
}

Outermost outermost_coding(std::string_view content_encoding) {
  content_encoding = trim(content_encoding);
  auto comma = content_encoding.rfind(',');
  auto last = comma == std::string_view::npos ? content_encoding : trim(content_encoding.substr(comma + 1));
  auto coding = coding_named(last);
  if (coding == Coding::identity) return {Coding::identity, content_encoding};
  return {coding, comma == std::string_view::npos ? std::string_view{} : trim(content_encoding.substr(0, comma))};
}

bool forbids_transform(std::string_view cache_control) {
  while (!cache_control.empty())
    if (same(take(cache_control, ','), "no-transform")) return true;
  return false;
}

bool may_code_response(unsigned status, bool head) {
  return !head && status >= 200 && status != 204 && status != 206 && status != 304;
}

bool worth_coding(std::string_view content_type) {
  auto type = take(content_type, ';');
  if (starts_with(type, "image/")) return same(type, "image/svg+xml") || same(type, "image/bmp");
  for (auto compressed : {"audio/", "video/", "font/woff", "application/gzip", "application/zip", "application/zstd",
                          "application/x-gzip", "application/x-7z", "application/x-bzip2", "application/x-xz"})
    if (starts_with(type, compressed)) return false;
  return true;
}

}  // namespace crank::example
