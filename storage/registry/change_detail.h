#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"
#include "storage/engine/store.h"

namespace tarn::registry {

// What a change of owners or dist-tags was: a record of the journal holds the package as it is after, so what went can be
// told only while the package before is still there. Kept in family `change` by the record's LSN.
struct ChangeDetail {
  std::vector<std::string> tags_set, tags_removed;        // Names of dist-tags; set also when they moved.
  std::vector<std::string> owners_added, owners_removed;  // Names of users.
  bool operator==(const ChangeDetail&) const = default;
};

// The row of a record that changes owners or dist-tags, and nothing for any other.
Status DeriveChangeDetail(const engine::LogRecord& record, const engine::ReadView& before,
                          std::vector<engine::Change>* derived);
std::string Encode(const ChangeDetail& detail);
// kCorruption: not such a row.
Result<ChangeDetail> DecodeChangeDetail(std::string_view payload);
// Empty when there is no row, as for records that were committed before such rows were kept.
Result<ChangeDetail> ReadChangeDetail(const engine::ReadView& view, Lsn lsn);

}  // namespace tarn::registry
