#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/base/limits.h"

// Of replication; see replication/PROTOCOL.md.
namespace tarn::limits {

inline constexpr size_t kFrameBytesMax = kRecordBytesMax + 4 * kKiB;  // A record and what stands before it.
inline constexpr size_t kNodeIdBytesMax = 64;                         // A UUID has 36.
inline constexpr size_t kReplicationTextBytesMax = 4 * kKiB;          // A reason, a URL, an error.
inline constexpr uint64_t kReplicationWindowRecords = 4'096;          // Sent and not yet acknowledged as durable.
inline constexpr uint64_t kReplicationStepBytes = 512 * kKiB;         // Read from the journal at a time.
inline constexpr uint64_t kFollowInFlightMax = 1'024;                 // Records: more than two commit groups.
inline constexpr uint64_t kHeartbeatMs = 500;
inline constexpr uint64_t kPeerSilentMs = 5'000;      // Then a peer counts as gone.
inline constexpr uint64_t kAckWaitMsDefault = 3'000;  // storage-evidence: MySQL waits 10 s.
inline constexpr uint64_t kReconnectMsMin = 100;
inline constexpr uint64_t kReconnectMsMax = 5'000;
inline constexpr size_t kSetAsideMax = 1'000;  // Folders of one node that left the same record behind so often.
inline constexpr size_t kReplicasMax = 64;     // That a leader keeps account of.
inline constexpr size_t kBlobFetchersMax = 4;  // Of one follower.
inline constexpr uint64_t kReplicationSecretBytesMin = 16;
inline constexpr uint64_t kReadYourPublishMs = 5'000;  // How long a miss waits for the leader's LSN.

}  // namespace tarn::limits
