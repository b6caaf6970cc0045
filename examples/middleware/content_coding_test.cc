#include "examples/middleware/content_coding.h"

#include <gtest/gtest.h>

namespace crank::example {
namespace {

TEST(ChooseCoding, TheHighestWeightWinsAndGzipOnATie) {
  EXPECT_EQ(choose_coding("gzip"), Coding::gzip);
  EXPECT_EQ(choose_coding("deflate"), Coding::deflate);
  EXPECT_EQ(choose_coding("deflate, gzip"), Coding::gzip);
  EXPECT_EQ(choose_coding("gzip;q=0.4, deflate;q=0.5"), Coding::deflate);
  EXPECT_EQ(choose_coding("br, zstd;q=0.9, GZIP ; Q=0.1"), Coding::gzip);
  EXPECT_EQ(choose_coding("x-gzip"), Coding::gzip);
}

TEST(ChooseCoding, NothingAskedOrNothingOfOursMeansIdentity) {
  EXPECT_EQ(choose_coding(""), Coding::identity);
  EXPECT_EQ(choose_coding("br"), Coding::identity);
  EXPECT_EQ(choose_coding("identity"), Coding::identity);
  EXPECT_EQ(choose_coding(" , ,"), Coding::identity);
}

TEST(ChooseCoding, AWeightOfZeroRefuses) {
  EXPECT_EQ(choose_coding("gzip;q=0"), Coding::identity);
  EXPECT_EQ(choose_coding("gzip;q=0, deflate;q=0.001"), Coding::deflate);
  EXPECT_EQ(choose_coding("gzip;q=0.000, *"), Coding::deflate);
}

TEST(ChooseCoding, AStarStandsForWhatIsNotNamed) {
  EXPECT_EQ(choose_coding("*"), Coding::gzip);
  EXPECT_EQ(choose_coding("*;q=0"), Coding::identity);
  EXPECT_EQ(choose_coding("gzip;q=0.2, *;q=0.5"), Coding::deflate);
}

TEST(ChooseCoding, IdentityIsTakenWhenItWeighsMore) {
  EXPECT_EQ(choose_coding("identity, gzip;q=0.5"), Coding::identity);
  EXPECT_EQ(choose_coding("identity;q=0.5, gzip;q=0.5"), Coding::gzip);
}

TEST(ChooseCoding, AnElementThatCannotBeReadAsksForNothing) {
  EXPECT_EQ(choose_coding("gzip;q=2"), Coding::identity);
  EXPECT_EQ(choose_coding("gzip;q=1.001"), Coding::identity);
  EXPECT_EQ(choose_coding("gzip;q="), Coding::identity);
  EXPECT_EQ(choose_coding("gzip;q=x, deflate"), Coding::deflate);
  EXPECT_EQ(choose_coding(";;;,=,;q=1"), Coding::identity);
}

TEST(OutermostCoding, IsTheLastOneAndLeavesTheOthers) {
  auto one = outermost_coding("gzip");
  EXPECT_EQ(one.coding, Coding::gzip);
  EXPECT_EQ(one.remaining, "");
  auto two = outermost_coding(" br , deflate ");
  EXPECT_EQ(two.coding, Coding::deflate);
  EXPECT_EQ(two.remaining, "br");
}

TEST(OutermostCoding, AnUnknownOneIsLeftAlone) {
  auto unknown = outermost_coding("gzip, br");
  EXPECT_EQ(unknown.coding, Coding::identity);
  EXPECT_EQ(unknown.remaining, "gzip, br");
}

TEST(ForbidsTransform, FindsTheDirectiveAmongOthers) {
  EXPECT_TRUE(forbids_transform("max-age=3, No-Transform"));
  EXPECT_FALSE(forbids_transform("max-age=3, no-store"));
  EXPECT_FALSE(forbids_transform(""));
}

TEST(MayCodeResponse, NotWithoutABodyAndNotAPart) {
  EXPECT_TRUE(may_code_response(200, false));
  EXPECT_TRUE(may_code_response(404, false));
  EXPECT_FALSE(may_code_response(200, true));
  for (unsigned status : {100U, 204U, 206U, 304U}) EXPECT_FALSE(may_code_response(status, false));
}

TEST(WorthCoding, NotWhatIsCompressedAlready) {
  EXPECT_TRUE(worth_coding("text/plain; charset=utf-8"));
  EXPECT_TRUE(worth_coding(""));
  EXPECT_TRUE(worth_coding("image/svg+xml"));
  EXPECT_FALSE(worth_coding("image/png"));
  EXPECT_FALSE(worth_coding("application/gzip"));
}

}  // namespace
}  // namespace crank::example
