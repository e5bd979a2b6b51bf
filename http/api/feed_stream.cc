#include "http/api/feed_stream.h"

#include <algorithm>

#include "storage/base/logging.h"

namespace tarn::http {
namespace {

constexpr size_t kPieceBytes = 256 * limits::kKiB;  // Then it is sent; one document may exceed it alone.
constexpr uint64_t kBusyPauseMs = 1000;             // Before asking a busy executor again.

}  // namespace

Task<StreamStep> ReadingStream::Next(Mode mode) {
  auto work = [this, mode] { return Read(mode); };
  auto step = co_await services_.feeds->executor.Run(WorkClass::kRead, std::move(work));
  if (step.ok()) co_return std::move(*step);
  if (step.code() == Code::kResourceExhausted && mode == Mode::kGoOn) {
    co_return StreamStep::Wait(services_.clock.MonotonicMs() + kBusyPauseMs);
  }
  co_return StreamStep::Broken();
}

StreamStep ReadingStream::Fail(const Status& why) {
  Log(LogLevel::kWarning, "a feed was cut", {{"why", why.ToString()}});
  return StreamStep::Broken();
}

// --- _changes ---

ChangesStream::ChangesStream(const Services& services, FollowerIdentity who, FeedQuery query, uint64_t after,
                             std::unique_ptr<Followers::Place> place)
    : ReadingStream(services),
      who_(std::move(who)),
      query_(std::move(query)),
      sent_(after),
      limit_left_(query_.limit),
      quiet_since_ms_(services.clock.MonotonicMs()),
      place_(std::move(place)) {
  position_.after = after;
  position_.descending = query_.descending;
  position_.names = query_.names;
}

void ChangesStream::Start(std::shared_ptr<StreamWaker> waker) {
  if (place_ != nullptr) place_->Attach(std::move(waker));
}

StreamStep ChangesStream::Read(Mode mode) {
  if (is_over_) return StreamStep::End();
  PieceBuffer out;
  if (!std::exchange(has_begun_, true) && is_enveloped()) out.Append("{\"results\":[\n");
  const Status written = WriteRows(&out);
  if (!written.ok()) return Fail(written);
  const bool is_current = rows_.empty() && was_last_;
  const bool is_full = limit_left_ == uint64_t{0};
  const bool has_waited_enough =
      is_current && (!query_.waits() || (query_.kind == FeedQuery::Kind::kLongpoll && has_rows_));
  if (mode == Mode::kFinish || is_full || has_waited_enough) {
    const Status finished = Finish(&out);
    return finished.ok() ? Send(&out) : Fail(finished);
  }
  if (!out.empty()) return Send(&out);
  // In the middle of rows that are not for this caller: on, but others get their turn.
  return is_current ? WaitOrBeat(&out) : StreamStep::Wait(0);
}

Status ChangesStream::WriteRows(PieceBuffer* out) {
  ASSIGN_OR_RETURN(const registry::Principal principal,
                   services_.feeds->identities.Identify(who_.authorization, who_.client));
  if (rows_.empty()) RETURN_IF_ERROR(ReadRows(principal));
  while (!rows_.empty()) {
    const registry::ChangedPackage row = std::move(rows_.front());
    rows_.pop_front();
    RETURN_IF_ERROR(WriteRow(principal, row, out));
    if (limit_left_ && *limit_left_ > 0) --*limit_left_;
    // Between two sequences only: a follower goes on behind one, not within it.
    if (!rows_.empty() && rows_.front().sequence == row.sequence) continue;
    sent_ = row.sequence;
    if (!rows_.empty() && out->bytes() >= kPieceBytes) return OkStatus();
  }
  if (!query_.descending) sent_ = position_.after;
  return OkStatus();
}

Status ChangesStream::ReadRows(const registry::Principal& principal) {
  if (query_.descending && was_last_) return OkStatus();
  position_.rows_max =
      static_cast<size_t>(std::min<uint64_t>(limit_left_.value_or(UINT64_MAX), limits::kFeedRowsPerPiece));
  ASSIGN_OR_RETURN(registry::ChangesPiece piece, services_.registry.changes().Read(principal, position_));
  rows_.assign(std::make_move_iterator(piece.packages.begin()), std::make_move_iterator(piece.packages.end()));
  was_last_ = piece.is_last;
  if (query_.descending)
    position_.before = piece.next;
  else
    position_.after = piece.next;
  return OkStatus();
}

Status ChangesStream::WriteRow(const registry::Principal& principal, const registry::ChangedPackage& row,
                               PieceBuffer* out) {
  const bool is_event = query_.kind == FeedQuery::Kind::kEventSource;
  std::string text = is_event ? "data: " : is_enveloped() && has_rows_ ? ",\n" : "";
  has_rows_ = true;
  text += "{\"seq\":" + std::to_string(row.sequence) + ",\"id\":" + JsonString(row.name);
  text += ",\"changes\":[{\"rev\":" + JsonString(row.rev) + "}]";
  if (row.is_unpublished) text += ",\"deleted\":true";
  out->Append(text);
  if (query_.include_docs) {
    out->Append(",\"doc\":");
    const auto name = registry::PackageName::Parse(row.name);
    RETURN_IF_ERROR(name.status());
    const auto document = services_.registry.changes().GetDocument(principal, *name, who_.base_url);
    if (document.ok())
      AppendDocument(*document, Revisions::kOmit, is_enveloped() ? Lines::kAny : Lines::kOne, out);
    else if (document.code() == Code::kNotFound)
      out->Append("null");  // It was made restricted a moment ago.
    else
      return document.status();
  }
  out->Append("}");
  if (is_event)
    out->Append("\nid: " + std::to_string(row.sequence) + "\n\n");
  else if (!is_enveloped())
    out->Append("\n");
  return OkStatus();
}

Status ChangesStream::Finish(PieceBuffer* out) {
  is_over_ = true;
  if (query_.kind == FeedQuery::Kind::kEventSource)
    return OkStatus();  // The client comes back with the id it saw last.
  uint64_t pending = 0;
  if (!query_.descending && query_.names.empty()) {
    ASSIGN_OR_RETURN(const registry::Principal principal,
                     services_.feeds->identities.Identify(who_.authorization, who_.client));
    ASSIGN_OR_RETURN(pending, services_.registry.changes().CountAfter(principal, sent_));
  }
  const std::string end = "\"last_seq\":" + std::to_string(sent_) + ",\"pending\":" + std::to_string(pending) + "}\n";
  out->Append(is_enveloped() ? "\n],\n" + end : "{" + end);
  return OkStatus();
}

StreamStep ChangesStream::WaitOrBeat(PieceBuffer* out) {
  const uint64_t now_ms = services_.clock.MonotonicMs();
  const uint64_t until_ms = quiet_since_ms_ + query_.heartbeat_ms.value_or(query_.timeout_ms);
  if (now_ms < until_ms) return StreamStep::Wait(until_ms);
  if (query_.heartbeat_ms) {
    out->Append(query_.kind == FeedQuery::Kind::kEventSource ? "event: heartbeat\ndata: \n\n" : "\n");
    return Send(out);
  }
  const Status finished = Finish(out);
  if (!finished.ok()) return Fail(finished);
  return out->empty() ? StreamStep::End() : Send(out);
}

StreamStep ChangesStream::Send(PieceBuffer* out) {
  quiet_since_ms_ = services_.clock.MonotonicMs();
  if (out->empty()) return is_over_ ? StreamStep::End() : StreamStep::Wait(0);
  StreamStep step;
  step.kind = StreamStep::Kind::kBytes;
  step.pieces = out->Take();
  return step;
}

// --- rows ---

RowsStream::RowsStream(const Services& services, FollowerIdentity who, std::string opening, NextRow next_row,
                       std::string closing)
    : ReadingStream(services),
      who_(std::move(who)),
      opening_(std::move(opening)),
      next_row_(std::move(next_row)),
      closing_(std::move(closing)) {}

StreamStep RowsStream::Read(Mode) {
  if (is_over_) return StreamStep::End();
  const auto principal = services_.feeds->identities.Identify(who_.authorization, who_.client);
  if (!principal.ok()) return Fail(principal.status());
  PieceBuffer out;
  out.Append(std::exchange(opening_, {}));
  while (out.bytes() < kPieceBytes) {
    PieceBuffer row;
    const auto has_row = next_row_(*principal, &row);
    if (!has_row.ok()) return Fail(has_row.status());
    if (!*has_row) {
      is_over_ = true;
      out.Append(closing_);
      break;
    }
    if (std::exchange(has_rows_, true)) out.Append(",\n");
    for (SharedBytes& piece : row.Take()) out.AppendShared(std::move(piece));
  }
  StreamStep step;
  step.kind = StreamStep::Kind::kBytes;
  step.pieces = out.Take();
  return step;
}

}  // namespace tarn::http
