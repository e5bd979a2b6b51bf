#include "http/api/feed_query.h"

#include <algorithm>
#include <charconv>

#include "http/api/json_body.h"
#include "http/api/request_path.h"
#include "storage/base/limits.h"

namespace tarn::http {
namespace {

std::optional<uint64_t> Number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<std::optional<uint64_t>> NumberOf(std::string_view query, std::string_view key) {
  const auto text = QueryValue(query, key);
  if (!text || text->empty()) return std::optional<uint64_t>();
  const auto number = Number(*text);
  if (!number) return InvalidArgument("\"" + std::string(key) + "\" must be a whole number.");
  return number;
}

bool IsTrue(std::string_view query, std::string_view key) { return QueryValue(query, key) == "true"; }

Result<FeedQuery::Kind> KindOf(std::string_view query) {
  const std::string text = QueryValue(query, "feed").value_or("normal");
  if (text.empty() || text == "normal") return FeedQuery::Kind::kNormal;
  if (text == "longpoll") return FeedQuery::Kind::kLongpoll;
  if (text == "continuous") return FeedQuery::Kind::kContinuous;
  if (text == "eventsource") return FeedQuery::Kind::kEventSource;
  return InvalidArgument("\"feed\" must be normal, longpoll, continuous or eventsource.");
}

std::optional<uint64_t> SinceOf(std::string_view text) {
  if (text == "now") return std::nullopt;
  // Clients that keep sequences as JSON send the quotes along.
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return Number(text).value_or(0);
}

Status ReadPatience(std::string_view query, FeedQuery* feed) {
  const auto heartbeat = QueryValue(query, "heartbeat");
  if (heartbeat == "true") {
    feed->heartbeat_ms = limits::kFeedHeartbeatMs;
  } else if (heartbeat && *heartbeat != "false" && *heartbeat != "") {
    const auto number = Number(*heartbeat);
    if (!number || *number == 0) return InvalidArgument("\"heartbeat\" must be true or a number of milliseconds.");
    feed->heartbeat_ms = std::clamp(*number, limits::kFeedHeartbeatMsMin, limits::kFeedHeartbeatMs);
  }
  ASSIGN_OR_RETURN(const auto timeout, NumberOf(query, "timeout"));
  feed->timeout_ms = std::min(timeout.value_or(limits::kFeedTimeoutMs), limits::kFeedTimeoutMs);
  return OkStatus();
}

Status ReadNames(std::string_view query, std::string_view body, FeedQuery* feed) {
  const auto filter = QueryValue(query, "filter");
  if (filter && !filter->empty() && *filter != "_doc_ids") {
    return NotFound("This registry has no filter \"" + *filter + "\"; only _doc_ids.");
  }
  std::optional<std::string> list = QueryValue(query, "doc_ids");
  if (!body.empty()) {
    ASSIGN_OR_RETURN(const JsonBody parsed, JsonBody::ParseObject(body));
    ASSIGN_OR_RETURN(auto names, parsed.Strings("doc_ids"));
    if (names) {
      if (names->size() > limits::kFeedNamesMax) return TooLarge("\"doc_ids\" holds too many names.");
      feed->names = std::move(*names);
      list.reset();
    }
  }
  if (list) {
    ASSIGN_OR_RETURN(feed->names, ParseNames(*list, "doc_ids"));
  }
  if (filter == "_doc_ids" && feed->names.empty()) {
    return InvalidArgument("The filter _doc_ids needs \"doc_ids\", a list of package names.");
  }
  return OkStatus();
}

// A key as CouchDB wants it: JSON; but a bare name is understood too.
std::optional<std::string> KeyOf(std::string_view query, std::string_view key, std::string_view alias) {
  auto text = QueryValue(query, key);
  if (!text) text = QueryValue(query, alias);
  if (!text) return std::nullopt;
  auto parsed = JsonBody::ParseString(*text);
  return parsed.ok() ? std::move(parsed).value() : *text;
}

}  // namespace

std::optional<uint64_t> GenerationOf(std::string_view rev) {
  const size_t dash = rev.find('-');
  return dash == std::string_view::npos ? std::nullopt : Number(rev.substr(0, dash));
}

Result<std::vector<std::string>> ParseNames(std::string_view json, std::string_view what) {
  auto parsed = JsonBody::ParseObject("{\"names\":" + std::string(json) + "}");
  auto names =
      parsed.ok() ? parsed->Strings("names") : Result<std::optional<std::vector<std::string>>>(parsed.status());
  if (!names.ok() || !*names) return InvalidArgument("\"" + std::string(what) + "\" must be a JSON list of strings.");
  if ((*names)->size() > limits::kFeedNamesMax) {
    return TooLarge("\"" + std::string(what) + "\" holds more than " + std::to_string(limits::kFeedNamesMax) +
                    " names.");
  }
  return std::move(**names);
}

Result<FeedQuery> ParseFeedQuery(std::string_view query, std::string_view body, std::string_view last_event_id) {
  FeedQuery feed;
  ASSIGN_OR_RETURN(feed.kind, KindOf(query));
  if (const auto since = QueryValue(query, "since")) feed.since = SinceOf(*since);
  if (!last_event_id.empty()) feed.since = SinceOf(last_event_id);
  ASSIGN_OR_RETURN(feed.limit, NumberOf(query, "limit"));
  if (feed.limit) feed.limit = std::max<uint64_t>(*feed.limit, 1);  // As CouchDB takes 0.
  feed.descending = IsTrue(query, "descending");
  feed.include_docs = IsTrue(query, "include_docs");
  RETURN_IF_ERROR(ReadPatience(query, &feed));
  RETURN_IF_ERROR(ReadNames(query, body, &feed));
  return feed;
}

Result<AllDocsQuery> ParseAllDocsQuery(std::string_view query, std::string_view body) {
  AllDocsQuery all;
  if (IsTrue(query, "descending")) return InvalidArgument("_all_docs is offered in ascending order only.");
  all.first = KeyOf(query, "startkey", "start_key").value_or("");
  all.last = KeyOf(query, "endkey", "end_key");
  if (const auto key = KeyOf(query, "key", "key")) all.first = *(all.last = key);
  all.includes_last = QueryValue(query, "inclusive_end") != "false";
  ASSIGN_OR_RETURN(const auto skip, NumberOf(query, "skip"));
  all.skip = skip.value_or(0);
  ASSIGN_OR_RETURN(all.limit, NumberOf(query, "limit"));
  all.include_docs = IsTrue(query, "include_docs");
  // A NUL would end a key of the store early.
  for (const std::string* key : {&all.first, all.last ? &*all.last : &all.first}) {
    if (key->find('\0') != std::string::npos) return InvalidArgument("A key holds a control byte.");
  }
  if (!body.empty()) {
    ASSIGN_OR_RETURN(const JsonBody parsed, JsonBody::ParseObject(body));
    ASSIGN_OR_RETURN(all.keys, parsed.Strings("keys"));
    if (all.keys && all.keys->size() > limits::kFeedNamesMax) return TooLarge("\"keys\" holds too many names.");
  } else if (const auto keys = QueryValue(query, "keys")) {
    ASSIGN_OR_RETURN(all.keys, ParseNames(*keys, "keys"));
  }
  return all;
}

}  // namespace tarn::http
