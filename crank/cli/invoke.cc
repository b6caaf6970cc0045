#include "crank/cli/invoke.h"
#include "crank/component/wave.h"

namespace crank::cli {
namespace {

void skip_spaces(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t' || text.front() == '\n')) text.remove_prefix(1);
}

}  // namespace

Result<Invocation> parse_invocation(std::string_view text) {
  skip_spaces(text);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  const auto open = text.find('(');
  const auto name = text.substr(0, open);
  if (name.empty())
    return fail(Code::bad_argument, concat("reading --invoke '", text, "': expected a call such as foo(\"hi\")"));
  if (open == text.npos) return Invocation{std::string(name), {}};
  if (!text.ends_with(')'))
    return fail(Code::bad_argument, concat("reading --invoke '", text, "': the last ')' is missing"));
  return Invocation{std::string(name), text.substr(open + 1, text.size() - open - 2)};
}

Result<std::vector<component::Value>> parse_arguments(std::string_view text, const component::FuncType& type) {
  std::vector<component::Value> values;
  skip_spaces(text);
  for (auto& parameter : type.params) {
    if (!values.empty()) {
      if (!text.starts_with(','))
        return fail(Code::bad_argument, concat("reading the arguments: ", values.size(), " of ", type.params.size(),
                                               " are there; '", parameter.name, "' is missing"));
      text.remove_prefix(1);
      skip_spaces(text);
    }
    if (text.empty())
      return fail(Code::bad_argument, concat("reading the arguments: '", parameter.name, "' is missing; ",
                                             type.params.size(), " are needed"));
    auto value = component::parse_wave(text, parameter.type);
    if (!value)
      return fail(
          std::move(value.error()).wrap(Code::bad_argument, concat("reading the argument '", parameter.name, "'")));
    values.push_back(std::move(*value));
    skip_spaces(text);
  }
  if (!text.empty())
    return fail(Code::bad_argument,
                concat("reading the arguments: '", text, "' is left over after ", type.params.size(), " of them"));
  return values;
}

}  // namespace crank::cli
