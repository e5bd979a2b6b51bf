#pragma once

#include "storage/base/limits.h"

// The limits of webhooks; as limits.h, but few files need them.
namespace tarn::limits {

inline constexpr size_t kHooksMax = 10'000;
inline constexpr size_t kHooksPerUserMax = 100;  // npm's documented limit.
inline constexpr size_t kHookEndpointBytesMax = 2 * kKiB;
inline constexpr size_t kHookSecretBytesMax = 512;
inline constexpr size_t kHooksPageMax = 1000;               // Of one listing.
inline constexpr uint64_t kHookPayloadBytesMax = 4 * kMiB;  // Of a packument; of larger ones the event has the head.
inline constexpr uint64_t kHookAnswerBytesMax = 64 * kKiB;  // Of what a receiver says; it is not read.
inline constexpr size_t kHookErrorBytesMax = 256;           // Of why a delivery failed, as it is shown.
inline constexpr size_t kHookDeliveriesConcurrentMax = 16;  // Threads.
inline constexpr size_t kHookDeliveriesTroubledMax = 8;  // Of those, for receivers that were slow or failed last time.
inline constexpr size_t kHookDeliveriesPerUserMax = 4;   // At a time …
inline constexpr size_t kHookDeliveriesTroubledPerUserMax = 2;  // … and of those, likewise.
inline constexpr uint64_t kHookConnectMs = 5'000;
inline constexpr uint64_t kHookDeliveryMs = 10'000;  // From the first byte sent to the last one received.
inline constexpr uint64_t kHookSlowMs = 2'000;       // Receivers slower than this share what the failing ones have.
inline constexpr uint64_t kHookRetryMsMin = 1'000;   // Doubled with each further failure …
inline constexpr uint64_t kHookRetryMsMax = 10 * 60'000;          // … up to this, a fifth more or less.
inline constexpr uint64_t kHookGiveUpMs = 7ull * 24 * 3'600'000;  // Failing for so long it is suspended.
inline constexpr uint64_t kHookPollMs = 200;                      // How soon a commit is noticed.
inline constexpr uint64_t kHookFlushMs = 5'000;                   // How often positions are committed, all together.
inline constexpr uint64_t kHookPositionLagMax = 10'000;  // Records that are no events of a hook are noted so late.
inline constexpr uint64_t kHookLogRetryMs = 10'000;      // After the journal could not be read.
inline constexpr size_t kHookRecordsPerTurn = 1'000;     // That one hook, or their reader, looks at in a row.
inline constexpr size_t kHookEventsKept = 4'096;         // Of the newest records, for all hooks.

}  // namespace tarn::limits
