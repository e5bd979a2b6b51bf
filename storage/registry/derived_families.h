#pragma once

#include <vector>

#include "storage/base/result.h"
#include "storage/engine/log.h"
#include "storage/engine/store.h"

// The families that follow from packages, tokens and blobs: `by_user` (who maintains
// what, whose tokens, who is in which organisation, what teams are granted), `shasum`, and
// `change` (change_rows.h).
// Threads: any.
namespace tarn::registry {

// What `record` changes in them. `before`: the state without it.
Status DeriveChanges(const engine::LogRecord& record, const engine::ReadView& before,
                     std::vector<engine::Change>* derived);

// Every key and value that belongs into `by_user` and `shasum`, from the state alone: what a rebuild would write, in no
// order. `change` follows from the journal, and is proved by VerifyChangeRows.
Status DeriveAll(const engine::ReadView& view, std::vector<engine::Change>* derived);

// Keeps them current while a store without a registry re-applies its journal: pass it to Store::Open, before there is a
// registry that could. Stateless.
class DerivedFamiliesObserver final : public engine::CommitObserver {
 public:
  void Derive(const engine::LogRecord& record, const engine::ReadView& before,
              std::vector<engine::Change>* derived) override;
  void Applied(const engine::LogRecord&) override {}
};

}  // namespace tarn::registry
