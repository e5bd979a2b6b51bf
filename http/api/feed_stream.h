#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/api/feed_document.h"
#include "http/api/feed_query.h"
#include "http/api/followers.h"
#include "http/api/routes.h"
#include "http/net/body_stream.h"

namespace tarn::http {

// A stream that reads the registry: each piece is one call on an executor thread, and none while it waits.
class ReadingStream : public BodyStream {
 public:
  explicit ReadingStream(const Services& services) : services_(services) {}
  Task<StreamStep> Next(Mode mode) final;

 protected:
  // On an executor thread.
  virtual StreamStep Read(Mode mode) = 0;
  // Says in the log why the answer is cut.
  static StreamStep Fail(const Status& why);

  const Services& services_;
};

// Who follows, kept for as long as they do. They are asked for their rights again for each piece: a token that was revoked
// reads nothing more.
struct FollowerIdentity {
  explicit FollowerIdentity(const Call& call)
      : authorization(call.head.Get(KnownHeader::kAuthorization)), client(call.client), base_url(call.base_url) {}

  const std::string authorization;
  const registry::PeerAddress client;
  const std::string base_url;
};

// `_changes`, in each of its forms (contract 13).
class ChangesStream final : public ReadingStream {
 public:
  // `place` is held by forms that wait; nullptr for the others. `after` is the sequence to begin behind.
  ChangesStream(const Services& services, FollowerIdentity who, FeedQuery query, uint64_t after,
                std::unique_ptr<Followers::Place> place);

  void Start(std::shared_ptr<StreamWaker> waker) override;

 protected:
  StreamStep Read(Mode mode) override;

 private:
  bool is_enveloped() const {
    return query_.kind == FeedQuery::Kind::kNormal || query_.kind == FeedQuery::Kind::kLongpoll;
  }
  // The next rows, as many as a piece takes.
  Status WriteRows(PieceBuffer* out);
  Status ReadRows(const registry::Principal& principal);
  Status WriteRow(const registry::Principal& principal, const registry::ChangedPackage& row, PieceBuffer* out);
  Status Finish(PieceBuffer* out);
  StreamStep WaitOrBeat(PieceBuffer* out);
  StreamStep Send(PieceBuffer* out);

  const FollowerIdentity who_;
  const FeedQuery query_;
  registry::ChangesQuery position_;            // Of what is read next.
  uint64_t sent_ = 0;                          // The sequence up to which all was sent.
  std::deque<registry::ChangedPackage> rows_;  // Read, not sent.
  bool was_last_ = false;                      // When rows_ was read there was nothing more.
  std::optional<uint64_t> limit_left_;
  bool has_begun_ = false;
  bool has_rows_ = false;
  bool is_over_ = false;
  uint64_t quiet_since_ms_ = 0;  // Nothing was sent since.
  const std::unique_ptr<Followers::Place>
      place_;  // Last to be made, first to go: whoever wakes a stream finds it whole.
};

// Rows that are made one after the other, between two texts.
class RowsStream final : public ReadingStream {
 public:
  // Appends the next row, without a comma before it. False: there is none.
  using NextRow = std::function<Result<bool>(const registry::Principal& principal, PieceBuffer* out)>;
  RowsStream(const Services& services, FollowerIdentity who, std::string opening, NextRow next_row,
             std::string closing);

 protected:
  StreamStep Read(Mode mode) override;

 private:
  const FollowerIdentity who_;
  std::string opening_;
  const NextRow next_row_;
  const std::string closing_;
  bool has_rows_ = false;
  bool is_over_ = false;
};

}  // namespace tarn::http
