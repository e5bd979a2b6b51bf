#include "migrate/couch/live_source.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "migrate/couch/conflict_reader.h"
#include "migrate/couch/json_dump_reader.h"
#include "migrate/couch/multipart_reader.h"
#include "migrate/couch/source_url.h"
#include "storage/base/clock.h"
#include "storage/base/import_limits.h"
#include "storage/base/mutex.h"
#include "storage/registry/json_text.h"

namespace tarn::migrate {
namespace {

constexpr uint64_t kBodyBytesMax = 64 * limits::kGiB;  // Of one document with all its attachments.
constexpr size_t kErrorBytesMax = 4 * limits::kKiB;    // Of an error's body.
constexpr uint64_t kWatchMs = 200;
constexpr uint64_t kWaitBesidesMs = 30'000;  // For the first byte of an answer, beyond the time a feed waits.

std::string_view ValueOf(const std::vector<registry::JsonMember>& members, std::string_view key) {
  for (const registry::JsonMember& member : members) {
    if (member.key == key) return member.raw_value;
  }
  return {};
}

std::string TextOf(const std::vector<registry::JsonMember>& members, std::string_view key) {
  const std::string_view raw = ValueOf(members, key);
  return raw.starts_with('"') ? registry::TextOfJson(raw) : std::string();
}

std::optional<uint64_t> NumberOf(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "error" and "reason" of CouchDB's errors, for a message.
std::string ReasonOf(std::string_view body) {
  const auto members = registry::ParseJsonObject(body);
  if (!members.ok()) return {};
  const std::string reason = TextOf(*members, "reason");
  return reason.empty() ? TextOf(*members, "error") : reason;
}

Status FromAnswer(const HttpAnswer& answer, const std::string& what) {
  if (answer.status >= 200 && answer.status < 300) return OkStatus();
  const std::string reason = ReasonOf(answer.body);
  const std::string text =
      what + " answered " + std::to_string(answer.status) + (reason.empty() ? "" : " (" + reason + ")");
  switch (answer.status) {
    case 401: return Unauthenticated(text + "; give user and password in the URL: http://USER:PASSWORD@HOST/DATABASE");
    case 403: return PermissionDenied(text);
    case 404: return NotFound(text);
    case 429:
    case 500:
    case 502:
    case 503:
    case 504: return Unavailable(text);
    default: return InvalidArgument(text);
  }
}

// Hands a document's answer to the reader its content type asks for.
class DocumentSink final : public HttpBodySink {
 public:
  DocumentSink(std::string id, DocumentVisitor* visitor, uint64_t* bytes_done)
      : id_(std::move(id)), visitor_(visitor), bytes_done_(bytes_done) {}

  Status Start(const HttpAnswer& head) override {
    if (head.status != 200) return OkStatus();
    const std::string_view type = head.Header("content-type");
    if (MultipartReader::IsMultipart(type)) {
      reader_ = std::make_unique<MultipartReader>(visitor_, type);
    } else {
      auto reader = std::make_unique<JsonDumpReader>(visitor_);
      reader->ExpectDocument(id_);
      reader_ = std::move(reader);
    }
    return OkStatus();
  }

  Status Piece(std::string_view bytes) override {
    *bytes_done_ += bytes.size();
    visitor_->Progress(*bytes_done_, std::nullopt);
    if (reader_ != nullptr) return reader_->Append(bytes);
    error_body_ += bytes.substr(0, kErrorBytesMax - std::min(kErrorBytesMax, error_body_.size()));
    return OkStatus();
  }

  // After the answer, whole or broken off: then what was begun is abandoned.
  Status Finish() { return reader_ == nullptr ? OkStatus() : reader_->Finish(); }
  const std::string& error_body() const { return error_body_; }

 private:
  const std::string id_;
  DocumentVisitor* const visitor_;
  uint64_t* const bytes_done_;
  std::unique_ptr<SourceReader> reader_;
  std::string error_body_;
};

HttpClient::Options ClientOptions(const LiveSource::Options& options) {
  HttpClient::Options client;
  client.user_agent = "tarn-import";
  client.tls.ca_file = options.ca_file;
  return client;
}

}  // namespace

std::string LiveSource::Describe(const std::string& url) { return WithoutCredentials(url); }

LiveSource::LiveSource(const Options& options, DocumentVisitor* visitor, registry::LegacyImport* checkpoints)
    : options_(options),
      base_(WithoutSlash(options.url)),
      visitor_(visitor),
      checkpoints_(checkpoints),
      patience_(options.interrupt, options.say),
      client_(ClientOptions(options)),
      revisions_client_(ClientOptions(options)) {
  watcher_ = std::thread([this] {
    Mutex mutex;
    CondVar never;
    MutexLock lock(mutex);
    while (!is_ending_.load()) {
      if (patience_.IsInterrupted()) {
        client_.Cancel();
        revisions_client_.Cancel();
      }
      never.WaitForMs(mutex, kWatchMs);
    }
  });
}

LiveSource::~LiveSource() {
  is_ending_.store(true);
  watcher_.join();
}

Result<std::unique_ptr<LiveSource>> LiveSource::Open(const Options& options, DocumentVisitor* visitor,
                                                     registry::LegacyImport* checkpoints) {
  RETURN_IF_ERROR(ParseHttpUrl(options.url).status());
  std::unique_ptr<LiveSource> source(new LiveSource(options, visitor, checkpoints));
  RETURN_IF_ERROR(source->Inspect());
  return source;
}

Result<HttpAnswer> LiveSource::Get(const std::string& path, uint64_t wait_ms) {
  HttpRequest request;
  request.url = base_ + path;
  request.headers = {{"Accept", "application/json"}};
  request.body_bytes_max = limits::kImportPageBytesMax;
  request.accept_gzip = true;
  request.idle_timeout_ms = std::max<uint64_t>(request.idle_timeout_ms, wait_ms + kWaitBesidesMs);
  if (wait_ms > 0) request.total_timeout_ms = wait_ms + limits::kImportPollGraceMs;
  return client_.Send(request);
}

Status LiveSource::Inspect() {
  ASSIGN_OR_RETURN(const HttpAnswer answer, Get("", 0));
  const std::string what = Describe(base_);
  RETURN_IF_ERROR(FromAnswer(answer, what));
  const auto members = registry::ParseJsonObject(answer.body);
  if (!members.ok()) return InvalidArgument(what + " does not answer as a CouchDB database does (no JSON)");
  if (!ValueOf(*members, "couchdb").empty()) {
    return InvalidArgument(what + " is a CouchDB server; name a database of it, such as " + what + "/registry");
  }
  if (ValueOf(*members, "db_name").empty()) {
    return InvalidArgument(what + " does not answer as a CouchDB database does (no db_name)");
  }
  return OkStatus();
}

Status LiveSource::Begin() {
  if (std::exchange(is_begun_, true) || checkpoints_ == nullptr || options_.from_start) return OkStatus();
  ASSIGN_OR_RETURN(const std::string kept, checkpoints_->ReadCheckpoint(Describe(base_)));
  if (kept.empty()) return OkStatus();
  since_ = kept;
  options_.say(Describe(base_) + ": going on after change " + kept.substr(0, 24));
  return OkStatus();
}

Result<LiveSource::Page> LiveSource::ReadPage(uint64_t wait_ms) {
  std::string path =
      "/_changes?style=all_docs&limit=" + std::to_string(limits::kImportPagesRows) + "&since=" + PercentEncode(since_);
  if (wait_ms > 0) path += "&feed=longpoll&timeout=" + std::to_string(wait_ms);
  const auto answered = Get(path, wait_ms);
  // Some servers wait until there is a change, however long.
  if (wait_ms > 0 && answered.code() == Code::kDeadlineExceeded) return Page{{}, since_, 0};
  RETURN_IF_ERROR(answered.status());
  const HttpAnswer& answer = *answered;
  RETURN_IF_ERROR(FromAnswer(answer, Describe(base_) + "/_changes"));
  const Status strange = InvalidArgument(Describe(base_) + "/_changes: this is no feed of changes");
  const auto members = registry::ParseJsonObject(answer.body);
  if (!members.ok()) return strange;
  const auto rows = registry::SplitJsonArray(ValueOf(*members, "results"));
  if (!rows.ok()) return strange;
  Page page;
  const std::string_view last_seq = ValueOf(*members, "last_seq");
  page.last_seq = last_seq.starts_with('"') ? registry::TextOfJson(last_seq) : std::string(last_seq);
  const std::string_view pending = ValueOf(*members, "pending");
  page.pending = NumberOf(pending);
  for (const std::string_view row : *rows) {
    const auto fields = registry::SplitJsonObject(row);
    if (!fields.ok()) return strange;
    Change change{TextOf(*fields, "id"), {}, ValueOf(*fields, "deleted") == "true", 1};
    const auto revisions = registry::SplitJsonArray(ValueOf(*fields, "changes"));
    if (revisions.ok() && !revisions->empty()) {
      change.leaves = revisions->size();  // The first is the document.
      const auto revision = registry::SplitJsonObject(revisions->front());
      if (revision.ok()) change.rev = TextOf(*revision, "rev");
    }
    if (!change.id.empty()) page.changes.push_back(std::move(change));
  }
  return page;
}

Status LiveSource::TakePage(const Page& page, bool forever) {
  for (const Change& change : page.changes) RETURN_IF_ERROR(TakePatiently(change, forever));
  if (page.last_seq.empty() || page.last_seq == since_) return OkStatus();
  since_ = page.last_seq;
  return checkpoints_ == nullptr ? OkStatus() : checkpoints_->WriteCheckpoint(Describe(base_), since_);
}

// One document that its server cannot give, because it is damaged there, shall not stand in the way of all others.
Status LiveSource::TakePatiently(const Change& change, bool forever) {
  size_t failures = 0;
  return patience_.Persist(
      [&]() -> Status {
        const Status status = TakeChange(change, forever);
        if (!Patience::IsTransient(status) || ++failures < limits::kImportDocumentTriesMax) return status;
        const auto database = Get("", 0);
        if (!database.ok() || database->status != 200) return status;
        return visitor_->Finding({change.id,
                                  "passed over, the source does not give it: " + std::string(status.message()) +
                                      "; --from-start asks for it again",
                                  SourceFinding::Severity::kError});
      },
      forever);
}

Status LiveSource::TakeChange(const Change& change, bool forever) {
  if (patience_.IsInterrupted()) return patience_.Interrupted();
  const bool is_design = change.id.starts_with("_design/");
  if (!change.is_deleted && !is_design) {
    if (visitor_->WantsDocument(change.id, change.rev)) return Fetch(change);
    return forever && options_.tells_conflicts && change.leaves > 1 ? TellConflicts(change) : OkStatus();
  }
  RETURN_IF_ERROR(visitor_->BeginDocument(change.id));
  DocumentEnd end;
  end.id = change.id;
  end.rev = change.rev;
  end.is_deleted = change.is_deleted;
  return visitor_->EndDocument(std::move(end));
}

Status LiveSource::Fetch(const Change& change) {
  HttpRequest request;
  request.url = base_ + "/" + PercentEncode(change.id) + "?attachments=true&conflicts=true";
  request.headers = {{"Accept", "multipart/related, application/json"}};
  request.body_bytes_max = kBodyBytesMax;
  ConflictReader visitor(visitor_,
                         [this](const std::string& id, const std::string& rev) { return FetchRevision(id, rev); });
  DocumentSink sink(change.id, &visitor, &bytes_done_);
  const auto answer = client_.Stream(request, sink);
  Status finished = sink.Finish();
  if (answer.ok() && answer->status == 404) return OkStatus();  // Deleted since; the feed will say so.
  if (!answer.ok()) {
    finished = answer.status();
  } else if (answer->status != 200) {
    HttpAnswer told = *answer;
    told.body = sink.error_body();
    finished = FromAnswer(told, Describe(base_) + "/" + change.id);
  }
  // An answer that ends in the middle, or is none of CouchDB's, is the server's doing: a restart, or a damaged document.
  if (finished.code() == Code::kInvalidArgument || finished.code() == Code::kTooLarge) {
    return Unavailable(std::string(finished.message())).WithContext(change.id);
  }
  return finished;
}

// A document that is in already, to which a losing revision came.
Status LiveSource::TellConflicts(const Change& change) {
  ASSIGN_OR_RETURN(const HttpAnswer answer, Get("/" + PercentEncode(change.id) + "?conflicts=true", 0));
  if (answer.status == 404) return OkStatus();
  RETURN_IF_ERROR(FromAnswer(answer, Describe(base_) + "/" + change.id));
  const auto members = registry::ParseJsonObject(answer.body);
  const auto conflicts = members.ok() ? registry::SplitJsonArray(ValueOf(*members, "_conflicts"))
                                      : Result<std::vector<std::string_view>>(members.status());
  if (!conflicts.ok() || conflicts->empty()) return OkStatus();
  std::string losers;
  for (const std::string_view rev : *conflicts) losers += (losers.empty() ? "" : ", ") + registry::TextOfJson(rev);
  return visitor_->Finding({change.id, "conflict at the source: " + losers + " lose against " + change.rev,
                            SourceFinding::Severity::kWarning});
}

Result<std::string> LiveSource::FetchRevision(const std::string& id, const std::string& rev) {
  HttpRequest request;
  request.url = base_ + "/" + PercentEncode(id) + "?rev=" + PercentEncode(rev);
  request.headers = {{"Accept", "application/json"}};
  request.body_bytes_max = limits::kImportDocumentBytesMax;
  request.accept_gzip = true;
  ASSIGN_OR_RETURN(HttpAnswer answer, revisions_client_.Send(request));
  RETURN_IF_ERROR(FromAnswer(answer, Describe(base_) + "/" + id + ", revision " + rev));
  return std::move(answer.body);
}

Status LiveSource::ReadOnce() {
  RETURN_IF_ERROR(Begin());
  while (true) {
    Page page;
    RETURN_IF_ERROR(patience_.Persist(
        [&]() -> Status {
          ASSIGN_OR_RETURN(page, ReadPage(0));
          return OkStatus();
        },
        false));
    RETURN_IF_ERROR(TakePage(page, false));
    TellLag(page);
    if (page.changes.size() < limits::kImportPagesRows) return OkStatus();
  }
}

Status LiveSource::FollowOnce(uint64_t wait_ms) {
  RETURN_IF_ERROR(Begin());
  Page page;
  RETURN_IF_ERROR(patience_.Persist(
      [&]() -> Status {
        ASSIGN_OR_RETURN(page, ReadPage(wait_ms));
        return OkStatus();
      },
      true));
  RETURN_IF_ERROR(TakePage(page, true));
  TellLag(page);
  return OkStatus();
}

// Where the feed does not say how much is to come, numbers tell at most how much it can be.
Result<std::string> LiveSource::UpdateSeq() {
  ASSIGN_OR_RETURN(const HttpAnswer answer, Get("", 0));
  RETURN_IF_ERROR(FromAnswer(answer, Describe(base_)));
  ASSIGN_OR_RETURN(const auto members, registry::ParseJsonObject(answer.body));
  return std::string(ValueOf(members, "update_seq"));
}

void LiveSource::TellLag(const Page& page) {
  if (page.changes.empty() && told_pending_ == 0) return;
  uint64_t behind = page.pending.value_or(0);
  if (!page.pending) {
    const auto newest = UpdateSeq();
    const auto last = NumberOf(newest.ok() ? *newest : "");
    const auto here = NumberOf(page.last_seq);
    if (last && here && *last > *here) behind = *last - *here;
  }
  options_.tell_lag(page.changes.size(), behind);
  told_pending_ = behind;
}

}  // namespace tarn::migrate
