#include "crank/reactor/cookie_jar.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "crank/base/text.h"
#include "crank/io/http_message.h"

namespace crank::reactor {

namespace {

constexpr std::size_t most_origins = 1000, most_cookies = 64, longest = 4096;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

using io::same_name;

std::optional<long long> whole_number(std::string_view text) {
  long long value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "Wed, 21 Oct 2015 07:28:00 GMT", also with dashes between the parts of the date, as old servers write it.
std::optional<CookieJar::Time> parse_date(std::string_view text) {
  constexpr std::string_view months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                         "jul", "aug", "sep", "oct", "nov", "dec"};
  std::optional<unsigned> day, month;
  std::optional<int> year;
  std::optional<long long> seconds;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(text.find_first_of(" ,-", at), text.size());
    std::string_view word = text.substr(at, end - at);
    at = end + 1;
    if (word.size() == 8 && word[2] == ':' && word[5] == ':') {
      auto h = whole_number(word.substr(0, 2)), m = whole_number(word.substr(3, 2)), s = whole_number(word.substr(6));
      if (!h || !m || !s) return std::nullopt;
      seconds = *h * 3600 + *m * 60 + *s;
    } else if (auto number = whole_number(word); number && *number >= 0) {
      if (!day && word.size() <= 2)
        day = static_cast<unsigned>(*number);
      else if (!year)
        year = static_cast<int>(*number < 70 ? *number + 2000 : *number < 100 ? *number + 1900 : *number);
    } else if (word.size() >= 3 && !month) {
      auto found =
          std::ranges::find_if(months, [&](std::string_view name) { return same_name(name, word.substr(0, 3)); });
      if (found != std::end(months)) month = static_cast<unsigned>(found - std::begin(months)) + 1;
    }
  }
  if (!day || !month || !year || *year > 9999) return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month), std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::seconds(seconds.value_or(0));
}

// A path covers itself and what lies below it.
bool covers(std::string_view cookie, std::string_view request) {
  if (!request.starts_with(cookie)) return false;
  return request.size() == cookie.size() || cookie.ends_with('/') || request[cookie.size()] == '/';
}

}  // namespace

std::string CookieJar::header_for(const std::string& origin, std::string_view path, Time now) {
  std::string out;
  auto found = by_origin_.find(origin);
  if (found == by_origin_.end()) return out;
  std::erase_if(found->second, [&](const auto& entry) { return entry.second.expires <= now; });
  for (const auto& [name, cookie] : found->second) {
    if (covers(cookie.path, path)) out += concat(out.empty() ? "" : "; ", name, "=", cookie.value);
  }
  return out;
}

void CookieJar::take(const std::string& origin, std::string_view path, std::string_view set_cookie, Time now) {
  std::string_view pair = set_cookie.substr(0, set_cookie.find(';'));
  std::size_t equals = pair.find('=');
  if (equals == 0 || equals == std::string_view::npos || pair.size() > longest) return;
  Cookie cookie{std::string(trimmed(pair.substr(equals + 1))), std::string(path.substr(0, path.rfind('/')))};
  bool lasts_for = false;
  for (std::string_view rest = set_cookie.substr(pair.size()); !rest.empty();) {
    rest.remove_prefix(1);  // the semicolon
    std::string_view attribute = rest.substr(0, rest.find(';'));
    rest.remove_prefix(attribute.size());
    std::size_t is = attribute.find('=');
    std::string_view name = trimmed(attribute.substr(0, is));
    std::string_view value = is == std::string_view::npos ? std::string_view() : trimmed(attribute.substr(is + 1));
    if (same_name(name, "path") && value.starts_with('/')) {
      cookie.path = value;
    } else if (same_name(name, "max-age")) {
      // It outranks Expires, whichever comes first. A year is for ever here.
      if (auto seconds = whole_number(value)) {
        lasts_for = true;
        cookie.expires = now + std::chrono::seconds(std::clamp<long long>(*seconds, -1, 366 * 86'400));
      }
    } else if (same_name(name, "expires") && !lasts_for) {
      if (auto when = parse_date(value)) cookie.expires = *when;
    }
  }
  if (cookie.path.empty()) cookie.path = "/";
  std::string name(trimmed(pair.substr(0, equals)));
  if (cookie.expires <= now) {
    if (auto found = by_origin_.find(origin); found != by_origin_.end()) found->second.erase(name);
    return;
  }
  if (!by_origin_.contains(origin) && by_origin_.size() >= most_origins) return;
  auto& cookies = by_origin_[origin];
  if (cookies.size() < most_cookies || cookies.contains(name)) cookies[name] = std::move(cookie);
}

}  // namespace crank::reactor
