#include "crank/component/wave.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "crank/component/transcode.h"

namespace crank::component {

namespace {

using Kind = Value::Kind;

bool is_keyword(std::string_view name) {
  for (std::string_view keyword : {"true", "false", "inf", "nan", "some", "none", "ok", "err"})
    if (name == keyword) return true;
  return false;
}

void append_escaped(std::string& out, std::string_view text, char quote) {
  for (char c : text) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      default:
        if (c == quote) {
          out += '\\';
          out += c;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          char digits[8];
          auto end = std::to_chars(digits, digits + sizeof digits, static_cast<unsigned char>(c), 16).ptr;
          out.append("\\u{").append(digits, end).append("}");
        } else {
          out += c;
        }
    }
  }
}

template <class Float>
void append_float(std::string& out, Float number) {
  if (std::isnan(number)) {
    out += "nan";
  } else if (std::isinf(number)) {
    out += number < 0 ? "-inf" : "inf";
  } else {
    char digits[64];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  }
}

void append_scalar(std::string& out, const Value& value) {
  switch (value.kind()) {
    case Kind::bool_: out += value.as_bool() ? "true" : "false"; break;
    case Kind::f32: append_float(out, value.as_f32()); break;
    case Kind::f64: append_float(out, value.as_f64()); break;
    case Kind::char_: {
      std::string text;
      detail::append_code_point(text, static_cast<std::uint32_t>(value.bits()));
      out += '\'';
      append_escaped(out, text, '\'');
      out += '\'';
      break;
    }
    case Kind::s8:
    case Kind::s16:
    case Kind::s32:
    case Kind::s64: out += std::to_string(value.as_s64()); break;
    default: out += std::to_string(value.bits());
  }
}

void append_label(std::string& out, std::string_view name) {
  if (is_keyword(name)) out += '%';
  out += name;
}

void append(std::string& out, const Value& value, TypeRef type);

void append_packed(std::string& out, const Value& value) {
  std::size_t size = packed_size(value.element_kind());
  for (std::size_t i = 0; i < value.element_count(); ++i) {
    std::uint64_t bits = 0;
    std::copy_n(value.packed_bytes().data() + i * size, size, reinterpret_cast<std::byte*>(&bits));
    if (i) out += ", ";
    append_scalar(out, Value::scalar(value.element_kind(), bits));
  }
}

// `type_of(i)` may be null: then the element is written by its own kind.
template <class TypeOf, class NameOf>
void append_row(std::string& out, std::span<const Value> values, char open, char close, TypeOf type_of,
                NameOf name_of) {
  out += open;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i) out += ", ";
    if (std::string_view name = name_of(i); !name.empty()) {
      append_label(out, name);
      out += ": ";
    }
    append(out, values[i], type_of(i));
  }
  out += close;
}

void append_case(std::string& out, const Value& value, TypeRef type) {
  const Field* chosen = type && value.case_index() < type->fields.size() ? &type->fields[value.case_index()] : nullptr;
  bool builtin = type && (type->kind == TypeKind::option || type->kind == TypeKind::result);
  if (!chosen)
    out += concat("case-", value.case_index());
  else if (type->kind == TypeKind::result)
    out += value.case_index() == 0 ? "ok" : "err";
  else if (builtin)
    out += value.case_index() == 0 ? "none" : "some";
  else
    append_label(out, chosen->name);
  if (value.payload().kind() == Kind::none) return;
  out += '(';
  append(out, value.payload(), chosen ? chosen->type : nullptr);
  out += ')';
}

void append_flags(std::string& out, const Value& value, TypeRef type) {
  out += '{';
  bool first = true;
  for (unsigned i = 0; i < 64; ++i) {
    if (!(value.bits() >> i & 1)) continue;
    if (!first) out += ", ";
    first = false;
    if (type && i < type->fields.size())
      append_label(out, type->fields[i].name);
    else
      out += concat("flag-", i);
  }
  out += '}';
}

void append(std::string& out, const Value& value, TypeRef type) {
  auto nameless = [](std::size_t) { return std::string_view(); };
  switch (value.kind()) {
    case Kind::none: break;
    case Kind::string:
      out += '"';
      append_escaped(out, value.as_string(), '"');
      out += '"';
      break;
    case Kind::packed:
      out += '[';
      append_packed(out, value);
      out += ']';
      break;
    case Kind::list:
      if (type && type->kind == TypeKind::record && value.elements().size() == type->fields.size()) {
        append_row(
            out, value.elements(), '{', '}', [&](std::size_t i) { return type->fields[i].type; },
            [&](std::size_t i) { return std::string_view(type->fields[i].name); });
      } else if (type && type->kind == TypeKind::tuple && value.elements().size() == type->fields.size()) {
        append_row(out, value.elements(), '(', ')', [&](std::size_t i) { return type->fields[i].type; }, nameless);
      } else {
        append_row(
            out, value.elements(), '[', ']', [&](std::size_t) { return type ? type->element : nullptr; }, nameless);
      }
      break;
    case Kind::variant: append_case(out, value, type); break;
    case Kind::flags: append_flags(out, value, type); break;
    case Kind::handle:
      switch (type ? type->kind : TypeKind::own) {
        case TypeKind::borrow: out += "<borrow>"; break;
        case TypeKind::stream: out += "<stream>"; break;
        case TypeKind::future: out += "<future>"; break;
        case TypeKind::error_context: out += "<error-context>"; break;
        default: out += "<own>";
      }
      break;
    default: append_scalar(out, value);
  }
}

}  // namespace

std::string to_wave(const Value& value, TypeRef type) {
  std::string out;
  append(out, value, type);
  return out;
}

}  // namespace crank::component
