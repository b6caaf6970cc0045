// A small JSON reader and writer for guests: no exceptions, bounded depth, errors with their offset.
//
//     CRANK_TRY(json::Value report, json::parse(text));
//     for (const json::Value& event : report["events"].items()) use(event["name"].text(), event["count"].number());
//
// What is not there reads as null, and null reads as "", 0 and empty, so that a path needs one check at its end.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crank/base/result.h"

namespace analytics::json {

class Value {
 public:
  enum class Kind : unsigned char { null, boolean, number, text, array, object };

  Kind kind() const noexcept { return kind_; }
  bool boolean() const noexcept { return kind_ == Kind::boolean && number_ != 0; }
  double number() const noexcept { return kind_ == Kind::number ? number_ : 0; }
  std::string_view text() const noexcept { return text_; }
  const std::vector<Value>& items() const noexcept { return items_; }
  /// A member of an object; of two with one name, the first.
  const Value& operator[](std::string_view name) const noexcept;

 private:
  friend class Reader;
  Kind kind_ = Kind::null;
  double number_ = 0;
  std::string text_;
  std::vector<Value> items_;  // of an object: its values, in the order of `names_`
  std::vector<std::string> names_;
};

/// One JSON text (RFC 8259) and nothing after it; at most 64 levels deep.
crank::Result<Value> parse(std::string_view text);

/// Appends `text` in quotes.
void append_quoted(std::string& out, std::string_view text);

}  // namespace analytics::json
