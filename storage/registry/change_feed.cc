#include "storage/registry/change_feed.h"

#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/base/limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/access_reader.h"
#include "storage/registry/change_rows.h"
#include "storage/registry/package_state.h"
#include "storage/registry/sequence.h"

namespace tarn::registry {
namespace {

using engine::Family;

// Windows of LSNs that a descending feed looks through: small at first, for whoever wants the newest one alone.
constexpr uint64_t kFirstWindowLsns = 256;
constexpr uint64_t kWindowGrowth = 8;
// A package that is written to while a follower reads it: so often it is read again.
constexpr int kDocumentAttempts = 8;

std::string RevHashHex(uint64_t hash) {
  std::string bytes;
  AppendBigEndian64(&bytes, hash);
  return HexEncode(bytes);
}

ChangedPackage Changed(const ChangeRow& row, Lsn lsn, std::string_view name) {
  return {.sequence = SequenceOf(row.epoch, lsn),
          .name = std::string(name),
          .rev = row.rev(),
          .is_unpublished = row.is_unpublished};
}

// Walks rows in the order of their LSNs and keeps those that the caller may read.
class RowReader {
 public:
  RowReader(const engine::ReadView& view, const Principal& principal)
      : view_(view), principal_(principal), access_(view, principal) {}

  // Of rows behind `after` up to `last`. `visit` gets what is visible and says whether to go on; after that no row of
  // another LSN follows: a piece never ends within one, for its packages have one sequence.
  using Visitor = std::function<bool(ChangedPackage)>;
  struct Extent {
    Lsn lsn;               // Up to here everything was seen.
    Epoch epoch;           // Of the row there; unset when there is none.
    bool is_whole = true;  // Nothing is left up to `last`.
  };
  Result<Extent> Scan(Lsn after, Lsn last, size_t scanned_max, const Visitor& visit) {
    Extent seen{after, Epoch(), true};
    size_t scanned = 0;
    bool stop = false;
    Status failed;
    RETURN_IF_ERROR(view_.Scan(Family::kChange, engine::ChangeKey(after.Next(), ""), engine::ChangeKey(last.Next(), ""),
                               [&](std::string_view key, std::string_view value) {
                                 const auto place = engine::ParseChangeKey(key);
                                 if (!place.ok()) failed = place.status();
                                 if (!failed.ok()) return false;
                                 if ((stop || scanned >= scanned_max) && place->lsn != seen.lsn) {
                                   seen.is_whole = false;
                                   return false;
                                 }
                                 const auto row = DecodeChangeRow(value);
                                 if (!row.ok()) failed = row.status();
                                 if (!failed.ok()) return false;
                                 ++scanned;
                                 seen.lsn = place->lsn;
                                 seen.epoch = row->epoch;
                                 auto changed = Visible(*place, *row);
                                 if (!changed.ok())
                                   failed = changed.status();
                                 else if (*changed)
                                   stop = !visit(std::move(**changed)) || stop;
                                 return failed.ok();
                               }));
    RETURN_IF_ERROR(failed);
    return seen;
  }

  // nullopt: not for this caller.
  Result<std::optional<ChangedPackage>> Visible(const engine::ChangePlace& place, std::string_view value) {
    ASSIGN_OR_RETURN(const ChangeRow row, DecodeChangeRow(value));
    return Visible(place, row);
  }
  Result<std::optional<ChangedPackage>> Visible(const engine::ChangePlace& place, const ChangeRow& row) {
    if (row.is_restricted) {
      if (!principal_.is_authenticated()) return std::optional<ChangedPackage>();
      ASSIGN_OR_RETURN(const PackageName name, PackageName::Parse(place.package));
      const auto visible = access_.ReadVisible(name);
      if (visible.code() == Code::kNotFound) return std::optional<ChangedPackage>();
      RETURN_IF_ERROR(visible.status());
    }
    return std::optional<ChangedPackage>(Changed(row, place.lsn, place.package));
  }

 private:
  const engine::ReadView& view_;
  const Principal& principal_;
  AccessReader access_;
};

Lsn Before(Lsn lsn) { return Lsn(lsn.value() - 1); }

}  // namespace

Status ChangeFeed::CheckMayAsk(const Principal& principal) const {
  if (options_.read_access == RegistryOptions::ReadAccess::kAnyone || principal.is_authenticated()) return OkStatus();
  return Unauthenticated("This registry is private: log in first.");
}

uint64_t ChangeFeed::CurrentSequence() const { return SequenceOf(store_->Stats().epoch, store_->last_lsn()); }

Result<uint64_t> ChangeFeed::Resume(uint64_t sequence) const {
  const Lsn lsn = LsnOfSequence(sequence);
  const Epoch epoch = EpochOfSequence(sequence);
  const Epoch current = store_->Stats().epoch;
  if (lsn == Lsn()) return uint64_t{0};
  if (lsn > store_->last_lsn() || epoch > current) return uint64_t{0};
  if (epoch == current || current == Epoch()) return sequence;
  ASSIGN_OR_RETURN(const engine::LogRecord record, store_->log().Read(lsn));
  return record.epoch == epoch ? sequence : 0;
}

Result<ChangesPiece> ChangeFeed::Read(const Principal& principal, const ChangesQuery& query) const {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  if (!query.names.empty()) return ReadNamed(*view, principal, query);
  return query.descending ? ReadDescending(*view, principal, query) : ReadAscending(*view, principal, query);
}

Result<ChangesPiece> ChangeFeed::ReadAscending(const engine::ReadView& view, const Principal& principal,
                                               const ChangesQuery& query) const {
  ChangesPiece piece;
  const Lsn after = LsnOfSequence(query.after);
  const Epoch epoch = store_->Stats().epoch;
  const auto keep = [&](ChangedPackage package) {
    piece.packages.push_back(std::move(package));
    return piece.packages.size() < query.rows_max;
  };
  ASSIGN_OR_RETURN(const auto seen,
                   RowReader(view, principal).Scan(after, view.lsn(), limits::kFeedRowsScannedMax, keep));
  piece.is_last = seen.is_whole;
  // At the end everything was seen, commits of other things too.
  piece.next = seen.is_whole ? SequenceOf(epoch, std::max(after, view.lsn())) : SequenceOf(seen.epoch, seen.lsn);
  return piece;
}

Result<ChangesPiece> ChangeFeed::ReadDescending(const engine::ReadView& view, const Principal& principal,
                                                const ChangesQuery& query) const {
  ChangesPiece piece;
  RowReader reader(view, principal);
  const Lsn floor = LsnOfSequence(query.after);
  Lsn end = query.before ? Before(LsnOfSequence(*query.before)) : view.lsn();  // Included.
  uint64_t window = kFirstWindowLsns;
  size_t scanned = 0;
  while (end > floor && piece.packages.size() < query.rows_max && scanned < limits::kFeedRowsScannedMax) {
    const Lsn begin(end.value() - std::min(end.value() - floor.value(), window));  // Not included.
    std::vector<ChangedPackage> found;
    const auto keep = [&](ChangedPackage package) {
      found.push_back(std::move(package));
      return true;
    };
    RETURN_IF_ERROR(reader.Scan(begin, end, SIZE_MAX, keep).status());
    piece.packages.insert(piece.packages.end(), std::make_move_iterator(found.rbegin()),
                          std::make_move_iterator(found.rend()));
    scanned += window;
    window *= kWindowGrowth;
    end = begin;
  }
  piece.next = SequenceOf(Epoch(1), end.Next());
  piece.is_last = end <= floor;
  if (piece.packages.size() > query.rows_max) {
    // The last window brought too much: cut between two LSNs.
    auto cut = piece.packages.begin() + static_cast<ptrdiff_t>(query.rows_max);
    while (cut != piece.packages.end() && cut->sequence == (cut - 1)->sequence) ++cut;
    piece.is_last = piece.is_last && cut == piece.packages.end();
    piece.next = SequenceOf(Epoch(1), LsnOfSequence((cut - 1)->sequence));
    piece.packages.erase(cut, piece.packages.end());
  }
  return piece;
}

Result<ChangesPiece> ChangeFeed::ReadNamed(const engine::ReadView& view, const Principal& principal,
                                           const ChangesQuery& query) const {
  ChangesPiece piece;
  RowReader reader(view, principal);
  const Lsn after = LsnOfSequence(query.after);
  for (const std::string& name : query.names) {
    ASSIGN_OR_RETURN(const auto place, view.Get(Family::kChange, engine::LastChangeKey(name)));
    if (!place) continue;
    ASSIGN_OR_RETURN(const Lsn lsn, engine::ParseLsnKey(*place));
    if (lsn <= after) continue;
    ASSIGN_OR_RETURN(const auto row, view.Get(Family::kChange, engine::ChangeKey(lsn, name)));
    if (!row) return Corruption("the change feed has no row of " + name);
    ASSIGN_OR_RETURN(auto changed, reader.Visible({lsn, name}, *row));
    if (changed) piece.packages.push_back(std::move(*changed));
  }
  std::sort(piece.packages.begin(), piece.packages.end(), [&](const ChangedPackage& a, const ChangedPackage& b) {
    return query.descending ? a.sequence > b.sequence : a.sequence < b.sequence;
  });
  const auto same = [](const ChangedPackage& a, const ChangedPackage& b) { return a.name == b.name; };
  piece.packages.erase(std::unique(piece.packages.begin(), piece.packages.end(), same), piece.packages.end());
  piece.next = SequenceOf(store_->Stats().epoch, view.lsn());
  piece.is_last = true;
  return piece;
}

Result<uint64_t> ChangeFeed::CountAfter(const Principal& principal, uint64_t after) const {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  uint64_t count = 0;
  const auto visit = [&](const ChangedPackage&) { return ++count < limits::kFeedPendingMax; };
  RETURN_IF_ERROR(
      RowReader(*view, principal).Scan(LsnOfSequence(after), view->lsn(), limits::kFeedRowsScannedMax, visit).status());
  return std::min<uint64_t>(count, limits::kFeedPendingMax);
}

Result<PackagesPiece> ChangeFeed::ListPackages(const Principal& principal, const PackageRange& range) const {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  PackagesPiece piece;
  piece.skip_left = range.skip;
  RowReader reader(*view, principal);
  size_t scanned = 0;
  Status failed;
  const std::string upper = range.last ? engine::LastChangeKey(*range.last) + '\0'
                                       : engine::PrefixEnd(engine::ChangePrefix(engine::ChangeKind::kByPackage));
  RETURN_IF_ERROR(view->Scan(
      Family::kChange, engine::LastChangeKey(range.first), upper, [&](std::string_view key, std::string_view place) {
        const std::string_view name = key.substr(1);
        if (piece.packages.size() >= range.rows_max || scanned++ >= limits::kFeedRowsScannedMax) {
          piece.next = name;
          return false;
        }
        const auto lsn = engine::ParseLsnKey(place);
        const auto row = lsn.ok() ? view->Get(Family::kChange, engine::ChangeKey(*lsn, name))
                                  : Result<std::optional<std::string>>(lsn.status());
        if (!row.ok() || !*row) {
          failed = row.ok() ? Corruption("the change feed has no row of " + std::string(name)) : row.status();
          return false;
        }
        auto changed = reader.Visible({*lsn, name}, **row);
        if (!changed.ok()) {
          failed = changed.status();
          return false;
        }
        if (!*changed || (*changed)->is_unpublished) return true;
        if (piece.skip_left > 0)
          --piece.skip_left;
        else
          piece.packages.push_back(std::move(**changed));
        return true;
      }));
  RETURN_IF_ERROR(failed);
  return piece;
}

Result<FeedDocument> ChangeFeed::GetDocument(const Principal& principal, const PackageName& name,
                                             const std::string& base_url) const {
  for (int attempt = 0; attempt < kDocumentAttempts; ++attempt) {
    ASSIGN_OR_RETURN(PackumentAnswer packument, registry_->GetPackument(principal, name, PackumentForm::kFull,
                                                                        PackumentCoding::kIdentity, base_url));
    ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
    ASSIGN_OR_RETURN(const VisiblePackage visible, ReadVisiblePackage(*view, principal, name));
    if (visible.record.rev() != packument.body->rev) continue;
    FeedDocument document;
    document.packument = std::move(packument);
    document.rev_counter = visible.record.rev_counter;
    document.is_unpublished = visible.record.unpublished.has_value();
    document.rev_hashes.push_back(RevHashHex(visible.record.rev_hash));
    for (const uint64_t hash : visible.record.earlier_rev_hashes) document.rev_hashes.push_back(RevHashHex(hash));
    return document;
  }
  return Unavailable(name.full() + " is being written to all the time; try again in a moment.");
}

}  // namespace tarn::registry
