#include "storage/registry/change_rows.h"

#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/base/limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/records.h"

namespace tarn::registry {
namespace {

using engine::Change;
using engine::Family;

// Written to disk since format 1.
constexpr uint8_t kRestrictedFlag = 1;
constexpr uint8_t kUnpublishedFlag = 2;
constexpr size_t kRowBytes = 1 + 4 + 8 + 8;

ChangeRow RowOf(const PackageRecord& package, Epoch epoch) {
  return {.is_restricted = package.is_restricted(),
          .is_unpublished = package.unpublished.has_value(),
          .epoch = epoch,
          .rev_counter = package.rev_counter,
          .rev_hash = package.rev_hash};
}

class RowVerification {
 public:
  RowVerification(const engine::ReadView& view, engine::LogReader& log) : view_(view), log_(log) {}

  Result<std::vector<std::string>> Run() {
    Status failed;
    RETURN_IF_ERROR(view_.ScanPrefix(Family::kPackage, "", [&](std::string_view name, std::string_view value) {
      failed = CheckPackage(name, value);
      return failed.ok();
    }));
    RETURN_IF_ERROR(failed);
    for (const auto kind : {engine::ChangeKind::kByLsn, engine::ChangeKind::kByPackage}) {
      uint64_t rows = 0;
      RETURN_IF_ERROR(
          view_.ScanPrefix(Family::kChange, engine::ChangePrefix(kind), [&](std::string_view, std::string_view) {
            ++rows;
            return true;
          }));
      if (rows == packages_) continue;
      Find("the change feed has " + std::to_string(rows) + " rows of kind " + std::to_string(static_cast<int>(kind)) +
           " for " + std::to_string(packages_) + " packages");
    }
    return std::move(findings_);
  }

 private:
  void Find(std::string finding) {
    if (findings_.size() < limits::kVerifyFindingsMax) findings_.push_back(std::move(finding));
  }

  Status CheckPackage(std::string_view name, std::string_view value) {
    ++packages_;
    const std::string what = "change feed, package " + std::string(name) + ": ";
    ASSIGN_OR_RETURN(const auto place, view_.Get(Family::kChange, engine::LastChangeKey(name)));
    const auto lsn = place ? engine::ParseLsnKey(*place) : Result<Lsn>(NotFound("no row"));
    if (!lsn.ok()) {
      Find(what + std::string(lsn.status().message()));
      return OkStatus();
    }
    ASSIGN_OR_RETURN(const auto raw, view_.Get(Family::kChange, engine::ChangeKey(*lsn, name)));
    const auto record = log_.Read(*lsn);
    if (!record.ok() && record.code() != Code::kNotFound) return record.status();
    if (!raw || !record.ok()) {
      Find(what + "no row or no record at LSN " + std::to_string(lsn->value()));
      return OkStatus();
    }
    const auto package = Decode<PackageRecord>(value);
    if (!package.ok()) return OkStatus();  // Found by whoever checks packages.
    const bool wrote_it = std::any_of(record->changes.begin(), record->changes.end(), [&](const Change& change) {
      return change.family == Family::kPackage && change.key == name && change.value == value;
    });
    if (!wrote_it) Find(what + "LSN " + std::to_string(lsn->value()) + " is not its last change");
    if (*raw != Encode(RowOf(*package, record->epoch))) Find(what + "the row is not that of the package");
    return OkStatus();
  }

  const engine::ReadView& view_;
  engine::LogReader& log_;
  uint64_t packages_ = 0;
  std::vector<std::string> findings_;
};

}  // namespace

std::string ChangeRow::rev() const {
  PackageRecord package;
  package.rev_counter = rev_counter;
  package.rev_hash = rev_hash;
  return package.rev();
}

std::string Encode(const ChangeRow& row) {
  std::string payload;
  payload.push_back(
      static_cast<char>((row.is_restricted ? kRestrictedFlag : 0) | (row.is_unpublished ? kUnpublishedFlag : 0)));
  AppendBigEndian32(&payload, row.epoch.value());
  AppendBigEndian64(&payload, row.rev_counter);
  AppendBigEndian64(&payload, row.rev_hash);
  return payload;
}

Result<ChangeRow> DecodeChangeRow(std::string_view payload) {
  if (payload.size() != kRowBytes) {
    return Corruption("a row of the change feed has " + std::to_string(payload.size()) + " bytes");
  }
  const auto flags = static_cast<uint8_t>(payload[0]);
  return ChangeRow{.is_restricted = (flags & kRestrictedFlag) != 0,
                   .is_unpublished = (flags & kUnpublishedFlag) != 0,
                   .epoch = Epoch(LoadBigEndian32(payload.data() + 1)),
                   .rev_counter = LoadBigEndian64(payload.data() + 5),
                   .rev_hash = LoadBigEndian64(payload.data() + 13)};
}

Status DeriveChangeRows(const engine::LogRecord& record, const engine::ReadView& before, std::vector<Change>* derived) {
  for (const Change& change : record.changes) {
    if (change.family != Family::kPackage) continue;
    ASSIGN_OR_RETURN(const auto last, before.Get(Family::kChange, engine::LastChangeKey(change.key)));
    if (last) {
      ASSIGN_OR_RETURN(const Lsn lsn, engine::ParseLsnKey(*last));
      derived->push_back({Family::kChange, engine::ChangeKey(lsn, change.key), std::nullopt});
    }
    if (!change.value) {
      derived->push_back({Family::kChange, engine::LastChangeKey(change.key), std::nullopt});
      continue;
    }
    ASSIGN_OR_RETURN(const PackageRecord package, Decode<PackageRecord>(*change.value));
    derived->push_back(
        {Family::kChange, engine::ChangeKey(record.lsn, change.key), Encode(RowOf(package, record.epoch))});
    derived->push_back({Family::kChange, engine::LastChangeKey(change.key), engine::LsnKey(record.lsn)});
  }
  return OkStatus();
}

Result<std::vector<std::string>> VerifyChangeRows(const engine::ReadView& view, engine::LogReader& log) {
  return RowVerification(view, log).Run();
}

}  // namespace tarn::registry
