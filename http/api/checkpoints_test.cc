#include "http/api/checkpoints.h"

#include <gtest/gtest.h>

namespace tarn::http {
namespace {

TEST(ReplicationCheckpoints, KeepWhatWasPutUnderItsRevision) {
  ReplicationCheckpoints checkpoints;
  EXPECT_EQ(checkpoints.Get("", "a").code(), Code::kNotFound);
  EXPECT_EQ(*checkpoints.Put("", "a", R"({"_id":"_local/other","last_seq":7,"history":[{"x":[1, 2]}]})"), "0-1");
  EXPECT_EQ(*checkpoints.Get("", "a"), R"({"_id":"_local/a","_rev":"0-1","last_seq":7,"history":[{"x":[1, 2]}]})");
  EXPECT_EQ(checkpoints.Put("", "a", R"({"last_seq":8})").code(), Code::kConflict);
  EXPECT_EQ(checkpoints.Put("", "a", R"({"_rev":"0-2","last_seq":8})").code(), Code::kConflict);
  EXPECT_EQ(*checkpoints.Put("", "a", R"({"_rev":"0-1","last_seq":8})"), "0-2");
  EXPECT_EQ(*checkpoints.Get("", "a"), R"({"_id":"_local/a","_rev":"0-2","last_seq":8})");
}

TEST(ReplicationCheckpoints, OfOneUserAreNotAnothers) {
  ReplicationCheckpoints checkpoints;
  ASSERT_TRUE(checkpoints.Put("alice", "a", "{}").ok());
  EXPECT_EQ(checkpoints.Get("bob", "a").code(), Code::kNotFound);
  EXPECT_EQ(checkpoints.Get("", "a").code(), Code::kNotFound);
  EXPECT_TRUE(checkpoints.Get("alice", "a").ok());
}

TEST(ReplicationCheckpoints, TheLeastRecentlyUsedAreForgotten) {
  ReplicationCheckpoints checkpoints(2);
  ASSERT_TRUE(checkpoints.Put("", "a", "{}").ok());
  ASSERT_TRUE(checkpoints.Put("", "b", "{}").ok());
  EXPECT_TRUE(checkpoints.Get("", "a").ok());
  ASSERT_TRUE(checkpoints.Put("", "c", "{}").ok());
  EXPECT_EQ(checkpoints.Get("", "b").code(), Code::kNotFound);
  EXPECT_TRUE(checkpoints.Get("", "a").ok());
  EXPECT_EQ(*checkpoints.Put("", "b", R"({"_rev":"0-9"})"), "0-1") << "its revision was forgotten too";
}

TEST(ReplicationCheckpoints, RefuseWhatIsNoSmallObject) {
  ReplicationCheckpoints checkpoints;
  for (const char* bad : {"", "[]", "{", "{\"a\":1,\"a\":2}", "{\"_rev\":1}", "1"}) {
    EXPECT_EQ(checkpoints.Put("", "a", bad).code(), Code::kInvalidArgument) << bad;
  }
  const std::string large = "{\"a\":\"" + std::string(limits::kReplicationCheckpointBytesMax, 'x') + "\"}";
  EXPECT_EQ(checkpoints.Put("", "a", large).code(), Code::kTooLarge);
  EXPECT_EQ(checkpoints.Put("", std::string(limits::kReplicationIdBytesMax + 1, 'x'), "{}").code(), Code::kTooLarge);
}

}  // namespace
}  // namespace tarn::http
