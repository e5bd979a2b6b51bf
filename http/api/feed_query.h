#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"

// What CouchDB's clients write into queries (contract 13), as values. Pure. Threads: any.
namespace tarn::http {

struct FeedQuery {
  enum class Kind : uint8_t { kNormal, kLongpoll, kContinuous, kEventSource } kind = Kind::kNormal;
  // 0: from the beginning; nullopt: "now". A sequence that is none of ours, such as "17-g1AAAA", is 0 too: whoever comes
  // from another server begins anew.
  std::optional<uint64_t> since = 0;
  std::optional<uint64_t> limit;  // At least 1.
  bool descending = false;
  bool include_docs = false;
  std::optional<uint64_t> heartbeat_ms;  // Then there is no timeout.
  uint64_t timeout_ms = 0;
  std::vector<std::string> names;  // doc_ids; empty: all.

  bool waits() const { return kind != Kind::kNormal && !descending; }
};
// `body` is that of a POST, or empty. `last_event_id` is the header by which an EventSource goes on; or empty.
// kInvalidArgument says which parameter is wrong. kNotFound: a filter that this registry does not have.
Result<FeedQuery> ParseFeedQuery(std::string_view query, std::string_view body, std::string_view last_event_id);

struct AllDocsQuery {
  std::string first;
  std::optional<std::string> last;
  bool includes_last = true;
  uint64_t skip = 0;
  std::optional<uint64_t> limit;
  bool include_docs = false;
  std::optional<std::vector<std::string>> keys;
};
Result<AllDocsQuery> ParseAllDocsQuery(std::string_view query, std::string_view body);

// "17-9f00…" of `_rev`: the number before the dash; nullopt when there is none.
std::optional<uint64_t> GenerationOf(std::string_view rev);

// A list of strings as JSON, of at most limits::kFeedNamesMax; `what` names it in errors.
Result<std::vector<std::string>> ParseNames(std::string_view json, std::string_view what);

}  // namespace tarn::http
