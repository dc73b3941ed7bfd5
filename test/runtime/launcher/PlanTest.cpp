// Cutting rows into calls: every token once, in order, within the three limits.
#include "runtime/launcher/Plan.h"

#include <gtest/gtest.h>

using namespace dsrt;

namespace {

/// "row:begin+count/wantedFrom" of each piece, calls apart by " | ".
std::string text(const std::vector<PrefillCall> &calls) {
  std::string result;
  for (const PrefillCall &call : calls) {
    result += result.empty() ? "" : " | ";
    for (const RowPiece &piece : call.pieces)
      result += (&piece == &call.pieces[0] ? "" : " ") + std::to_string(piece.row) + ":" + std::to_string(piece.begin) + "+" +
                std::to_string(piece.count) + "/" + std::to_string(piece.wantedFrom);
  }
  return result;
}

} // namespace

TEST(Plan, FitsOneCall) { EXPECT_EQ(text(planPrefill({2, 3}, Wanted::LastOfRow, {8, 4, 4})), "0:0+2/1 1:0+3/2"); }

TEST(Plan, CutsALongRow) { EXPECT_EQ(text(planPrefill({7}, Wanted::LastOfRow, {3, 4, 4})), "0:0+3/3 | 0:3+3/6 | 0:6+1/6"); }

TEST(Plan, FillsTheRestOfACallWithTheNextRow) {
  EXPECT_EQ(text(planPrefill({4, 4}, Wanted::LastOfRow, {6, 4, 4})), "0:0+4/3 1:0+2/2 | 1:2+2/3");
}

TEST(Plan, ExactlyFullCallsLeaveNoEmptyCall) { EXPECT_EQ(text(planPrefill({3, 3}, Wanted::LastOfRow, {3, 4, 4})), "0:0+3/2 | 1:0+3/2"); }

TEST(Plan, RowsLimit) { EXPECT_EQ(text(planPrefill({1, 1, 1}, Wanted::LastOfRow, {8, 2, 8})), "0:0+1/0 1:0+1/0 | 2:0+1/0"); }

TEST(Plan, WantedLimitMovesTheEndOfARow) {
  EXPECT_EQ(text(planPrefill({1, 1, 1}, Wanted::LastOfRow, {8, 8, 2})), "0:0+1/0 1:0+1/0 | 2:0+1/0");
}

TEST(Plan, AllWantedIsCutByTheWantedLimit) { EXPECT_EQ(text(planPrefill({4, 2}, Wanted::All, {8, 4, 3})), "0:0+3/0 | 0:3+1/3 1:0+2/0"); }

TEST(Plan, EveryTokenOnceWhateverTheLimits) {
  std::vector<int64_t> lengths = {5, 1, 9, 2, 2, 13};
  for (Wanted wanted : {Wanted::LastOfRow, Wanted::All})
    for (int64_t tokens = 1; tokens < 8; ++tokens)
      for (int64_t rows = 1; rows < 4; ++rows)
        for (int64_t most = 1; most < 4; ++most)
          for (bool decode : {false, true}) {
            CallLimits limits = {tokens, rows, most};
            std::vector<int64_t> next(lengths.size()), asked(lengths.size());
            for (const PrefillCall &call : decode ? planDecode(lengths, wanted, limits) : planPrefill(lengths, wanted, limits)) {
              int64_t inCall = 0, wantedInCall = 0, lastRow = -1;
              ASSERT_FALSE(call.pieces.empty());
              ASSERT_LE(int64_t(call.pieces.size()), rows);
              for (const RowPiece &piece : call.pieces) {
                ASSERT_GT(piece.row, lastRow);
                lastRow = piece.row;
                ASSERT_EQ(piece.begin, next[piece.row]);
                ASSERT_GT(piece.count, 0);
                ASSERT_TRUE(!decode || piece.count == 1);
                next[piece.row] += piece.count;
                inCall += piece.count;
                wantedInCall += piece.begin + piece.count - piece.wantedFrom;
                asked[piece.row] += piece.begin + piece.count - piece.wantedFrom;
              }
              ASSERT_LE(inCall, tokens);
              ASSERT_LE(wantedInCall, most);
            }
            ASSERT_EQ(next, lengths);
            ASSERT_EQ(asked, wanted == Wanted::All ? lengths : std::vector<int64_t>(lengths.size(), 1));
          }
}

TEST(Plan, DecodeGoesPositionByPosition) {
  EXPECT_EQ(text(planDecode({2, 1, 2}, Wanted::LastOfRow, {2, 4, 4})), "0:0+1/1 1:0+1/0 | 2:0+1/1 | 0:1+1/1 2:1+1/1");
}
