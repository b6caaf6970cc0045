#include "examples/middleware/codec.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace crank::example {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes text(std::size_t size) {
  static constexpr std::string_view words[] = {"task ", "actor ", "await ", "stream ", "the ", "of ", "component\n"};
  Bytes out;
  std::minstd_rand random(7);
  while (out.size() < size) {
    auto word = words[random() % std::size(words)];
    out.insert(out.end(), word.begin(), word.end());
  }
  out.resize(size);
  return out;
}

template <class Codec>
void steps(Codec& codec, Flush flush, std::size_t window, Bytes& out) {
  Bytes output(window);
  while (std::size_t made = codec.step(output, flush)) out.insert(out.end(), output.begin(), output.begin() + made);
}

template <class Codec>
Bytes through(Codec& codec, const Bytes& input, std::size_t piece, std::size_t window, Flush between = Flush::none) {
  Bytes out;
  for (std::size_t at = 0; at < input.size(); at += piece) {
    codec.feed(std::span(input).subspan(at, std::min(piece, input.size() - at)));
    steps(codec, Flush::none, window, out);
    if (between != Flush::none) steps(codec, between, window, out);
  }
  steps(codec, Flush::finish, window, out);
  return out;
}

Bytes encoded(Coding coding, const Bytes& input) {
  Encoder encoder(coding);
  return through(encoder, input, 4096, 4096);
}

class BothCodings : public testing::TestWithParam<Coding> {};

TEST_P(BothCodings, ABodyComesBackWhateverThePiecesAndWindows) {
  for (std::size_t size : {0UL, 1UL, 100UL, 70000UL})
    for (std::size_t piece : {1UL, 7UL, 32768UL})
      for (std::size_t window : {1UL, 13UL, 32768UL}) {
        if (size / piece > 1000 && window == 1) continue;
        Bytes input = text(size);
        Encoder encoder(GetParam());
        Bytes coded = through(encoder, input, piece, window);
        Decoder decoder(GetParam());
        EXPECT_EQ(through(decoder, coded, piece, window), input) << size << " " << piece << " " << window;
        EXPECT_FALSE(decoder.failed());
      }
}

TEST_P(BothCodings, WhatASyncFlushBringsOutDecodesToAllThatWasFed) {
  Bytes input = text(5000), coded, decoded;
  Encoder encoder(GetParam());
  Decoder decoder(GetParam());
  encoder.feed(input);
  steps(encoder, Flush::none, 64, coded);
  EXPECT_TRUE(encoder.holds_back());
  steps(encoder, Flush::sync, 64, coded);
  EXPECT_FALSE(encoder.holds_back());
  decoder.feed(coded);
  steps(decoder, Flush::none, 64, decoded);
  EXPECT_EQ(decoded, input);
}

TEST_P(BothCodings, ASecondSyncFlushWithNothingFedWritesNothing) {
  Bytes input = text(100), coded;
  Encoder encoder(GetParam());
  encoder.feed(input);
  steps(encoder, Flush::sync, 4096, coded);
  auto size = coded.size();
  steps(encoder, Flush::sync, 4096, coded);
  EXPECT_EQ(coded.size(), size);
}

TEST_P(BothCodings, ACutBodyFails) {
  Bytes coded = encoded(GetParam(), text(1000));
  coded.resize(coded.size() - 3);
  Decoder decoder(GetParam());
  through(decoder, coded, 4096, 4096);
  EXPECT_TRUE(decoder.failed());
}

TEST_P(BothCodings, ADamagedBodyFails) {
  Bytes coded = encoded(GetParam(), text(1000));
  coded[coded.size() - 6] ^= 0x10;
  Decoder decoder(GetParam());
  through(decoder, coded, 4096, 4096);
  EXPECT_TRUE(decoder.failed());
}

INSTANTIATE_TEST_SUITE_P(Codec, BothCodings, testing::Values(Coding::gzip, Coding::deflate));

TEST(Decoder, GzipMembersFollowOneAnother) {
  Bytes first = encoded(Coding::gzip, text(300)), second = encoded(Coding::gzip, text(200)), both = first;
  both.insert(both.end(), second.begin(), second.end());
  Bytes want = text(300), more = text(200);
  want.insert(want.end(), more.begin(), more.end());
  Decoder decoder(Coding::gzip);
  EXPECT_EQ(through(decoder, both, 11, 64), want);
  EXPECT_FALSE(decoder.failed());
}

TEST(Decoder, DeflateWithoutItsHeaderIsUnderstood) {
  Bytes coded = encoded(Coding::deflate, text(1000));
  Bytes raw(coded.begin() + 2, coded.end() - 4);
  Decoder decoder(Coding::deflate);
  EXPECT_EQ(through(decoder, raw, 4096, 4096), text(1000));
  EXPECT_FALSE(decoder.failed());
}

TEST(Decoder, BytesAfterTheEndOfDeflateFail) {
  Bytes coded = encoded(Coding::deflate, text(1000));
  coded.push_back('x');
  Decoder decoder(Coding::deflate);
  through(decoder, coded, 4096, 4096);
  EXPECT_TRUE(decoder.failed());
}

TEST(Decoder, AnEmptyBodyIsEmpty) {
  Decoder decoder(Coding::gzip);
  EXPECT_TRUE(through(decoder, {}, 1, 64).empty());
  EXPECT_FALSE(decoder.failed());
}

}  // namespace
}  // namespace crank::example
