#include "crank/io/http_message.h"

#include <gtest/gtest.h>

#include "crank/io/head_parser.h"
#include "crank/io/http_client.h"
#include "crank/io/http_server.h"

namespace crank::io {
namespace {

TEST(Headers, KeepOrderAndCasingAndFindWithoutCase) {
  Headers headers;
  headers.add("Accept", "a");
  headers.add("X-One", "1");
  headers.add("accept", "b");
  EXPECT_EQ(headers.find("ACCEPT"), "a");
  EXPECT_EQ(headers[2].name, "accept");
  EXPECT_EQ(headers.remove("Accept"), 2u);
  EXPECT_EQ(headers.size(), 1u);
  EXPECT_EQ(headers.bytes(), 6u);
  EXPECT_FALSE(headers.has("accept"));
  EXPECT_TRUE(headers.find("none").data() == nullptr);
}

TEST(Headers, SettingAndDeletingForEverDoesNotGrow) {
  Headers headers;
  headers.add("keep", "me");
  for (int i = 0; i < 10'000; ++i) {
    headers.add("x", std::string(1000, 'y'));
    headers.remove("X");
  }
  EXPECT_EQ(headers.find("keep"), "me");
  EXPECT_EQ(headers.bytes(), 6u);
}

TEST(Headers, AListNamesATokenWhereverItStands) {
  Headers headers;
  headers.add("Connection", "keep-alive , Upgrade");
  EXPECT_TRUE(lists_token(headers, "connection", "upgrade"));
  EXPECT_FALSE(lists_token(headers, "connection", "up"));
}

Result<std::size_t> parse(detail::RequestParser& parser, std::string_view text) {
  parser.reset();
  return parser.parse(text);
}

TEST(RequestParser, TakesWholeHeadsInAnyPieces) {
  const std::string wire = "POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
  for (std::size_t cut = 1; cut < wire.size(); ++cut) {
    detail::RequestParser parser(4096);
    auto first = parser.parse(wire.substr(0, cut));
    ASSERT_TRUE(first);
    auto rest = parser.parse(wire.substr(*first));
    ASSERT_TRUE(rest) << cut << rest.error().to_string();
    ASSERT_TRUE(parser.done());
    EXPECT_EQ(*first + *rest, wire.size());
    EXPECT_EQ(parser.head().method, "POST");
    EXPECT_EQ(parser.head().target, "/a?b=c");
    EXPECT_EQ(parser.facts().content_length, 3u);
    EXPECT_TRUE(parser.facts().expects_continue);
    EXPECT_TRUE(parser.facts().keep_alive);
  }
}

TEST(RequestParser, RefusesWhatTwoReadersCouldReadDifferently) {
  detail::RequestParser parser(4096);
  for (const char* wire : {"GET / HTTP/1.1\r\n\r\n",                        // no Host
                           "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",  //
                           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",  //
                           "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",  //
                           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",           //
                           "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",                          //
                           "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",                 //
                           "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",                                  //
                           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n",                               //
                           "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
                           "\x16\x03\x01\x02\x01", "GET\r\n\r\n"}) {
    auto parsed = parse(parser, wire);
    ASSERT_FALSE(parsed) << wire;
    EXPECT_EQ(parsed.error().code(), Code::protocol) << wire;
  }
}

TEST(RequestParser, AHeadOverTheLimitIsALimitError) {
  detail::RequestParser parser(256);
  auto parsed = parse(parser, "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(300, 'y') + "\r\n\r\n");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code(), Code::limit);
  parsed = parse(parser, "GET /" + std::string(300, 'y'));
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code(), Code::limit);
}

TEST(HostPort, ReadsAddressesAndExplainsOthers) {
  EXPECT_EQ(parse_host_port("127.0.0.1:8080")->port, 8080);
  EXPECT_EQ(parse_host_port("[::1]:0")->host, "::1");
  for (const char* bad : {"", "8080", ":80", "a:", "a:99999", "::1:80", "[::1]80", "a:8x"}) {
    auto parsed = parse_host_port(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_NE(parsed.error().message().find("expected HOST:PORT"), std::string::npos);
  }
}

TEST(AllowList, NamesHostsWildcardsAndPorts) {
  EXPECT_TRUE(host_matches("example.org", "Example.org", 80));
  EXPECT_FALSE(host_matches("example.org", "evil-example.org", 80));
  EXPECT_TRUE(host_matches("*.example.org", "a.example.org", 443));
  EXPECT_FALSE(host_matches("*.example.org", "example.org", 443));
  EXPECT_FALSE(host_matches("127.0.0.1:8080", "127.0.0.1", 80));
  EXPECT_TRUE(host_matches("127.0.0.1:8080", "127.0.0.1", 8080));
}

}  // namespace
}  // namespace crank::io
