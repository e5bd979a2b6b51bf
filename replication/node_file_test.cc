#include "replication/node_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "storage/base/uuid.h"
#include "storage/testing/temp_directory.h"

namespace tarn::replication {
namespace {

TEST(NodeFile, ComesBackAsItWasSaved) {
  TempDirectory directory;
  SeededRandom random(1);
  auto node = NodeFile::Load(directory.path(), &random);
  ASSERT_TRUE(node.ok());
  EXPECT_TRUE(node->is_new);
  EXPECT_TRUE(IsUuid(node->node_id));
  node->role = NodeRole::kFollower;
  node->leader_url = "https://east.example/";
  node->configured = "https://old.example/";
  node->epoch = Epoch(7);
  node->in_sync = {"a", "b"};
  ASSERT_TRUE(node->Save(directory.path()).ok());
  ASSERT_TRUE(node->Save(directory.path()).ok());
  const auto again = NodeFile::Load(directory.path(), &random);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(again->node_id, node->node_id);
  EXPECT_EQ(again->role, NodeRole::kFollower);
  EXPECT_EQ(again->leader_url, node->leader_url);
  EXPECT_EQ(again->configured, node->configured);
  EXPECT_EQ(again->epoch, Epoch(7));
  EXPECT_EQ(again->in_sync, node->in_sync);
}

TEST(NodeFile, ADamagedOneIsNamed) {
  for (const char* text : {"node x\nepoch y\n", "what\n", "role leader\n", "node x\nunknown 1\n"}) {
    TempDirectory directory;
    SeededRandom random(1);
    std::ofstream(directory.path() + "/replication") << text;
    const auto node = NodeFile::Load(directory.path(), &random);
    EXPECT_EQ(node.code(), Code::kCorruption) << text;
    EXPECT_NE(node.status().message().find("/replication"), std::string_view::npos);
  }
}

}  // namespace
}  // namespace tarn::replication
