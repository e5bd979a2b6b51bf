#include "replication/etcd_coordination.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/limits.h"

namespace tarn::replication {
namespace {

constexpr uint64_t kAnswerBytesMax = limits::kMiB;
constexpr uint64_t kConnectMs = 500;

using simdjson::dom::element;

// The gateway writes 64-bit numbers as text, and leaves out those that are zero.
Result<int64_t> NumberAt(const element& object, std::string_view name) {
  element value;
  if (object[name].get(value) != simdjson::SUCCESS) return 0;
  int64_t number = 0;
  if (value.get(number) == simdjson::SUCCESS) return number;
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
  }
  return Unavailable("etcd: \"" + std::string(name) + "\" is no number");
}

Result<element> Parse(simdjson::dom::parser* parser, const std::string& text) {
  element document;
  if (parser->parse(text).get(document) != simdjson::SUCCESS || !document.is_object()) {
    return Unavailable("etcd: the answer is no JSON object");
  }
  return document;
}

struct StoredValue {
  std::string value;
  int64_t create_revision = 0;
  int64_t mod_revision = 0;  // 0: there is no such key.
};

// Of the `index`-th response of a transaction, which was a range over one key.
Result<StoredValue> ValueOfRange(const element& transaction, size_t index) {
  StoredValue stored;
  element pair;
  const auto responses = transaction["responses"].at(index);
  if (responses.error() != simdjson::SUCCESS) return Unavailable("etcd: a response of the transaction is missing");
  if (responses["response_range"]["kvs"].at(0).get(pair) != simdjson::SUCCESS) return stored;
  std::string_view encoded;
  if (pair["value"].get(encoded) == simdjson::SUCCESS) {
    ASSIGN_OR_RETURN(stored.value, Base64Decode(encoded));
  }
  ASSIGN_OR_RETURN(stored.create_revision, NumberAt(pair, "create_revision"));
  ASSIGN_OR_RETURN(stored.mod_revision, NumberAt(pair, "mod_revision"));
  return stored;
}

std::string Quoted(std::string_view bytes) { return '"' + Base64Encode(bytes) + '"'; }
std::string Quoted(int64_t number) { return '"' + std::to_string(number) + '"'; }

std::string Range(const std::string& key) { return R"({"request_range":{"key":)" + key + "}}"; }
std::string Put(const std::string& key, std::string_view value, int64_t lease = 0) {
  return R"({"request_put":{"key":)" + key + R"(,"value":)" + Quoted(value) + R"(,"lease":)" + Quoted(lease) + "}}";
}
std::string CreatedAt(const std::string& key, int64_t revision) {
  return R"({"key":)" + key + R"(,"target":"CREATE","result":"EQUAL","create_revision":)" + Quoted(revision) + "}";
}
std::string ModifiedAt(const std::string& key, int64_t revision) {
  return R"({"key":)" + key + R"(,"target":"MOD","result":"EQUAL","mod_revision":)" + Quoted(revision) + "}";
}

struct Transaction {
  std::string compare;
  std::string success;
  std::string ToJson() const {
    return R"({"compare":[)" + compare + R"(],"success":[)" + success + R"(],"failure":[]})";
  }
};

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

Result<Epoch> ParseEpoch(const std::string& text) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return FailedPrecondition("etcd: the key \"epoch\" holds \"" + text + "\", which is no number; repair it by hand");
  }
  return Epoch(number);
}

}  // namespace

EtcdCoordination::EtcdCoordination(Options options)
    : options_(std::move(options)),
      client_(HttpClient::Options{.user_agent = "tarn", .tls = options_.tls, .connect_timeout_ms = kConnectMs}) {}

std::string EtcdCoordination::Key(std::string_view name) const {
  return Quoted(options_.prefix + "/" + std::string(name));
}

Result<std::string> EtcdCoordination::Post(std::string_view path, const std::string& body) {
  MutexLock lock(mutex_);
  Status last = Unavailable("etcd: no endpoint is configured");
  for (size_t i = 0; i < options_.endpoints.size(); ++i) {
    const size_t at = (endpoint_ + i) % options_.endpoints.size();
    HttpRequest request;
    request.method = "POST";
    request.url = options_.endpoints[at] + std::string(path);
    request.headers = {{"content-type", "application/json"}};
    request.body = body;
    request.total_timeout_ms = options_.request_timeout_ms;
    request.body_bytes_max = kAnswerBytesMax;
    auto answer = client_.Send(request);
    if (!answer.ok()) {
      last = answer.status();
      continue;
    }
    if (answer->status == 200) {
      endpoint_ = at;
      return std::move(answer->body);
    }
    last = Status(answer->status == 404   ? Code::kNotFound
                  : answer->status >= 500 ? Code::kUnavailable
                                          : Code::kFailedPrecondition,
                  "etcd answered " + std::to_string(answer->status) + " to " + std::string(path) + ": " +
                      answer->body.substr(0, limits::kKiB));
    // A member without a leader, or one that is starting, says 5xx: another may do better.
    if (answer->status < 500) return last;
  }
  return last;
}

Result<ClusterView> EtcdCoordination::Read() {
  const Transaction reads{"", Range(Key("leader")) + "," + Range(Key("epoch")) + "," + Range(Key("in_sync"))};
  ASSIGN_OR_RETURN(const std::string body, Post("/v3/kv/txn", reads.ToJson()));
  simdjson::dom::parser parser;
  ASSIGN_OR_RETURN(const element answer, Parse(&parser, body));
  ASSIGN_OR_RETURN(const StoredValue leader, ValueOfRange(answer, 0));
  ASSIGN_OR_RETURN(const StoredValue epoch, ValueOfRange(answer, 1));
  ASSIGN_OR_RETURN(const StoredValue in_sync, ValueOfRange(answer, 2));

  ClusterView view;
  view.epoch_revision = epoch.mod_revision;
  view.in_sync_revision = in_sync.mod_revision;
  view.in_sync = Words(in_sync.value);
  if (epoch.mod_revision != 0) {
    ASSIGN_OR_RETURN(view.epoch, ParseEpoch(epoch.value));
  }
  if (leader.mod_revision != 0) {
    const std::vector<std::string> words = Words(leader.value);
    if (words.size() != 2) return FailedPrecondition("etcd: the key \"leader\" holds \"" + leader.value + "\"");
    view.leader = Member{words[0], words[1]};
  }
  return view;
}

Result<int64_t> EtcdCoordination::GrantLease() {
  ASSIGN_OR_RETURN(const std::string body,
                   Post("/v3/lease/grant", R"({"TTL":)" + Quoted(static_cast<int64_t>(options_.lease_seconds)) + "}"));
  simdjson::dom::parser parser;
  ASSIGN_OR_RETURN(const element answer, Parse(&parser, body));
  ASSIGN_OR_RETURN(const int64_t ttl, NumberAt(answer, "TTL"));
  // A longer one would only delay a failover; a shorter one would end before the leader believes it does.
  if (ttl < static_cast<int64_t>(options_.lease_seconds)) {
    return FailedPrecondition("etcd granted a lease of " + std::to_string(ttl) + " s where " +
                              std::to_string(options_.lease_seconds) + " s were asked for");
  }
  return NumberAt(answer, "ID");
}

Result<Leadership> EtcdCoordination::Campaign(const Member& candidate, const ClusterView& view, Founding founding) {
  if (view.leader.has_value()) return Conflict("node " + view.leader->node_id + " leads");
  if (founding == Founding::kYes && view.in_sync_revision != 0) {
    return FailedPrecondition("the cluster was founded already; its in-sync set is: " + Joined(view.in_sync));
  }
  if (founding == Founding::kNo && std::ranges::find(view.in_sync, candidate.node_id) == view.in_sync.end()) {
    return PermissionDenied("node " + candidate.node_id + " is not in the in-sync set (" + Joined(view.in_sync) +
                            "): it may lack acknowledged writes, and cannot be elected");
  }
  ASSIGN_OR_RETURN(const int64_t lease, GrantLease());
  Leadership leadership{view.epoch.Next(), lease, 0};
  Transaction claim;
  claim.compare = CreatedAt(Key("leader"), 0) + "," + ModifiedAt(Key("epoch"), view.epoch_revision) + "," +
                  ModifiedAt(Key("in_sync"), view.in_sync_revision);
  claim.success = Put(Key("leader"), candidate.node_id + " " + candidate.url, lease) + "," +
                  Put(Key("epoch"), std::to_string(leadership.epoch.value()));
  if (founding == Founding::kYes) claim.success += "," + Put(Key("in_sync"), candidate.node_id);
  auto body = Post("/v3/kv/txn", claim.ToJson());
  if (body.ok()) {
    simdjson::dom::parser parser;
    ASSIGN_OR_RETURN(const element answer, Parse(&parser, *body));
    bool succeeded = false;
    if (answer["succeeded"].get(succeeded) == simdjson::SUCCESS && succeeded) {
      // All puts of a transaction have its revision.
      element header;
      if (answer["header"].get(header) != simdjson::SUCCESS) return Unavailable("etcd: an answer without header");
      ASSIGN_OR_RETURN(leadership.revision, NumberAt(header, "revision"));
      return leadership;
    }
    body = Conflict("another node was quicker, or the in-sync set has changed");
  }
  // Whatever became of the claim, without its lease it is none. If this fails too, the lease ends by itself.
  (void)Resign(leadership);
  return body.status();
}

Status EtcdCoordination::KeepAlive(const Leadership& leadership) {
  ASSIGN_OR_RETURN(const std::string body, Post("/v3/lease/keepalive", R"({"ID":)" + Quoted(leadership.lease) + "}"));
  simdjson::dom::parser parser;
  ASSIGN_OR_RETURN(const element answer, Parse(&parser, body));
  element result;
  if (answer["result"].get(result) != simdjson::SUCCESS) return Unavailable("etcd: no result: " + body);
  ASSIGN_OR_RETURN(const int64_t ttl, NumberAt(result, "TTL"));
  return ttl > 0 ? OkStatus() : NotFound("the lease of this leadership is over");
}

Status EtcdCoordination::SetInSync(const Leadership& leadership, const std::vector<std::string>& in_sync) {
  const Transaction change{CreatedAt(Key("leader"), leadership.revision), Put(Key("in_sync"), Joined(in_sync))};
  ASSIGN_OR_RETURN(const std::string body, Post("/v3/kv/txn", change.ToJson()));
  simdjson::dom::parser parser;
  ASSIGN_OR_RETURN(const element answer, Parse(&parser, body));
  bool succeeded = false;
  if (answer["succeeded"].get(succeeded) == simdjson::SUCCESS && succeeded) return OkStatus();
  return Conflict("this node's leadership is over: the in-sync set is no longer its to change");
}

Status EtcdCoordination::Resign(const Leadership& leadership) {
  auto answer = Post("/v3/lease/revoke", R"({"ID":)" + Quoted(leadership.lease) + "}");
  // 404: it has run out already.
  return answer.ok() || answer.code() == Code::kNotFound ? OkStatus() : answer.status();
}

}  // namespace tarn::replication
