// Distances between names, and the names that a message suggests.
#include "runtime/support/Nearest.h"

#include <gtest/gtest.h>

using namespace dsrt;

namespace {

TEST(Nearest, CountsEdits) {
  EXPECT_EQ(editDistance("", ""), 0u);
  EXPECT_EQ(editDistance("abc", "abc"), 0u);
  EXPECT_EQ(editDistance("", "abc"), 3u);
  EXPECT_EQ(editDistance("abc", "ab"), 1u);
  EXPECT_EQ(editDistance("abc", "xabc"), 1u);
  EXPECT_EQ(editDistance("abc", "axc"), 1u);
  EXPECT_EQ(editDistance("nrom", "norm"), 1u) << "a swap of neighbours is one edit";
  EXPECT_EQ(editDistance("ca", "abc"), 3u) << "restricted: no edit between the swapped";
  EXPECT_EQ(editDistance("kitten", "sitting"), 3u);
}

TEST(Nearest, StopsAtTheLimit) {
  EXPECT_EQ(editDistance("kitten", "sitting", 3), 3u);
  EXPECT_EQ(editDistance("kitten", "sitting", 2), 3u);
  EXPECT_EQ(editDistance("abcdefgh", "zyxwvuts", 2), 3u);
  EXPECT_EQ(editDistance("a", "abcdef", 1), 2u);
  // A swap reaches back two rows: the limit must not stop before it.
  EXPECT_EQ(editDistance("xyab", "xyba", 1), 1u);
}

TEST(Nearest, OrdersByDistanceThenByPlace) {
  std::vector<std::string> names = {"hidden_sizes", "hidden_size", "hidden_siez", "vocab_size"};
  EXPECT_EQ(nearestNames("hidden_sze", names, 2), (std::vector<std::string>{"hidden_size", "hidden_sizes"}));
  EXPECT_EQ(nearestNames("hidden_size", names, 1), (std::vector<std::string>{"hidden_size"}));
  EXPECT_TRUE(nearestNames("completely_else", names, 3).empty());
}

TEST(Nearest, ShortWordsHaveNoNeighbours) {
  EXPECT_TRUE(nearestNames("-z", {"-h"}, 1).empty());
  EXPECT_EQ(nearestNames("abd", {"abc"}, 1).size(), 1u);
}

TEST(Nearest, PutsNamesIntoASentence) {
  EXPECT_EQ(didYouMean({}), "");
  EXPECT_EQ(didYouMean({"a"}), "; did you mean 'a'?");
  EXPECT_EQ(didYouMean({"a", "b", "c"}), "; did you mean 'a', 'b' or 'c'?");
}

} // namespace
