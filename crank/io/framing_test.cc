#include "crank/io/framing.h"

#include <gtest/gtest.h>

#include <random>

namespace crank::io::detail {
namespace {

std::span<std::byte> bytes_of(std::string& text) { return {reinterpret_cast<std::byte*>(text.data()), text.size()}; }

// Feeds `wire` in pieces of `step` bytes into a buffer of `room` bytes; returns the body.
Result<std::string> decode_all(BodyDecoder& decoder, std::string_view wire, std::size_t step, std::size_t room) {
  std::string body, held, buffer(room, 0);
  while (!decoder.done()) {
    auto made = decoder.decode(held, bytes_of(buffer));
    if (!made) return fail(std::move(made).error());
    held.erase(0, made->consumed);
    body.append(buffer, 0, made->produced);
    if (made->consumed || made->produced) continue;
    if (wire.empty()) return fail(Code::io, "truncated");
    held.append(wire.substr(0, step));
    wire.remove_prefix(std::min(step, wire.size()));
  }
  return body;
}

TEST(BodyDecoder, AChunkedBodyIsTheSameHoweverTheWireCutsIt) {
  const std::string wire = "5\r\nhello\r\n1;name=\"x\"\r\n,\r\n6 \r\n world\r\n0\r\nX-Sum: 12\r\nEmpty:\r\n\r\n";
  for (std::size_t step = 1; step <= wire.size(); ++step)
    for (std::size_t room : {1, 3, 100}) {
      BodyDecoder decoder;
      decoder.start_chunked({});
      auto body = decode_all(decoder, wire, step, room);
      ASSERT_TRUE(body) << body.error().to_string();
      EXPECT_EQ(*body, "hello, world");
      EXPECT_EQ(decoder.trailers().find("x-sum"), "12");
      EXPECT_TRUE(decoder.trailers().has("empty"));
    }
}

TEST(BodyDecoder, MalformedChunksAreRefusedNotGuessed) {
  for (const char* wire :
       {"x\r\n", "-1\r\n", "\r\n", "5\nhello\r\n", "5\r\nhelloX\r\n0\r\n\r\n", "0x5\r\nhello\r\n",
        "ffffffffffffffffff\r\n", "5 5\r\nhello\r\n", "0\r\nbad trailer\r\n\r\n", "0\r\n: v\r\n\r\n"}) {
    BodyDecoder decoder;
    decoder.start_chunked({});
    auto body = decode_all(decoder, wire, 1000, 1000);
    ASSERT_FALSE(body) << wire;
    EXPECT_EQ(body.error().code(), Code::protocol) << wire << body.error().to_string();
  }
}

TEST(BodyDecoder, ABodyOverItsLimitIsAnErrorInEveryFraming) {
  BodyDecoder chunked;
  chunked.start_chunked({.body = 7});
  auto over = decode_all(chunked, "5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", 100, 100);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code(), Code::limit);
  BodyDecoder open;
  open.start_until_close({.body = 7});
  over = decode_all(open, "hello, world", 100, 100);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code(), Code::limit);
}

TEST(BodyDecoder, DirectReadsAndBufferedOnesCountAlike) {
  BodyDecoder decoder;
  decoder.start_length(10, {});
  std::string room(4, 0);
  ASSERT_EQ(decoder.decode("abcd", bytes_of(room))->produced, 4u);
  EXPECT_EQ(decoder.direct(), 6u);
  decoder.took_direct(6);
  EXPECT_TRUE(decoder.done());
}

TEST(BodyDecoder, AConnectionThatEndsEarlyIsAnErrorUnlessTheEndIsTheFraming) {
  BodyDecoder sized, chunked, open;
  sized.start_length(3, {});
  chunked.start_chunked({});
  open.start_until_close({});
  EXPECT_FALSE(sized.at_eof());
  EXPECT_FALSE(chunked.at_eof());
  EXPECT_TRUE(open.at_eof());
  EXPECT_TRUE(open.done());
}

TEST(BodyEncoder, APromisedLengthIsHeldExactly) {
  BodyEncoder encoder;
  std::string out;
  encoder.start(5, true);
  EXPECT_TRUE(encoder.before(3, out));
  EXPECT_FALSE(encoder.end(nullptr, out));
  EXPECT_FALSE(encoder.before(3, out));
  EXPECT_TRUE(encoder.before(2, out));
  EXPECT_TRUE(encoder.end(nullptr, out));
  EXPECT_EQ(out, "");
}

TEST(BodyCodec, WhatIsEncodedInChunksDecodesToItself) {
  std::minstd_rand random(7);
  for (int round = 0; round < 50; ++round) {
    std::string body, wire;
    BodyEncoder encoder;
    encoder.start(std::nullopt, true);
    for (int n = static_cast<int>(random() % 10); n > 0; --n) {
      std::string piece(1 + random() % 300, static_cast<char>(random()));
      ASSERT_TRUE(encoder.before(piece.size(), wire));
      wire += piece;
      encoder.after(wire);
      body += piece;
    }
    Headers trailers;
    trailers.add("x", "y");
    ASSERT_TRUE(encoder.end(&trailers, wire));
    BodyDecoder decoder;
    decoder.start_chunked({});
    EXPECT_EQ(*decode_all(decoder, wire, 1 + random() % 64, 1 + random() % 64), body);
    EXPECT_EQ(decoder.trailers().find("X"), "y");
  }
}

}  // namespace
}  // namespace crank::io::detail
