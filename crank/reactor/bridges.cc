#include "crank/reactor/bridges.h"

#include <charconv>

namespace crank::reactor {

Result<HttpQuery> parse_query(View bytes) {
  auto bad = [](std::string_view what) {
    return fail(Code::protocol, concat("reading an HTTP request of the guest: ", what));
  };
  std::string_view text = as_text(bytes);
  auto line = [&](std::string_view& out) {
    std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return false;
    out = text.substr(0, end);
    text.remove_prefix(end + 1);
    return true;
  };
  HttpQuery query;
  std::string_view first;
  if (!line(first)) return bad("the first line does not end");
  std::size_t space = first.find(' ');
  if (space == 0 || space == std::string_view::npos || space + 1 == first.size())
    return bad("the first line is not METHOD URL");
  query.method = first.substr(0, space);
  query.url = first.substr(space + 1);
  for (char c : query.method) {
    if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-')) return bad("the method is not a word");
  }
  for (char c : query.url) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return bad("the URL has a space or a control character");
  }
  for (;;) {
    std::string_view field;
    if (!line(field)) return bad("there is no empty line after the fields");
    if (field.empty()) break;
    std::size_t colon = field.find(':');
    if (colon == 0 || colon == std::string_view::npos)
      return bad(concat("the field \"", field.substr(0, 40), "\" is not name: value"));
    std::string_view value = field.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    for (char c : field) {
      if (static_cast<unsigned char>(c) < ' ' && c != '\t') return bad("a field has a control character");
    }
    query.headers.emplace_back(field.substr(0, colon), value);
  }
  query.body = to_bytes(text);
  return query;
}

Bytes format_answer(const HttpAnswer& answer, std::uint32_t stream) {
  std::string head = concat(answer.status, " ", stream, "\n");
  for (const auto& [name, value] : answer.headers) head += concat(name, ": ", value, "\n");
  head += '\n';
  Bytes out;
  out.reserve(head.size() + answer.body.size());
  auto* data = reinterpret_cast<const std::byte*>(head.data());
  out.insert(out.end(), data, data + head.size());
  out.insert(out.end(), answer.body.begin(), answer.body.end());
  return out;
}

}  // namespace crank::reactor
