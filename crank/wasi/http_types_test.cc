// The functions of wasi:http/types, called as the linker calls them.
#include <gtest/gtest.h>

#include "crank/component/root.h"
#include "crank/wasi/context.h"
#include "crank/wasi/http_error.h"
#include "crank/wasi/http_message.h"
#include "crank/wasi/http_syntax.h"

namespace crank::wasi {
namespace {

using namespace component;

enum HeaderError : std::uint32_t { invalid_syntax, forbidden, immutable, size_exceeded };

struct HttpTypes : ::testing::Test {
  std::shared_ptr<Context> context = std::make_shared<Context>();
  Imports imports;
  HttpTypes() { add_all(imports, context); }

  template <class... V>
  Value call(std::string_view name, V&&... arguments) {
    auto found = imports.find("wasi:http/types@0.3.0", name);
    EXPECT_TRUE(found.plain) << name;
    Import import{"wasi:http/types@0.3.0", std::string(name), nullptr};
    HostCall host(nullptr, "test", import, nullptr);
    auto all = values(std::forward<V>(arguments)...);
    auto answer = (*found.plain)(host, all);
    EXPECT_TRUE(answer) << answer.error().to_string();
    return std::move(*answer);
  }
  Value fields() { return call("[constructor]fields"); }
  static Value text(std::string_view s) { return Value::string(std::string(s)); }
  static Value bytes(std::string_view s) { return Value::bytes(std::as_bytes(std::span(s))); }
  static Value list(auto&&... v) { return Value::list(values(std::move(v)...)); }
  static Value pair(std::string_view n, std::string_view v) { return list(text(n), bytes(v)); }
  static std::string string_of(const Value& packed) {
    auto b = packed.packed_bytes();
    return {reinterpret_cast<const char*>(b.data()), b.size()};
  }
  static void expect_error(const Value& result, HeaderError error) {
    ASSERT_EQ(result.case_index(), 1u);
    EXPECT_EQ(result.payload().case_index(), error);
  }
  // A request with no body, and its transmission future.
  Value request(Value headers) {
    auto trailers = make_future(Value::Kind::variant);
    auto made = call("[static]request.new", std::move(headers), Value::none_option(),
                     std::move(trailers.reader).into_value(), Value::none_option());
    transmission = FutureReader::take(std::move(made.elements()[1])).value();
    trailers.writer.set(Value::ok(Value::none_option()));
    return std::move(made.elements()[0]);
  }
  FutureReader transmission;
};

TEST_F(HttpTypes, FieldsKeepOrderAndCasingAndCompareNamesWithoutIt) {
  auto made = call("[static]fields.from-list", list(pair("X-One", "1"), pair("x-TWO", "2"), pair("x-one", "3")));
  ASSERT_EQ(made.case_index(), 0u);
  auto& f = made.payload();
  auto values = call("[method]fields.get", f.clone(), text("X-ONE"));
  ASSERT_EQ(values.elements().size(), 2u);
  EXPECT_EQ(string_of(values.elements()[1]), "3");
  auto all = call("[method]fields.copy-all", f.clone());
  EXPECT_EQ(all.elements()[1].elements()[0].as_string(), "x-TWO");
  EXPECT_TRUE(call("[method]fields.has", f.clone(), text("X-Two")).as_bool());
  EXPECT_FALSE(call("[method]fields.has", f.clone(), text("not a name")).as_bool());
  EXPECT_EQ(call("[method]fields.get", f.clone(), text("none")).elements().size(), 0u);
}

TEST_F(HttpTypes, SettingReplacesAppendingAddsDeletingAnswersWhatWasThere) {
  auto f = fields();
  EXPECT_EQ(call("[method]fields.append", f.clone(), text("a"), bytes("1")).case_index(), 0u);
  EXPECT_EQ(call("[method]fields.append", f.clone(), text("A"), bytes("2")).case_index(), 0u);
  EXPECT_EQ(call("[method]fields.set", f.clone(), text("a"), list(bytes("3"))).case_index(), 0u);
  EXPECT_EQ(call("[method]fields.get", f.clone(), text("a")).elements().size(), 1u);
  auto gone = call("[method]fields.get-and-delete", f.clone(), text("a"));
  EXPECT_EQ(string_of(gone.payload().elements()[0]), "3");
  EXPECT_EQ(call("[method]fields.delete", f.clone(), text("a")).case_index(), 0u) << "deleting nothing is no error";
}

TEST_F(HttpTypes, BadSyntaxAndForbiddenFieldsAreRefused) {
  auto f = fields();
  expect_error(call("[method]fields.append", f.clone(), text("a b"), bytes("1")), invalid_syntax);
  expect_error(call("[method]fields.append", f.clone(), text("a"), bytes("1\r\nevil: 2")), invalid_syntax);
  expect_error(call("[method]fields.set", f.clone(), text(""), list(bytes("1"))), invalid_syntax);
  for (const char* name : {"Connection", "HOST", "transfer-encoding", "upgrade", "keep-alive"})
    expect_error(call("[method]fields.append", f.clone(), text(name), bytes("1")), forbidden);
  expect_error(call("[static]fields.from-list", list(pair("fine", "1"), pair("host", "a"))), forbidden);
}

TEST_F(HttpTypes, FieldsOverTheirLimitAreRefusedAndUnchanged) {
  auto f = fields();
  expect_error(call("[method]fields.append", f.clone(), text("a"), bytes(std::string(max_fields_bytes, 'x'))),
               size_exceeded);
  EXPECT_FALSE(call("[method]fields.has", f.clone(), text("a")).as_bool());
  EXPECT_EQ(call("[method]fields.set", f.clone(), text("a"), list(bytes(std::string(max_fields_bytes - 1, 'x'))))
                .case_index(),
            0u);
  EXPECT_EQ(call("[method]fields.set", f.clone(), text("a"), list(bytes(std::string(max_fields_bytes - 1, 'y'))))
                .case_index(),
            0u)
      << "what is replaced does not count";
  expect_error(call("[method]fields.append", f.clone(), text("b"), bytes("")), size_exceeded);
}

TEST_F(HttpTypes, HeadersOfAMessageAreImmutableAndTheirCloneIsNot) {
  auto r = request(fields());
  auto headers = call("[method]request.get-headers", r.clone());
  expect_error(call("[method]fields.append", headers.clone(), text("a"), bytes("1")), immutable);
  expect_error(call("[method]fields.set", headers.clone(), text("a"), list(bytes("1"))), immutable);
  expect_error(call("[method]fields.delete", headers.clone(), text("a")), immutable);
  auto copy = call("[method]fields.clone", headers.clone());
  EXPECT_EQ(call("[method]fields.append", copy.clone(), text("a"), bytes("1")).case_index(), 0u);
}

TEST_F(HttpTypes, ARequestStartsAsAGetWithoutTarget) {
  auto r = request(fields());
  EXPECT_EQ(call("[method]request.get-method", r.clone()).case_index(), 0u);
  for (const char* getter : {"[method]request.get-path-with-query", "[method]request.get-scheme",
                             "[method]request.get-authority", "[method]request.get-options"})
    EXPECT_EQ(call(getter, r.clone()).case_index(), 0u) << getter;
}

TEST_F(HttpTypes, SettersRefuseWhatCannotBeSent) {
  auto r = request(fields());
  const auto set = [&](const char* name, Value v) {
    return call(concat("[method]request.", name), r.clone(), std::move(v)).case_index() == 0;
  };
  EXPECT_FALSE(set("set-method", Value::variant(9, text("not a token"))));
  EXPECT_TRUE(set("set-method", Value::variant(9, text("PATCH"))));
  EXPECT_EQ(call("[method]request.get-method", r.clone()).case_index(), 8u) << "a known method has one form";
  EXPECT_TRUE(set("set-method", Value::variant(9, text("BREW"))));
  EXPECT_EQ(call("[method]request.get-method", r.clone()).payload().as_string(), "BREW");
  EXPECT_TRUE(set("set-path-with-query", Value::some(text("/a?b=c"))));
  EXPECT_FALSE(set("set-path-with-query", Value::some(text("/a b"))));
  EXPECT_FALSE(set("set-path-with-query", Value::some(text("/a#b"))));
  EXPECT_EQ(call("[method]request.get-path-with-query", r.clone()).payload().as_string(), "/a?b=c");
  EXPECT_TRUE(set("set-authority", Value::some(text("example.org:8080"))));
  EXPECT_FALSE(set("set-authority", Value::some(text("a/b"))));
  EXPECT_FALSE(set("set-authority", Value::some(text("a:99999"))));
  EXPECT_FALSE(set("set-scheme", Value::some(Value::variant(2, text("1x")))));
  EXPECT_TRUE(set("set-scheme", Value::some(Value::variant(2, text("https")))));
  EXPECT_EQ(call("[method]request.get-scheme", r.clone()).payload().case_index(), 1u);
}

TEST_F(HttpTypes, OptionsGivenToARequestAreImmutable) {
  auto options = call("[constructor]request-options");
  EXPECT_EQ(
      call("[method]request-options.set-connect-timeout", options.clone(), Value::some(Value::u64(5))).case_index(),
      0u);
  auto kept = options.clone();
  auto trailers = make_future(Value::Kind::variant);
  auto made = call("[static]request.new", fields(), Value::none_option(), std::move(trailers.reader).into_value(),
                   Value::some(std::move(options)));
  trailers.writer.set(Value::ok(Value::none_option()));
  auto refused = call("[method]request-options.set-connect-timeout", kept.clone(), Value::none_option());
  ASSERT_EQ(refused.case_index(), 1u);
  EXPECT_EQ(refused.payload().case_index(), 1u);
  EXPECT_EQ(call("[method]request-options.get-connect-timeout", kept.clone()).payload().as_u64(), 5u);
  auto copy = call("[method]request-options.clone", kept.clone());
  EXPECT_EQ(call("[method]request-options.set-connect-timeout", copy.clone(), Value::none_option()).case_index(), 0u);
}

TEST_F(HttpTypes, AResponseIs200UntilItIsSaidOtherwiseAndRefusesNonsense) {
  auto trailers = make_future(Value::Kind::variant);
  auto made = call("[static]response.new", fields(), Value::none_option(), std::move(trailers.reader).into_value());
  trailers.writer.set(Value::ok(Value::none_option()));
  auto& r = made.elements()[0];
  EXPECT_EQ(call("[method]response.get-status-code", r.clone()).bits(), 200u);
  for (std::uint16_t bad : {0, 99, 1000, 65535})
    EXPECT_EQ(call("[method]response.set-status-code", r.clone(), Value::u16(bad)).case_index(), 1u);
  EXPECT_EQ(call("[method]response.set-status-code", r.clone(), Value::u16(418)).case_index(), 0u);
  EXPECT_EQ(call("[method]response.get-status-code", r.clone()).bits(), 418u);
}

TEST(HttpErrors, EveryErrorHasANameAndAFailureStatus) {
  for (std::uint32_t i = 0; i <= static_cast<std::uint32_t>(HttpError::internal_error); ++i) {
    auto code = error_code(static_cast<HttpError>(i));
    EXPECT_EQ(code.case_index(), i);
    EXPECT_GE(status_for(code), 400);
    EXPECT_FALSE(describe_error_code(code).empty());
  }
  EXPECT_EQ(describe_error_code(internal_error("out of cheese")), "internal-error: out of cheese");
  EXPECT_EQ(describe_error_code(body_size_error(HttpError::http_request_body_size, 7)), "HTTP-request-body-size: 7");
}

TEST(HttpSyntax, AuthoritiesAreReadLikeUrls) {
  EXPECT_EQ(parse_authority("[::1]:80")->host, "::1");
  EXPECT_EQ(parse_authority("a.b")->port, 0);
  EXPECT_TRUE(parse_authority("me@a.b:1")->has_user);
  for (const char* bad : {"", ":80", "a:b", "[::1", "[::1]x", "a b", "a\n", "a/b", "a?b"})
    EXPECT_FALSE(is_authority(bad)) << bad;
}

}  // namespace
}  // namespace crank::wasi
