#include "http/cli/table.h"

#include <gtest/gtest.h>

namespace tarn::cli {
namespace {

TEST(FormatTable, AlignsColumns) {
  EXPECT_EQ(FormatTable({{"NAME", "EMAIL", "X"}, {"al", "al@example.com", ""}, {"benedikta", "", "yes"}}),
            "NAME       EMAIL           X\n"
            "al         al@example.com  -\n"
            "benedikta  -               yes\n");
}

TEST(FormatTable, CountsCharactersNotBytes) { EXPECT_EQ(FormatTable({{"ü", "x"}, {"ab", "y"}}), "ü   x\nab  y\n"); }

TEST(FormatTable, NobodyWritesToTheTerminal) {
  EXPECT_EQ(FormatTable({{"a\x1b[2Jb\n\x7f",
                          "c\xc2\x9b"
                          "d"}}),
            "a?[2Jb??  c?d\n");
}

TEST(FormatTable, RowsMayBeShort) {
  EXPECT_EQ(FormatTable({{"A", "B"}, {"1"}}), "A  B\n1\n");
  EXPECT_EQ(FormatTable({}), "");
}

TEST(ShortTime, CutsWhatNobodyReads) {
  EXPECT_EQ(ShortTime("2026-11-24T01:54:52.123Z"), "2026-11-24 01:54");
  EXPECT_EQ(ShortTime(""), "");
  EXPECT_EQ(ShortTime("soon"), "soon");
}

}  // namespace
}  // namespace tarn::cli
