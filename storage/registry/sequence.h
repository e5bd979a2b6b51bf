#pragma once

#include <cstdint>

#include "storage/base/ids.h"

// The numbers by which followers of the feed say how far they are: LSNs of the first epoch as they are, those of later
// epochs above all of them. Opaque to clients, who keep them as JavaScript numbers: below 2^53 they are exact, which is
// enough for 2^40 commits in each of 8,192 epochs.
namespace tarn::registry {

inline constexpr int kSequenceLsnBits = 40;

constexpr uint64_t SequenceOf(Epoch epoch, Lsn lsn) {
  const uint64_t earlier_epochs = epoch.value() > 0 ? epoch.value() - 1 : 0;
  return (earlier_epochs << kSequenceLsnBits) + lsn.value();
}
constexpr Epoch EpochOfSequence(uint64_t sequence) {
  return Epoch(static_cast<uint32_t>(sequence >> kSequenceLsnBits) + 1);
}
constexpr Lsn LsnOfSequence(uint64_t sequence) { return Lsn(sequence & ((uint64_t{1} << kSequenceLsnBits) - 1)); }

}  // namespace tarn::registry
