// What followers of CouchDB's protocol ask for (contract 13): only to read, so there is no `_revs_diff` and no `_bulk_docs`.
#include <algorithm>

#include "http/api/checkpoints.h"
#include "http/api/error_response.h"
#include "http/api/feed_stream.h"
#include "http/api/handlers.h"
#include "http/api/json_body.h"
#include "storage/base/logging.h"

namespace tarn::http {
namespace {

using registry::ChangedPackage;
using registry::FeedDocument;
using registry::PackageName;

Response StreamResponse(std::string_view content_type, std::unique_ptr<BodyStream> stream) {
  Response response;
  response.AddHeader("content-type", content_type);
  response.AddHeader("cache-control", "no-store");
  response.SetStreamBody(std::move(stream));
  return response;
}

Result<FeedDocument> DocumentOf(const Services& services, const registry::Principal& principal, std::string_view id,
                                const std::string& base_url) {
  const auto name = PackageName::Parse(id);
  if (!name.ok()) return NotFound("missing");
  return services.registry.changes().GetDocument(principal, *name, base_url);
}

// `document`: nullptr when it is not asked for.
void AppendAllDocsRow(const ChangedPackage& package, const FeedDocument* document, PieceBuffer* out) {
  out->Append("{\"id\":" + JsonString(package.name) + ",\"key\":" + JsonString(package.name) +
              ",\"value\":{\"rev\":" + JsonString(package.rev) + "}");
  if (document != nullptr) {
    out->Append(",\"doc\":");
    AppendDocument(*document, Revisions::kOmit, Lines::kAny, out);
  }
  out->Append("}");
}

// Walks names in order, a piece at a time.
class AllDocsRows {
 public:
  AllDocsRows(const Services& services, AllDocsQuery query, std::string base_url)
      : services_(services), query_(std::move(query)), base_url_(std::move(base_url)) {
    range_.first = query_.first;
    range_.last = query_.last;
    range_.skip = query_.skip;
  }

  Result<bool> Next(const registry::Principal& principal, PieceBuffer* out) {
    while (true) {
      if (query_.limit == uint64_t{0}) return false;
      if (rows_.empty() && !has_more_) return false;
      if (rows_.empty()) RETURN_IF_ERROR(Read(principal));
      if (rows_.empty()) continue;
      const ChangedPackage package = std::move(rows_.front());
      rows_.pop_front();
      if (!query_.includes_last && package.name == query_.last) continue;
      std::optional<FeedDocument> document;
      if (query_.include_docs) {
        auto found = DocumentOf(services_, principal, package.name, base_url_);
        if (found.code() == Code::kNotFound) continue;  // Since the names were read.
        RETURN_IF_ERROR(found.status());
        document = std::move(found).value();
      }
      if (query_.limit) --*query_.limit;
      AppendAllDocsRow(package, document ? &*document : nullptr, out);
      return true;
    }
  }

 private:
  Status Read(const registry::Principal& principal) {
    range_.rows_max =
        static_cast<size_t>(std::min<uint64_t>(query_.limit.value_or(UINT64_MAX), limits::kFeedRowsPerPiece));
    ASSIGN_OR_RETURN(registry::PackagesPiece piece, services_.registry.changes().ListPackages(principal, range_));
    rows_.assign(std::make_move_iterator(piece.packages.begin()), std::make_move_iterator(piece.packages.end()));
    has_more_ = !piece.next.empty();
    range_.first = std::move(piece.next);
    range_.skip = piece.skip_left;
    return OkStatus();
  }

  const Services& services_;
  AllDocsQuery query_;
  const std::string base_url_;
  registry::PackageRange range_;
  std::deque<ChangedPackage> rows_;
  bool has_more_ = true;
};

// The rows of `keys`, in that order; a name that is not there, or not for the caller, has a row that says so.
Result<bool> AppendKeyRow(const Services& services, const registry::Principal& principal, const std::string& key,
                          bool include_docs, const std::string& base_url, PieceBuffer* out) {
  const auto document = DocumentOf(services, principal, key, base_url);
  if (!document.ok() && document.code() != Code::kNotFound) return document.status();
  if (!document.ok()) {
    out->Append("{\"key\":" + JsonString(key) + ",\"error\":\"not_found\"}");
    return true;
  }
  if (document->is_unpublished) {
    out->Append("{\"id\":" + JsonString(key) + ",\"key\":" + JsonString(key) + ",\"value\":{\"rev\":" +
                JsonString(document->rev()) + ",\"deleted\":true}" + (include_docs ? ",\"doc\":null}" : "}"));
    return true;
  }
  const ChangedPackage package{.sequence = 0, .name = key, .rev = document->rev(), .is_unpublished = false};
  AppendAllDocsRow(package, include_docs ? &*document : nullptr, out);
  return true;
}

struct WantedDocument {
  std::string id;
  std::string rev;  // Empty: whatever is current.
};

Result<std::vector<WantedDocument>> WantedOf(const Call& call) {
  ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ParseObject(call.body));
  ASSIGN_OR_RETURN(const auto docs, body.Objects("docs"));
  if (!docs) return InvalidArgument("\"docs\" must list the documents: [{\"id\": \"name\", \"rev\": \"1-…\"}].");
  if (docs->size() > limits::kFeedNamesMax) {
    return TooLarge("\"docs\" lists more than " + std::to_string(limits::kFeedNamesMax) + " documents.");
  }
  std::vector<WantedDocument> wanted;
  for (const JsonBody& doc : *docs) {
    ASSIGN_OR_RETURN(const auto id, doc.String("id"));
    ASSIGN_OR_RETURN(const auto rev, doc.String("rev"));
    if (!id) return InvalidArgument("Each of \"docs\" needs an \"id\".");
    wanted.push_back({*id, rev.value_or("")});
  }
  return wanted;
}

std::string MissingJson(const WantedDocument& wanted) {
  return "{\"id\":" + JsonString(wanted.id) + ",\"rev\":" + JsonString(wanted.rev) +
         ",\"error\":\"not_found\",\"reason\":\"missing\"}";
}

Result<bool> AppendBulkRow(const Services& services, const registry::Principal& principal, const WantedDocument& wanted,
                           Revisions revisions, Latest latest, const std::string& base_url, PieceBuffer* out) {
  const auto document = DocumentOf(services, principal, wanted.id, base_url);
  if (!document.ok() && document.code() != Code::kNotFound) return document.status();
  out->Append("{\"id\":" + JsonString(wanted.id) + ",\"docs\":[");
  if (document.ok() && Answers(*document, wanted.rev, latest)) {
    out->Append("{\"ok\":");
    AppendDocument(*document, revisions, Lines::kAny, out);
  } else {
    out->Append("{\"error\":" + MissingJson(wanted));
  }
  out->Append("}]}");
  return true;
}

Revisions RevisionsOf(const Call& call) {
  return QueryValue(call.query, "revs") == "true" ? Revisions::kInclude : Revisions::kOmit;
}
Latest LatestOf(const Call& call) { return QueryValue(call.query, "latest") == "true" ? Latest::kYes : Latest::kNo; }

Response PiecesResponse(PieceBuffer* out) {
  Response response;
  response.AddHeader("content-type", "application/json");
  response.AddHeader("cache-control", "no-store");
  for (SharedBytes& piece : out->Take()) response.AddSharedBody(std::move(piece));
  return response;
}

}  // namespace

Response HandleChanges(const Services& services, const Call& call) {
  auto query = ParseFeedQuery(call.query, call.body, call.head.Get("last-event-id"));
  if (!query.ok()) return ErrorResponse(query.status());
  registry::ChangeFeed& changes = services.registry.changes();
  // What can be refused is refused before the answer begins.
  const auto after = query->since ? changes.Resume(*query->since) : Result<uint64_t>(changes.CurrentSequence());
  if (!after.ok()) return ErrorResponse(after.status());
  const auto allowed = changes.Read(call.principal, {.after = changes.CurrentSequence(), .rows_max = 1});
  if (!allowed.ok()) return ErrorResponse(allowed.status());
  std::unique_ptr<Followers::Place> place;
  if (query->waits()) {
    place = services.feeds->followers.Enter();
    if (place == nullptr) return ErrorResponse(503, "Too many followers wait for changes; try again in a moment.");
  }
  const std::string_view type = query->kind == FeedQuery::Kind::kEventSource ? "text/event-stream" : "application/json";
  return StreamResponse(type, std::make_unique<ChangesStream>(services, FollowerIdentity(call), std::move(*query),
                                                              *after, std::move(place)));
}

Response HandleAllDocs(const Services& services, const Call& call) {
  auto query = ParseAllDocsQuery(call.query, call.body);
  if (!query.ok()) return ErrorResponse(query.status());
  const auto allowed = services.registry.changes().ListPackages(call.principal, {.rows_max = 1});
  if (!allowed.ok()) return ErrorResponse(allowed.status());
  const auto counts = services.registry.CountPackages();
  if (!counts.ok()) return ErrorResponse(counts.status());
  const std::string opening = "{\"total_rows\":" + std::to_string(counts->published) +
                              ",\"offset\":" + std::to_string(query->skip) + ",\"rows\":[\n";
  RowsStream::NextRow next_row;
  if (query->keys) {
    auto keys = std::make_shared<std::deque<std::string>>(query->keys->begin(), query->keys->end());
    next_row = [&services, keys, include_docs = query->include_docs, base_url = std::string(call.base_url)](
                   const registry::Principal& principal, PieceBuffer* out) -> Result<bool> {
      if (keys->empty()) return false;
      const std::string key = std::move(keys->front());
      keys->pop_front();
      return AppendKeyRow(services, principal, key, include_docs, base_url, out);
    };
  } else {
    auto rows = std::make_shared<AllDocsRows>(services, std::move(*query), std::string(call.base_url));
    next_row = [rows](const registry::Principal& principal, PieceBuffer* out) { return rows->Next(principal, out); };
  }
  return StreamResponse("application/json", std::make_unique<RowsStream>(services, FollowerIdentity(call), opening,
                                                                         std::move(next_row), "\n]}\n"));
}

Response HandleBulkGet(const Services& services, const Call& call) {
  auto wanted = WantedOf(call);
  if (!wanted.ok()) return ErrorResponse(wanted.status());
  auto left = std::make_shared<std::deque<WantedDocument>>(std::make_move_iterator(wanted->begin()),
                                                           std::make_move_iterator(wanted->end()));
  auto next_row = [&services, left, revisions = RevisionsOf(call), latest = LatestOf(call),
                   base_url = std::string(call.base_url)](const registry::Principal& principal,
                                                          PieceBuffer* out) -> Result<bool> {
    if (left->empty()) return false;
    const WantedDocument document = std::move(left->front());
    left->pop_front();
    return AppendBulkRow(services, principal, document, revisions, latest, base_url, out);
  };
  return StreamResponse("application/json",
                        std::make_unique<RowsStream>(services, FollowerIdentity(call), "{\"results\":[\n",
                                                     std::move(next_row), "\n]}\n"));
}

bool AsksForRevision(const Call& call) {
  for (const std::string_view key : {"rev", "revs", "open_revs"}) {
    if (QueryValue(call.query, key)) return true;
  }
  return false;
}

Response HandleGetRevision(const Services& services, const Call& call) {
  const auto document = DocumentOf(services, call.principal, call.package, std::string(call.base_url));
  if (!document.ok() && document.code() != Code::kNotFound) return ErrorResponse(document.status());
  const Revisions revisions = RevisionsOf(call);
  PieceBuffer out;
  const auto open_revs = QueryValue(call.query, "open_revs");
  if (!open_revs) {
    const std::string rev = QueryValue(call.query, "rev").value_or("");
    if (!document.ok() || !Answers(*document, rev, LatestOf(call))) return ErrorResponse(404, "Not found");
    AppendDocument(*document, revisions, Lines::kAny, &out);
    return PiecesResponse(&out);
  }
  if (!document.ok()) return ErrorResponse(404, "Not found");
  std::vector<std::string> wanted = {""};
  if (*open_revs != "all") {
    auto names = ParseNames(*open_revs, "open_revs");
    if (!names.ok()) return ErrorResponse(names.status());
    wanted = std::move(*names);
  }
  out.Append("[");
  bool has_current = false;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (i > 0) out.Append(",");
    if (!Answers(*document, wanted[i], LatestOf(call)) || std::exchange(has_current, true)) {
      out.Append("{\"missing\":" + JsonString(wanted[i]) + "}");
      continue;
    }
    out.Append("{\"ok\":");
    AppendDocument(*document, revisions, Lines::kAny, &out);
    out.Append("}");
  }
  out.Append("]");
  return PiecesResponse(&out);
}

Response HandleGetCheckpoint(const Services& services, const Call& call) {
  const auto document = services.feeds->checkpoints.Get(call.principal.user, call.Parameter("id"));
  return document.ok() ? PrivateJsonResponse(200, *document) : ErrorResponse(document.status());
}

Response HandlePutCheckpoint(const Services& services, const Call& call) {
  const std::string& id = call.Parameter("id");
  const auto rev = services.feeds->checkpoints.Put(call.principal.user, id, call.body);
  if (!rev.ok()) return ErrorResponse(rev.status());
  return PrivateJsonResponse(
      201, "{\"ok\":true,\"id\":" + JsonString("_local/" + id) + ",\"rev\":" + JsonString(*rev) + "}");
}

// What CouchDB's clients look at first. Sizes and the number of purges are not theirs to know.
Response HandleRoot(const Services& services, const Call&) {
  const auto counts = services.registry.CountPackages();
  if (!counts.ok()) return ErrorResponse(counts.status());
  const std::string sequence = std::to_string(services.registry.changes().CurrentSequence());
  return PrivateJsonResponse(
      200, "{\"db_name\":\"registry\",\"tarn\":\"" TARN_VERSION "\",\"doc_count\":" +
               std::to_string(counts->published) + ",\"doc_del_count\":" + std::to_string(counts->unpublished) +
               ",\"update_seq\":" + sequence + ",\"committed_update_seq\":" + sequence +
               ",\"purge_seq\":0,\"compact_running\":false,\"disk_size\":0,\"data_size\":0,\"disk_format_version\":1,"
               "\"instance_start_time\":\"0\"}");
}

}  // namespace tarn::http
