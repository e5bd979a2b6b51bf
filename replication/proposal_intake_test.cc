#include "replication/proposal_intake.h"

#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/engine/keys.h"
#include "storage/testing/mem_store.h"

namespace tarn::replication {
namespace {

using engine::Family;

class ProposalOnItsWay : public ::testing::Test {
 protected:
  // A proposal to give `key` a value, brought with two blobs.
  engine::Proposal Make() {
    engine::Proposal proposal;
    proposal.mutation.event = {.kind = engine::EventKind::kPutSetting,
                               .package = "left-pad",
                               .version = "1.0.0",
                               .actor = "alice",
                               .idempotency_key = "once"};
    proposal.mutation.preconditions = {{Family::kSetting, "key", std::nullopt}};
    proposal.mutation.changes = {{Family::kSetting, "key", "value"}, {Family::kSetting, "gone", std::nullopt}};
    for (const std::string& blob : blobs_) proposal.blobs.push_back({Sha512(blob), Sha1(blob), blob.size()});
    return proposal;
  }
  std::string BodyOf(const engine::Proposal& proposal) {
    const std::string bytes = engine::EncodeProposal(proposal).value();
    std::string body;
    AppendLittleEndian(&body, uint64_t{bytes.size()});
    body += bytes;
    for (const std::string& blob : blobs_) body += blob;
    return body;
  }
  // In pieces of so many bytes.
  Status Send(std::string_view body, size_t piece = 7) {
    ProposalIntake intake(&store_);
    for (size_t at = 0; at < body.size(); at += piece) RETURN_IF_ERROR(intake.Consume(body.substr(at, piece)));
    return intake.Finish().status();
  }
  std::optional<std::string> ValueOf(const std::string& key) {
    return *store_.NewReadView().value()->Get(Family::kSetting, key);
  }

  MemStore store_;
  std::vector<std::string> blobs_ = {"the first tarball", "", "the second"};
};

TEST_F(ProposalOnItsWay, IsCommittedWithItsBlobsInPiecesOfAnySize) {
  for (const size_t piece : {size_t{1}, size_t{9}, size_t{100'000}}) {
    engine::Proposal proposal = Make();
    proposal.mutation.preconditions[0].key = proposal.mutation.changes[0].key = "key-" + std::to_string(piece);
    const Status sent = Send(BodyOf(proposal), piece);
    ASSERT_TRUE(sent.ok()) << sent.ToString();
    EXPECT_EQ(ValueOf("key-" + std::to_string(piece)), "value");
    const auto record = store_.log().Read(store_.last_lsn());
    ASSERT_TRUE(record.ok());
    EXPECT_EQ(record->event.kind, engine::EventKind::kPutSetting);
    EXPECT_EQ(record->event.package, "left-pad");
    EXPECT_EQ(record->event.idempotency_key, "once");
    ASSERT_EQ(record->blobs.size(), 3u);
    for (const std::string& blob : blobs_) EXPECT_TRUE(store_.blobs().Open(Sha512(blob)).ok());
  }
}

TEST_F(ProposalOnItsWay, IsRefusedWhenTheStateIsAnotherOne) {
  ASSERT_TRUE(Send(BodyOf(Make())).ok());
  EXPECT_EQ(Send(BodyOf(Make())).code(), Code::kConflict);
}

TEST_F(ProposalOnItsWay, DoesNothingWhenABlobIsDamaged) {
  std::string body = BodyOf(Make());
  body.back() = '!';
  EXPECT_EQ(Send(body).code(), Code::kCorruption);
  EXPECT_EQ(store_.last_lsn(), Lsn());
  EXPECT_FALSE(store_.blobs().Open(Sha512(blobs_[0])).ok());
}

TEST_F(ProposalOnItsWay, DoesNothingWhenItEndsEarly) {
  const std::string body = BodyOf(Make());
  for (size_t size = 0; size < body.size(); ++size) {
    EXPECT_EQ(Send(body.substr(0, size), 64).code(), Code::kCorruption) << size;
  }
  EXPECT_EQ(store_.last_lsn(), Lsn());
}

TEST_F(ProposalOnItsWay, TakesNoMoreThanWasAnnounced) {
  EXPECT_EQ(Send(BodyOf(Make()) + "x").code(), Code::kInvalidArgument);
  std::string large;
  AppendLittleEndian(&large, uint64_t{1} << 40);
  EXPECT_EQ(Send(large).code(), Code::kInvalidArgument);
}

TEST_F(ProposalOnItsWay, CannotClaimABlobWithoutItsBytes) {
  engine::Proposal proposal = Make();
  proposal.mutation.changes.push_back({Family::kBlob, engine::DigestKey(Sha512("other")), "claimed"});
  EXPECT_EQ(Send(BodyOf(proposal)).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace tarn::replication
