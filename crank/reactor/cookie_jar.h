// Internal: the cookies of one gate. Kept by origin, which is stricter than a cookie's own domain: nothing that one server
// sets is sent to another. Path, Max-Age and Expires are honoured. Bounded: 64 cookies an origin, 4 KiB each, 1,000 origins.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

namespace crank::reactor {

class CookieJar {
 public:
  using Time = std::chrono::sys_seconds;

  /// The value of a Cookie field for a request of that path; empty: none.
  std::string header_for(const std::string& origin, std::string_view path, Time now);
  /// Takes one Set-Cookie field of an answer to a request of that path.
  void take(const std::string& origin, std::string_view path, std::string_view set_cookie, Time now);

 private:
  struct Cookie {
    std::string value, path;
    Time expires = Time::max();
  };
  std::map<std::string, std::map<std::string, Cookie>> by_origin_;
};

}  // namespace crank::reactor
