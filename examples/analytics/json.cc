#include "examples/analytics/json.h"

#include "crank/base/text.h"

namespace analytics::json {

using crank::Code;
using crank::concat;
using crank::fail;
using crank::Result;

namespace {
[[clang::no_destroy]] const Value null;
}

const Value& Value::operator[](std::string_view name) const noexcept {
  for (std::size_t i = 0; i < names_.size(); ++i)
    if (names_[i] == name) return items_[i];
  return null;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<Value> whole() {
    Value value;
    if (!read(value, 0)) return fail(Code::protocol, concat("JSON: ", problem_, " at offset ", at_));
    skip_space();
    if (at_ != text_.size()) return fail(Code::protocol, concat("JSON: something follows the value at offset ", at_));
    return value;
  }

 private:
  static constexpr int deepest = 64;

  bool wrong(const char* problem) {
    problem_ = problem;
    return false;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (peek() == ' ' || peek() == '\n' || peek() == '\r' || peek() == '\t') ++at_;
  }
  bool word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return wrong("an unknown word");
    at_ += expected.size();
    return true;
  }

  bool read(Value& into, int depth) {
    if (depth > deepest) return wrong("nested too deeply");
    skip_space();
    switch (peek()) {
      case '{': return read_object(into, depth);
      case '[': return read_array(into, depth);
      case '"': into.kind_ = Value::Kind::text; return read_text(into.text_);
      case 't':
        into.kind_ = Value::Kind::boolean;
        into.number_ = 1;
        return word("true");
      case 'f': into.kind_ = Value::Kind::boolean; return word("false");
      case 'n': return word("null");
      default: return read_number(into);
    }
  }

  bool read_array(Value& into, int depth) {
    into.kind_ = Value::Kind::array;
    ++at_;
    skip_space();
    if (take(']')) return true;
    for (;;) {
      if (!read(into.items_.emplace_back(), depth + 1)) return false;
      skip_space();
      if (take(']')) return true;
      if (!take(',')) return wrong("an array without , or ]");
    }
  }

  bool read_object(Value& into, int depth) {
    into.kind_ = Value::Kind::object;
    ++at_;
    skip_space();
    if (take('}')) return true;
    for (;;) {
      skip_space();
      if (peek() != '"') return wrong("an object's member without a name");
      if (!read_text(into.names_.emplace_back())) return false;
      skip_space();
      if (!take(':')) return wrong("a name without :");
      if (!read(into.items_.emplace_back(), depth + 1)) return false;
      skip_space();
      if (take('}')) return true;
      if (!take(',')) return wrong("an object without , or }");
    }
  }

  bool digits() {
    std::size_t before = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > before;
  }

  // Decimal arithmetic in double: exact for the integers up to 2^53 that reports hold.
  bool read_number(Value& into) {
    into.kind_ = Value::Kind::number;
    bool negative = take('-');
    std::size_t whole = at_;
    if (!digits()) return wrong("no value");
    if (text_[whole] == '0' && at_ - whole > 1) return wrong("a number with a leading 0");
    double value = 0;
    for (std::size_t i = whole; i < at_; ++i) value = value * 10 + (text_[i] - '0');
    int exponent = 0;
    if (take('.')) {
      std::size_t fraction = at_;
      if (!digits()) return wrong("a number without digits after its point");
      for (std::size_t i = fraction; i < at_; ++i) value = value * 10 + (text_[i] - '0');
      exponent -= static_cast<int>(at_ - fraction);
    }
    if (take('e') || take('E')) {
      bool down = take('-');
      if (!down) take('+');
      std::size_t first = at_;
      if (!digits()) return wrong("a number without digits in its exponent");
      int written = 0;
      for (std::size_t i = first; i < at_ && written < 1000; ++i) written = written * 10 + (text_[i] - '0');
      exponent += down ? -written : written;
    }
    for (; exponent > 0 && value != 0 && value < 1e300; --exponent) value *= 10;
    for (; exponent < 0 && value != 0; ++exponent) value /= 10;
    into.number_ = negative ? -value : value;
    return true;
  }

  bool hex4(unsigned& unit) {
    unit = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      char c = peek();
      unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                       : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a' + 10)
                       : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A' + 10)
                                              : 16;
      if (digit == 16) return wrong("a \\u without four hexadecimal digits");
      unit = unit * 16 + digit;
    }
    return true;
  }

  bool read_escape(std::string& out) {
    char c = peek();
    ++at_;
    switch (c) {
      case '"':
      case '\\':
      case '/': out.push_back(c); return true;
      case 'b': out.push_back('\b'); return true;
      case 'f': out.push_back('\f'); return true;
      case 'n': out.push_back('\n'); return true;
      case 'r': out.push_back('\r'); return true;
      case 't': out.push_back('\t'); return true;
      case 'u': break;
      default: return wrong("an unknown escape");
    }
    unsigned point;
    if (!hex4(point)) return false;
    if (point >= 0xd800 && point < 0xdc00) {
      unsigned low;
      if (!take('\\') || !take('u') || !hex4(low) || low < 0xdc00 || low > 0xdfff)
        return wrong("half a surrogate pair");
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    } else if (point >= 0xdc00 && point < 0xe000) {
      return wrong("half a surrogate pair");
    }
    auto put = [&](unsigned byte) { out.push_back(static_cast<char>(byte)); };
    if (point < 0x80) {
      put(point);
    } else if (point < 0x800) {
      put(0xc0 | point >> 6);
      put(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
      put(0xe0 | point >> 12);
      put(0x80 | (point >> 6 & 0x3f));
      put(0x80 | (point & 0x3f));
    } else {
      put(0xf0 | point >> 18);
      put(0x80 | (point >> 12 & 0x3f));
      put(0x80 | (point >> 6 & 0x3f));
      put(0x80 | (point & 0x3f));
    }
    return true;
  }

  bool read_text(std::string& out) {
    ++at_;
    for (;;) {
      if (at_ >= text_.size()) return wrong("a text without its end");
      char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return wrong("a control character in a text");
      if (c != '\\')
        out.push_back(c);
      else if (!read_escape(out))
        return false;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  const char* problem_ = "";
};

Result<Value> parse(std::string_view text) { return Reader(text).whole(); }

void append_quoted(std::string& out, std::string_view text) {
  constexpr char hex[] = "0123456789abcdef";
  out.push_back('"');
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out.append("\\u00").push_back(hex[c >> 4]);
      out.push_back(hex[c & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

}  // namespace analytics::json
