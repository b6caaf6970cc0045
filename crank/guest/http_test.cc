#include "crank/guest/http.h"

#include <gtest/gtest.h>

#include "crank/guest/entry.h"
#include "tests/reactor/fake_host.h"

namespace crank::guest {
namespace {

TEST(HttpText, ARequestIsALineHeadersAnEmptyLineAndTheBody) {
  http::Header headers[] = {{"accept", "text/plain"}, {"x", ""}};
  auto text = http::encode({.method = "PUT", .url = "https://a.test/b", .headers = headers, .body = Bytes("c\nd")});
  ASSERT_TRUE(text);
  EXPECT_EQ(text->text(), "PUT https://a.test/b\naccept: text/plain\nx: \n\nc\nd");
}

TEST(HttpText, ALineBreakInAHeadIsRefused) {
  http::Header broken[] = {{"x", "a\nhost: evil"}};
  EXPECT_EQ(http::encode({.url = "https://a.test/", .headers = broken}).error().code(), Code::bad_argument);
  EXPECT_EQ(http::encode({.url = "https://a.test/ HTTP\r\n"}).error().code(), Code::bad_argument);
  EXPECT_EQ(http::encode({.method = "", .url = "https://a.test/"}).error().code(), Code::bad_argument);
}

TEST(HttpText, AnAnswerGivesCodeHeadersAndBody) {
  auto answer = http::Response::parse(Bytes("404 0\ncontent-type: text/html\nx-empty: \n\nnot\n\nhere"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->code(), 404);
  EXPECT_EQ(answer->stream(), 0U);
  EXPECT_EQ(answer->header("Content-Type"), "text/html");
  EXPECT_EQ(answer->header("x-empty"), "");
  EXPECT_EQ(answer->header("content"), "");
  EXPECT_EQ(answer->text(), "not\n\nhere");
}

TEST(HttpText, AnAnswerWithoutHeadersOrBodyIsOne) {
  auto answer = http::Response::parse(Bytes("204 7\n\n"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->stream(), 7U);
  EXPECT_EQ(answer->header("a"), "");
  EXPECT_EQ(answer->text(), "");
}

TEST(HttpText, WhatIsNoAnswerIsAnError) {
  for (const char* text : {"", "200", "200 0", "x 0\n\n", "200 x\n\n", "200 0\na: b\n", "200 0\n",
                           "200 99999999999\n\n", "4000 0\n\n", "200  0\n\n", "\n\n"})
    EXPECT_EQ(http::Response::parse(Bytes(text)).error().code(), Code::protocol) << text;
}

Task<Result<Bytes>> read_two_chunks(std::span<const std::byte>) {
  auto page = co_await http::open({.url = "https://a.test/"});
  if (!page) co_return fail(page.error());
  http::BodyReader body(*page);
  std::string text;
  for (int i = 0; i < 2; ++i) {
    auto chunk = co_await body.next();
    if (!chunk) co_return fail(chunk.error());
    text += chunk->text();
    text += '|';
  }
  co_return Bytes(text);
}

struct HttpBody : testing::Test {
  FakeHost host;
  Pump pump{host.imports()};
  std::uint32_t task = FakeHost::start(pump, read_two_chunks);

  void answer(Status status, std::string_view text) {
    FakeHost::drain(pump);
    ASSERT_EQ(host.requests.size(), 1U);
    std::uint32_t token = host.requests[0].token;
    host.requests.clear();
    EXPECT_EQ(FakeHost::resume(pump, token, status, text), Resumed::accepted);
    FakeHost::drain(pump);
  }
};

TEST_F(HttpBody, AReaderGoneEarlyClosesTheStream) {
  answer(Status::ok, "200 3\n\n");
  answer(Status::ok, "a");
  answer(Status::ok, "b");
  EXPECT_EQ(host.text_of(task), "a|b|");
  EXPECT_EQ(host.closed, std::vector<std::uint32_t>{3});
}

TEST_F(HttpBody, TheEndIsEmptyAndStaysSo) {
  answer(Status::ok, "200 3\n\n");
  answer(Status::ok, "");
  EXPECT_EQ(host.text_of(task), "||");
  EXPECT_EQ(host.closed, std::vector<std::uint32_t>{3});
}

TEST_F(HttpBody, AnErrorEndsIt) {
  answer(Status::ok, "200 3\n\n");
  answer(Status::io, "reset by peer");
  ASSERT_EQ(host.completed[task].size(), 1U);
  EXPECT_EQ(host.completed[task][0].status, Status::io);
  EXPECT_EQ(host.text_of(task), "reset by peer");
  EXPECT_EQ(host.closed, std::vector<std::uint32_t>{3});
}

TEST_F(HttpBody, ABodyThatCameWithTheHeadIsItsOnlyChunk) {
  answer(Status::ok, "200 0\n\nall of it");
  EXPECT_EQ(host.text_of(task), "all of it||");
  EXPECT_TRUE(host.closed.empty());
}

TEST_F(HttpBody, AnAnswerThatIsNoneIsAProtocolError) {
  answer(Status::ok, "hello");
  EXPECT_EQ(host.completed[task].at(0).status, Status::protocol);
}

}  // namespace
}  // namespace crank::guest
