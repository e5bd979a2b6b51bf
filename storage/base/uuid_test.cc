#include "storage/base/uuid.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(Uuid, MadeOnesAreOfVersionFourAndDiffer) {
  SeededRandom random(1);
  const std::string first = MakeUuid(&random);
  EXPECT_TRUE(IsUuid(first)) << first;
  EXPECT_EQ(first[14], '4');
  EXPECT_NE(std::string("89ab").find(first[19]), std::string::npos) << first;
  EXPECT_NE(first, MakeUuid(&random));
}

TEST(Uuid, NothingElseIsOne) {
  EXPECT_TRUE(IsUuid("0F8fad5b-d9cb-469f-a165-70867728950e"));
  for (const char* text : {"", "0f8fad5bd9cb469fa16570867728950e", "0f8fad5b-d9cb-469f-a165-70867728950",
                           "0f8fad5b-d9cb-469f-a165-70867728950e0", "0f8fad5b-d9cb-469f-a165-70867728950g",
                           "0f8fad5b-d9cb-469f-a165 70867728950e", "../../../../../../../../../../../.."}) {
    EXPECT_FALSE(IsUuid(text)) << text;
  }
}

}  // namespace
}  // namespace tarn
