#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/ids.h"
#include "storage/engine/shipping.h"

// The promises of PROTOCOL.md as code: told what nodes show, from moment to moment, and complaining where that cannot be.
namespace tarn::replication {

// What one node shows while its store is open.
struct NodeView {
  std::string node_id;
  Epoch promised;
  engine::Shipping* shipping = nullptr;
};

// Threads: one at a time.
class Invariants {
 public:
  // Of each node, whenever something may have changed:
  //   the promised epoch never falls, and no record is of a higher one                                  (promise 4)
  //   the journal is one chain, its epochs never fall, and a record of an epoch is the same everywhere   (promises 1, 2)
  //   every blob that a record refers to is here                                                        (promise 1)
  //   nothing is visible that is not in the journal; equal chain hash, equal state hash                 (promise 2)
  void Observe(const NodeView& node);
  // The node's store was opened again; its journal may have lost what nobody was told is safe.
  void Reopened(const std::string& node_id) { checked_.erase(node_id); }
  // A client was told that a write is safe. One node alone acknowledges in an epoch                    (promise 4).
  // `counts`: nobody else had been made the leader by then, so it may never be lost.
  void Acknowledged(const std::string& node_id, Epoch epoch, Lsn lsn, bool counts);
  // The node leads, or is in the stored in-sync set: every write that was acknowledged is there        (promise 3).
  void HasAllAcknowledged(const NodeView& node, const std::string& because);

  const std::vector<std::string>& violations() const { return violations_; }
  uint64_t acknowledged_count() const { return acknowledged_.size(); }

 private:
  void CheckRecord(const NodeView& node, Lsn lsn, engine::RawRecord* previous);
  void CheckVisible(const NodeView& node);
  void Violation(const std::string& node_id, const std::string& what);

  std::map<std::string, Epoch> promised_;
  std::map<std::string, engine::RawRecord> checked_;  // Up to here a node's journal was looked at; without payload.
  std::map<std::pair<Epoch, Lsn>, Sha256Digest> records_;
  std::map<std::string, std::array<uint64_t, 2>> states_;  // By chain hash.
  std::map<Epoch, std::string> leaders_;
  std::map<Lsn, Epoch> acknowledged_;
  std::vector<std::string> violations_;
};

}  // namespace tarn::replication
