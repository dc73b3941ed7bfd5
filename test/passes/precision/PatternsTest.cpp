// Patterns: regular expressions are searched, globs are fnmatch's and must match all of the path.
#include "passes/precision/Patterns.h"

#include <gtest/gtest.h>

using namespace dsmlir;

namespace {

bool matches(const char *pattern, PatternType type, const char *path) {
  PatternSet set;
  set.add(pattern, type);
  set.compile();
  std::vector<int> found;
  set.match(path, found);
  return !found.empty();
}

bool glob(const char *pattern, const char *path) { return matches(pattern, PatternType::Glob, path); }
bool regex(const char *pattern, const char *path) { return matches(pattern, PatternType::Regex, path); }

TEST(Patterns, RegularExpressionsAreSearchedAnywhere) {
  EXPECT_TRUE(regex("attn", "blocks.0.attn.q_proj"));
  EXPECT_TRUE(regex("0.attn", "blocks.0.attn.q_proj"));
  EXPECT_FALSE(regex("^attn", "blocks.0.attn.q_proj"));
  EXPECT_TRUE(regex("q_proj$", "blocks.0.attn.q_proj"));
  EXPECT_FALSE(regex("attn$", "blocks.0.attn.q_proj"));
  EXPECT_TRUE(regex("blocks\\.\\d+\\.", "blocks.12.attn"));
  EXPECT_FALSE(regex("ATTN", "blocks.0.attn"));
}

TEST(Patterns, GlobsMatchAllOfThePathAndStarsCrossDots) {
  EXPECT_TRUE(glob("blocks.*_proj", "blocks.0.attn.q_proj"));
  EXPECT_FALSE(glob("attn", "blocks.0.attn.q_proj"));
  EXPECT_TRUE(glob("*attn*", "blocks.0.attn.q_proj"));
  EXPECT_FALSE(glob("blocks.*.attn", "blocks.0.attn.q_proj"));
  EXPECT_TRUE(glob("*", ""));
  EXPECT_TRUE(glob("blocks.?.x", "blocks.1.x"));
  EXPECT_FALSE(glob("blocks.?.x", "blocks.11.x"));
  EXPECT_FALSE(glob("a.c", "abc")); // a dot is a dot
  EXPECT_FALSE(glob("(a|b)", "a"));
  EXPECT_TRUE(glob("(a|b)", "(a|b)"));
}

// As Python's fnmatch.fnmatchcase answers.
TEST(Patterns, GlobClasses) {
  EXPECT_TRUE(glob("[01]", "1"));
  EXPECT_FALSE(glob("[01]", "2"));
  EXPECT_TRUE(glob("[0-3]", "2"));
  EXPECT_FALSE(glob("[!0-3]", "2"));
  EXPECT_TRUE(glob("[!0-3]", "4"));
  EXPECT_TRUE(glob("[]x]", "]"));
  EXPECT_TRUE(glob("[!]x]", "a"));
  EXPECT_FALSE(glob("[!]x]", "]"));
  EXPECT_TRUE(glob("[^a]", "^")); // a ^ is a member, not a negation
  EXPECT_TRUE(glob("[a-]", "-"));
  EXPECT_FALSE(glob("[z-a]", "m")); // an empty range holds nothing
  EXPECT_TRUE(glob("[!z-a]", "m"));
  EXPECT_TRUE(glob("[ab", "[ab")); // without an end a bracket
  EXPECT_TRUE(glob("[", "["));
  EXPECT_TRUE(glob("[\\]", "\\"));
}

TEST(Patterns, ErrorsAreReported) {
  EXPECT_TRUE(patternError("(a", PatternType::Regex));
  EXPECT_TRUE(patternError("a(?=b)", PatternType::Regex));
  EXPECT_FALSE(patternError("a.*b", PatternType::Regex));
  EXPECT_FALSE(patternError("(a", PatternType::Glob));
}

TEST(Patterns, ASetReportsAllThatMatchAscending) {
  PatternSet set;
  std::vector<int> found = {9};
  set.compile();
  set.match("abc", found); // an empty set matches nothing
  EXPECT_TRUE(found.empty());
  PatternSet three;
  EXPECT_EQ(three.add("c", PatternType::Regex), 0);
  EXPECT_EQ(three.add("x", PatternType::Regex), 1);
  EXPECT_EQ(three.add("a*", PatternType::Glob), 2);
  three.compile();
  three.match("abc", found);
  EXPECT_EQ(found, (std::vector<int>{0, 2}));
}

} // namespace
