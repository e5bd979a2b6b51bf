#include "replication/invariants.h"

#include "storage/base/bytes.h"

namespace tarn::replication {
namespace {

constexpr size_t kViolationsMax = 20;

std::string Number(Lsn lsn) { return std::to_string(lsn.value()); }
std::string Number(Epoch epoch) { return std::to_string(epoch.value()); }

}  // namespace

void Invariants::Violation(const std::string& node_id, const std::string& what) {
  if (violations_.size() < kViolationsMax) violations_.push_back(node_id + ": " + what);
}

void Invariants::Observe(const NodeView& node) {
  Epoch& promised = promised_[node.node_id];
  if (node.promised < promised) {
    Violation(node.node_id, "promised epoch " + Number(promised) + ", then " + Number(node.promised));
  }
  promised = std::max(promised, node.promised);
  CheckVisible(node);
  engine::RawRecord& last = checked_[node.node_id];
  const Lsn head = node.shipping->journaled().lsn;
  if (head < last.lsn) Violation(node.node_id, "its journal went back to " + Number(head));
  for (Lsn lsn = last.lsn.Next(); lsn <= head; lsn = lsn.Next()) CheckRecord(node, lsn, &last);
}

void Invariants::CheckRecord(const NodeView& node, Lsn lsn, engine::RawRecord* previous) {
  auto record = node.shipping->ReadRaw(lsn);
  if (!record.ok()) return Violation(node.node_id, "record " + Number(lsn) + ": " + record.status().ToString());
  if (record->lsn != lsn || record->previous_chain_hash != previous->chain_hash) {
    Violation(node.node_id, "record " + Number(lsn) + " does not continue the one before it");
  }
  if (record->epoch < previous->epoch) Violation(node.node_id, "the epoch falls at record " + Number(lsn));
  if (record->epoch > node.promised) {
    Violation(node.node_id, "record " + Number(lsn) + " is of epoch " + Number(record->epoch) + ", promised is " +
                                Number(node.promised));
  }
  const auto [known, is_new] = records_.try_emplace({record->epoch, lsn}, record->chain_hash);
  if (!is_new && known->second != record->chain_hash) {
    Violation(node.node_id,
              "record " + Number(lsn) + " of epoch " + Number(record->epoch) + " is another one elsewhere");
  }
  const auto blobs = engine::BlobsOf(*record);
  if (!blobs.ok()) Violation(node.node_id, "record " + Number(lsn) + ": " + blobs.status().ToString());
  for (size_t i = 0; blobs.ok() && i < blobs->size(); ++i) {
    if (!node.shipping->OpenBlob((*blobs)[i].sha512).ok()) {
      Violation(node.node_id, "a blob of record " + Number(lsn) + " is not here");
    }
  }
  *previous = *std::move(record);
  previous->payload.clear();
}

void Invariants::CheckVisible(const NodeView& node) {
  const engine::VisibleHead visible = node.shipping->visible();
  if (visible.lsn > node.shipping->journaled().lsn) Violation(node.node_id, "more is visible than is in the journal");
  if (visible.lsn == Lsn()) return;
  const auto [known, is_new] = states_.try_emplace(std::string(visible.chain_hash.view()), visible.state_hash);
  if (!is_new && known->second != visible.state_hash) {
    Violation(node.node_id, "its state at LSN " + Number(visible.lsn) + " is another one than elsewhere");
  }
}

void Invariants::Acknowledged(const std::string& node_id, Epoch epoch, Lsn lsn, bool counts) {
  const auto [leader, is_new] = leaders_.try_emplace(epoch, node_id);
  if (!is_new && leader->second != node_id) {
    Violation(node_id, "acknowledges in epoch " + Number(epoch) + ", as " + leader->second + " has done");
  }
  if (!counts) return;
  const auto [known, is_first] = acknowledged_.try_emplace(lsn, epoch);
  if (!is_first) Violation(node_id, "acknowledges LSN " + Number(lsn) + ", which was acknowledged before");
}

void Invariants::HasAllAcknowledged(const NodeView& node, const std::string& because) {
  for (const auto& [lsn, epoch] : acknowledged_) {
    const auto record = node.shipping->ReadRaw(lsn);
    if (record.ok() && record->epoch == epoch) continue;
    return Violation(node.node_id, because + ", but the acknowledged record " + Number(lsn) + " of epoch " +
                                       Number(epoch) + " is not there");
  }
}

}  // namespace tarn::replication
