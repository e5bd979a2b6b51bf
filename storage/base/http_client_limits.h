#pragma once

#include "storage/base/limits.h"

// The limits of requests that this process sends; as limits.h, but few files need them.
namespace tarn::limits {

inline constexpr size_t kOutboundUrlBytesMax = 8 * kKiB;          // What common servers and proxies accept.
inline constexpr size_t kOutboundHeadersMax = 64;                 // Of one request of ours.
inline constexpr size_t kOutboundAnswerHeadBytesMax = 64 * kKiB;  // Status line and headers of one answer.
inline constexpr uint64_t kOutboundBodyBytesDefault = 16 * kMiB;  // Of an answer, when the caller names no other.
inline constexpr uint64_t kOutboundConnectMsDefault = 10'000;     // Name, TCP and TLS together.
inline constexpr uint64_t kOutboundIdleMsDefault = 60'000;        // Without a byte in either direction.
inline constexpr uint64_t kOutboundWakeMs = 1'000;                // How often a silent transfer is looked at.
inline constexpr long kOutboundReceiveBytes = 128 * 1024;         // The largest piece a sink is handed.
inline constexpr long kOutboundConnectionsKeptMax = 4;            // Idle ones of one client, for the next request.
inline constexpr int kOutboundRedirectsMax = 10;                  // What a caller may ask for.

}  // namespace tarn::limits
