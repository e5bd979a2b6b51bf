#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "storage/engine/store.h"

// What the process to be killed does, and what must be true afterwards. Thread t publishes versions 1, 2, 3, … of its own
// package, one after the other, and writes an Acknowledgement to a pipe after each; whoever reads the pipe is the oracle.
namespace tarn {

inline constexpr uint32_t kWriters = 8;

struct Acknowledgement {
  uint32_t writer;
  uint32_t number;
};
static_assert(sizeof(Acknowledgement) == 8, "one write to a pipe, never torn");

// Highest number acknowledged per writer; at most one more can have happened.
using Acknowledged = std::array<uint32_t, kWriters>;

engine::StoreOptions KillTestOptions(const std::string& directory);

// Commits until killed or refused. `numbers` is what the packages are at. Never returns while the store accepts.
void WriteUntilKilled(engine::Store* store, const Acknowledged& numbers, int acknowledgement_pipe);

// Replaces `numbers` by what the store has. The first thing that is not as promised; empty if all is.
std::string CheckAfterKill(engine::Store* store, Acknowledged* numbers);

}  // namespace tarn
