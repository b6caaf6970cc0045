#include <algorithm>
#include <charconv>
#include <optional>

#include "crank/component/transcode.h"
#include "crank/component/wave.h"

namespace crank::component {

namespace {

using Kind = Value::Kind;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  std::size_t position() const { return at_; }

  Result<Value> value(TypeRef type);

  bool take(char c) {
    skip_space();
    if (at_ < text_.size() && text_[at_] == c) return ++at_, true;
    return false;
  }
  [[nodiscard]] Result<void> expect(char c) {
    if (take(c)) return {};
    return wrong(concat("expected ", std::string_view(&c, 1)));
  }
  std::unexpected<Error> wrong(std::string sentence) {
    skip_space();
    std::string_view rest = text_.substr(std::min(at_, text_.size()), 16);
    return fail(Code::bad_argument,
                concat("at byte ", at_, ": ", sentence,
                       rest.empty() ? std::string(", found the end") : concat(", found `", rest, "`")));
  }

 private:
  void skip_space() {
    while (at_ < text_.size()) {
      if (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')
        ++at_;
      else if (text_.substr(at_).starts_with("//"))
        at_ = std::min(text_.find('\n', at_), text_.size());
      else
        break;
    }
  }
  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  }
  // A name, keyword or number, without its %.
  std::string_view peek_word(bool& escaped) {
    skip_space();
    std::size_t begin = at_;
    escaped = begin < text_.size() && text_[begin] == '%';
    begin += escaped;
    std::size_t end = begin;
    while (end < text_.size() && is_word(text_[end])) ++end;
    return text_.substr(begin, end - begin);
  }
  void skip(std::string_view word, bool escaped) { at_ += word.size() + escaped; }
  std::string_view take_word() {
    bool escaped = false;
    std::string_view word = peek_word(escaped);
    skip(word, escaped);
    return word;
  }

  Result<Value> number(TypeRef type);
  template <class Float>
  Result<Float> floating();
  Result<std::uint32_t> escape();
  Result<Value> character();
  Result<Value> string();
  Result<Value> list(const Type& type);
  Result<Value> tuple(const Type& type);
  Result<Value> record(const Type& type);
  Result<Value> variant(const Type& type);
  Result<Value> wrapped(const Type& type);
  Result<Value> flags(const Type& type);

  std::string_view text_;
  std::size_t at_ = 0;
};

template <class Float>
Result<Float> Reader::floating() {
  skip_space();
  std::string_view rest = text_.substr(at_);
  Float out{};
  auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), out);
  if (error != std::errc{}) return wrong("expected a number");
  at_ += static_cast<std::size_t>(end - rest.data());
  return out;
}

Result<Value> Reader::number(TypeRef type) {
  if (type->kind == TypeKind::f32) {
    CRANK_TRY(float f, floating<float>());
    return Value::f32(f);
  }
  if (type->kind == TypeKind::f64) {
    CRANK_TRY(double f, floating<double>());
    return Value::f64(f);
  }
  skip_space();
  std::string_view rest = text_.substr(at_);
  auto signed_kind = type->kind == TypeKind::s8 || type->kind == TypeKind::s16 || type->kind == TypeKind::s32 ||
                     type->kind == TypeKind::s64;
  auto kind = static_cast<Kind>(static_cast<int>(type->kind) + static_cast<int>(Kind::bool_));
  std::int64_t negative = 0;
  std::uint64_t positive = 0;
  bool minus = rest.starts_with('-');
  auto [end, error] = minus ? std::from_chars(rest.data(), rest.data() + rest.size(), negative)
                            : std::from_chars(rest.data(), rest.data() + rest.size(), positive);
  if (error == std::errc::invalid_argument) return wrong(concat("expected a number of type ", name_of(kind)));
  std::uint64_t bits = minus ? static_cast<std::uint64_t>(negative) : positive;
  Value value = Value::scalar(kind, bits);
  bool fits =
      error == std::errc{} && value.bits() == bits && (minus ? signed_kind : !signed_kind || positive <= INT64_MAX);
  if (!fits) return wrong(concat("the number does not fit type ", name_of(kind)));
  at_ += static_cast<std::size_t>(end - rest.data());
  return value;
}

// After a backslash.
Result<std::uint32_t> Reader::escape() {
  if (at_ == text_.size()) return wrong("the text ends inside an escape");
  switch (char c = text_[at_++]) {
    case '\\':
    case '\'':
    case '"': return static_cast<std::uint32_t>(c);
    case 't': return std::uint32_t{'\t'};
    case 'n': return std::uint32_t{'\n'};
    case 'r': return std::uint32_t{'\r'};
    case 'u': {
      std::uint32_t code = 0;
      std::string_view rest = text_.substr(at_);
      if (!rest.starts_with('{')) break;
      auto [end, error] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), code, 16);
      bool scalar = code < 0x11'0000 && !(code >= 0xd800 && code <= 0xdfff);
      if (error != std::errc{} || end == rest.data() + rest.size() || *end != '}' || !scalar) break;
      at_ += static_cast<std::size_t>(end - rest.data()) + 1;
      return code;
    }
    default: break;
  }
  return wrong("expected \\\\ \\' \\\" \\t \\n \\r or \\u{hex} before this");
}

Result<Value> Reader::character() {
  CRANK_TRY_VOID(expect('\''));
  std::uint32_t code = 0;
  if (text_.substr(at_).starts_with('\\')) {
    ++at_;
    CRANK_TRY(code, escape());
  } else {
    std::size_t end = text_.find('\'', at_ + 1);
    std::string_view one = end == std::string_view::npos ? std::string_view() : text_.substr(at_, end - at_);
    if (one.empty() || detail::check_utf8(one).at != one.size() || detail::code_point_count(one) != 1)
      return wrong("expected one character and '");
    std::uint16_t units[2] = {};
    std::size_t bytes = detail::write_utf16(reinterpret_cast<std::byte*>(units), one);
    code = bytes == 2 ? units[0] : 0x10000u + ((units[0] - 0xd800u) << 10) + (units[1] - 0xdc00u);
    at_ = end;
  }
  if (at_ == text_.size() || text_[at_] != '\'') return wrong("expected '");
  ++at_;
  return Value::character(code);
}

Result<Value> Reader::string() {
  CRANK_TRY_VOID(expect('"'));
  std::string out;
  while (true) {
    if (at_ >= text_.size()) return wrong("the string has no end");
    char c = text_[at_++];
    if (c == '"') break;
    if (c == '\\') {
      CRANK_TRY(std::uint32_t code, escape());
      detail::append_code_point(out, code);
    } else {
      out += c;
    }
  }
  if (detail::check_utf8(out).at != out.size()) return wrong("the string before this is not UTF-8");
  return Value::string(std::move(out));
}

Result<Value> Reader::list(const Type& type) {
  CRANK_TRY_VOID(expect('['));
  std::vector<Value> values;
  while (!take(']')) {
    if (!values.empty()) {
      CRANK_TRY_VOID(expect(','));
      if (take(']')) break;
    }
    CRANK_TRY(values.emplace_back(), value(type.element));
  }
  if (type.kind == TypeKind::fixed_list && values.size() != type.length)
    return wrong(concat("expected a list of ", type.length, " elements, not ", values.size(), ", before this"));
  return Value::list(std::move(values));
}

Result<Value> Reader::tuple(const Type& type) {
  CRANK_TRY_VOID(expect('('));
  std::vector<Value> values;
  for (const Field& field : type.fields) {
    if (!values.empty()) CRANK_TRY_VOID(expect(','));
    CRANK_TRY(values.emplace_back(), value(field.type));
  }
  take(',');
  CRANK_TRY_VOID(expect(')'));
  return Value::list(std::move(values));
}

Result<Value> Reader::record(const Type& type) {
  CRANK_TRY_VOID(expect('{'));
  std::vector<Value> values(type.fields.size());
  if (take(':')) {  // {:} has no fields, {} is no flags
    CRANK_TRY_VOID(expect('}'));
  } else {
    for (bool first = true; !take('}'); first = false) {
      if (!first) {
        CRANK_TRY_VOID(expect(','));
        if (take('}')) break;
      }
      std::string_view name = take_word();
      std::size_t i = 0;
      while (i < type.fields.size() && type.fields[i].name != name) ++i;
      if (i == type.fields.size())
        return wrong(concat("the record has no field \"", name, "\" as written before this"));
      if (values[i].kind() != Kind::none) return wrong(concat("the field \"", name, "\" was given twice"));
      CRANK_TRY_VOID(expect(':'));
      CRANK_TRY(values[i], value(type.fields[i].type));
    }
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].kind() != Kind::none) continue;
    if (type.fields[i].type->kind != TypeKind::option)
      return wrong(concat("the field \"", type.fields[i].name, "\" is missing before this"));
    values[i] = Value::none_option();
  }
  return Value::list(std::move(values));
}

Result<Value> Reader::variant(const Type& type) {
  std::string_view name = take_word();
  for (std::uint32_t i = 0; i < type.fields.size(); ++i) {
    if (type.fields[i].name != name) continue;
    if (!type.fields[i].type) return Value::variant(i);
    CRANK_TRY_VOID(expect('('));
    CRANK_TRY(Value payload, value(type.fields[i].type));
    CRANK_TRY_VOID(expect(')'));
    return Value::variant(i, std::move(payload));
  }
  std::string known;
  for (const Field& field : type.fields) known += concat(known.empty() ? "" : ", ", field.name);
  return wrong(concat("there is no case \"", name, "\" (there is ", known, ")"));
}

// Options and results: by keyword, or just the value inside.
Result<Value> Reader::wrapped(const Type& type) {
  bool option = type.kind == TypeKind::option, escaped = false;
  std::string_view word = peek_word(escaped);
  std::uint32_t plain = option ? 1 : 0;
  std::optional<std::uint32_t> named;
  if (!escaped && word == (option ? "none" : "ok")) named = 0;
  if (!escaped && word == (option ? "some" : "err")) named = 1;
  if (!named) {
    TypeRef inner = type.fields[plain].type;
    if (!inner || inner->kind == TypeKind::option || inner->kind == TypeKind::result)
      return wrong(option ? "expected some(…) or none" : "expected ok or err");
    CRANK_TRY(Value payload, value(inner));
    return Value::variant(plain, std::move(payload));
  }
  skip(word, false);
  TypeRef inner = type.fields[*named].type;
  if (!inner) return Value::variant(*named);
  CRANK_TRY_VOID(expect('('));
  CRANK_TRY(Value payload, value(inner));
  CRANK_TRY_VOID(expect(')'));
  return Value::variant(*named, std::move(payload));
}

Result<Value> Reader::flags(const Type& type) {
  CRANK_TRY_VOID(expect('{'));
  std::uint64_t bits = 0;
  for (bool first = true; !take('}'); first = false) {
    if (!first) {
      CRANK_TRY_VOID(expect(','));
      if (take('}')) break;
    }
    std::string_view name = take_word();
    std::size_t i = 0;
    while (i < type.fields.size() && type.fields[i].name != name) ++i;
    if (i == type.fields.size()) return wrong(concat("there is no flag \"", name, "\" as written before this"));
    bits |= std::uint64_t{1} << i;
  }
  return Value::flags(bits);
}

Result<Value> Reader::value(TypeRef type) {
  switch (type->kind) {
    case TypeKind::bool_: {
      bool escaped = false;
      std::string_view word = peek_word(escaped);
      if (escaped || (word != "true" && word != "false")) return wrong("expected true or false");
      skip(word, false);
      return Value::boolean(word == "true");
    }
    case TypeKind::char_: return character();
    case TypeKind::string: return string();
    case TypeKind::list:
    case TypeKind::map:
    case TypeKind::fixed_list: return list(*type);
    case TypeKind::record: return record(*type);
    case TypeKind::tuple: return tuple(*type);
    case TypeKind::variant:
    case TypeKind::enum_: return variant(*type);
    case TypeKind::option:
    case TypeKind::result: return wrapped(*type);
    case TypeKind::flags: return flags(*type);
    case TypeKind::own:
    case TypeKind::borrow:
    case TypeKind::stream:
    case TypeKind::future:
    case TypeKind::error_context: return wrong("handles cannot be written as text; expected another function");
    default: return number(type);
  }
}

}  // namespace

Result<Value> parse_wave(std::string_view& text, TypeRef type) {
  Reader reader(text);
  Result<Value> value = reader.value(type);
  text.remove_prefix(std::min(reader.position(), text.size()));
  return value;
}

Result<std::vector<Value>> parse_wave_arguments(std::string_view& text, const FuncType& type) {
  Reader reader(text);
  std::vector<Value> values;
  CRANK_TRY_VOID(reader.expect('('));
  for (const Field& param : type.params) {
    if (!values.empty() && !reader.take(','))
      return reader.wrong(concat("expected , and the argument \"", param.name, "\""));
    Result<Value> value = reader.value(param.type);
    if (!value) return fail(Code::bad_argument, concat("argument \"", param.name, "\": ", value.error().message()));
    values.push_back(*std::move(value));
  }
  reader.take(',');
  CRANK_TRY_VOID(reader.expect(')'));
  text.remove_prefix(reader.position());
  return values;
}

}  // namespace crank::component
