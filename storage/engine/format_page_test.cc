// FORMAT.md's examples of keys, values and log payloads are what the code writes, and the code reads them.
#include "storage/engine/format_page_for_test.h"

#include "storage/base/checksum.h"
#include "storage/base/digest.h"
#include "storage/engine/keys.h"
#include "storage/engine/local_values.h"
#include "storage/engine/record_codec.h"
#include "storage/engine/state_hash.h"
#include "storage/engine/value_frame.h"

namespace tarn::engine {
namespace {

constexpr uint64_t kTimeMs = 1'700'000'000'000;

void ExpectExample(const std::string& title, const std::string& written) {
  EXPECT_EQ(HexEncode(ExampleBytes(title)), HexEncode(written)) << title;
}
TEST(FormatPage, Keys) {
  ExpectExample("the key of a version", NameAndRestKey("tarn", "1.0.0"));
  ExpectExample("the key of log record 258", LsnKey(Lsn(258)));
  ExpectExample("the key that lists a package under its maintainer", ByUserKey("ann", ByUserKind::kMaintains, "tarn"));
}

TEST(FormatPage, SettingValue) {
  ExpectExample("the value of a setting", FrameValue(Family::kSetting, "on"));
  const std::string value = ExampleBytes("the value of a setting");
  EXPECT_EQ(*UnframeValue(Family::kSetting, value), "on");
}

TEST(FormatPage, AppliedState) {
  const AppliedState state{Lsn(2), Epoch(1), Sha256("chain 2"), StateHash({3, 4}), {SegmentId(1), 0x1d8}};
  ExpectExample("how far the state is", FrameValue(Family::kNode, EncodeAppliedState(state)));
  const std::string value = ExampleBytes("how far the state is");
  EXPECT_EQ(*ParseAppliedState(*UnframeValue(Family::kNode, value)), state);
}

TEST(FormatPage, LogEntry) {
  const LogEntry entry{{SegmentId(1), 0xd0}, Sha256("chain 1")};
  ExpectExample("where a log record is", FrameValue(Family::kLog, EncodeLogEntry(entry)));
  const std::string value = ExampleBytes("where a log record is");
  EXPECT_EQ(*ParseLogEntry(*UnframeValue(Family::kLog, value)), entry);
}

TEST(FormatPage, LocationOfABlob) {
  const Location location{SegmentId(1), 0xc0, BlobInfo{Sha512("hello"), Sha1("hello"), 5}};
  ExpectExample("where a blob is", FrameValue(Family::kLocation, EncodeLocation(location)));
  const std::string value = ExampleBytes("where a blob is");
  const auto parsed = ParseLocation(Sha512("hello"), *UnframeValue(Family::kLocation, value));
  EXPECT_EQ(parsed->segment, SegmentId(1));
  EXPECT_EQ(parsed->payload_offset_bytes, 0xc0u);
  EXPECT_EQ(parsed->info.size_bytes, 5u);
}

TEST(FormatPage, LogPayloadAndItsChainHash) {
  const std::vector<Change> changes = {Change{Family::kSetting, "a", "b"}};
  ExpectExample("the payload of a log record",
                *EncodePayload(Event{EventKind::kPutSetting, "", "", "ann", ""}, changes, {}));
  const std::string payload = ExampleBytes("the payload of a log record");
  LogRecord record;
  ASSERT_TRUE(DecodePayload(payload, &record).ok());
  EXPECT_EQ(record.event.actor, "ann");
  ASSERT_EQ(record.changes.size(), 1u);
  EXPECT_EQ(record.changes[0].key, "a");
  EXPECT_EQ(record.changes[0].value, "b");

  const std::string before_payload = ExampleBytes("what comes before the payload in its chain hash");
  const Sha256Digest hash = ChainHash(Sha256Digest(), Lsn(1), Epoch(1), kTimeMs, payload);
  EXPECT_EQ(hash, Sha256(before_payload + payload));
  ExpectExample("its chain hash", std::string(hash.view()));
}

TEST(FormatPage, StateHashOfOneEntry) {
  const std::string input = ExampleBytes("what is hashed of the entry");
  const StateHash hash = HashEntry(Family::kSetting, "a", "b");
  EXPECT_EQ(StateHash(Checksum128(input)), hash);
  std::string words;
  for (const uint64_t word : hash.words()) AppendLittleEndian(&words, word);
  ExpectExample("its hash", words);
}

}  // namespace
}  // namespace tarn::engine
