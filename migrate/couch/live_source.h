#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "migrate/couch/document_visitor.h"
#include "migrate/couch/patience.h"
#include "storage/base/http_client.h"
#include "storage/base/result.h"
#include "storage/registry/legacy_import.h"

namespace tarn::migrate {

// A CouchDB that runs: its _changes feed, page by page, and each document with its attachments as a stream of its own, so
// that neither side holds more than one of them. How far it came is kept in the store, and a later run goes on there; the
// revisions that are in make sure that nothing is fetched twice.
//
// A server that does not answer is asked again for a while (limits::kImportRetriesMax), and without end while it is
// followed: either side may restart. A document that cannot be had from a server that answers otherwise is a finding, and
// passed over.
// Threads: one at a time.
class LiveSource {
 public:
  struct Options {
    std::string url;                               // Of the database: "https://user:password@couch.example/registry".
    std::string ca_file;                           // PEM; empty: the system's authorities.
    bool from_start = false;                       // Whatever was kept.
    const std::atomic<bool>* interrupt = nullptr;  // True: end with kCancelled as soon as possible.
    bool tells_conflicts = true;  // Followed: also of documents that are in, where only a losing revision came.
    std::function<void(const std::string&)> say;  // A line for the operator.
    // After each page of changes: how many were taken, and how many are known to come.
    std::function<void(uint64_t taken, uint64_t behind)> tell_lag;
  };

  // Looks at the database. kInvalidArgument: not a URL, or not a CouchDB database. kUnauthenticated, kNotFound,
  // kUnavailable: as the server says. `checkpoints` may be nullptr: then it begins at the start and keeps nothing.
  static Result<std::unique_ptr<LiveSource>> Open(const Options& options, DocumentVisitor* visitor,
                                                  registry::LegacyImport* checkpoints);
  ~LiveSource();

  // All changes there are.
  Status ReadOnce();
  // The same, and when there are none, waits for some, at most `wait_ms`.
  Status FollowOnce(uint64_t wait_ms);

  // The URL without user and password.
  static std::string Describe(const std::string& url);

 private:
  struct Change {
    std::string id;
    std::string rev;
    bool is_deleted = false;
    size_t leaves = 1;
  };
  struct Page {
    std::vector<Change> changes;
    std::string last_seq;
    std::optional<uint64_t> pending;  // CouchDB 1.x does not say.
  };

  LiveSource(const Options& options, DocumentVisitor* visitor, registry::LegacyImport* checkpoints);
  Status Inspect();
  Status Begin();
  Result<HttpAnswer> Get(const std::string& path, uint64_t wait_ms);
  Result<Page> ReadPage(uint64_t wait_ms);
  Status TakePage(const Page& page, bool forever);
  Status TakePatiently(const Change& change, bool forever);
  Status TakeChange(const Change& change, bool forever);
  Status Fetch(const Change& change);
  Status TellConflicts(const Change& change);
  Result<std::string> FetchRevision(const std::string& id, const std::string& rev);
  Result<std::string> UpdateSeq();
  void TellLag(const Page& page);

  const Options options_;
  const std::string base_;  // Without a slash at its end.
  DocumentVisitor* const visitor_;
  registry::LegacyImport* const checkpoints_;
  const Patience patience_;
  HttpClient client_;
  HttpClient revisions_client_;  // Of losing revisions, while `client_` is at their document.
  std::string since_ = "0";
  bool is_begun_ = false;
  uint64_t bytes_done_ = 0;
  uint64_t told_pending_ = 0;
  std::atomic<bool> is_ending_{false};
  std::thread watcher_;  // Ends a request that waits, when the operator interrupts.
};

}  // namespace tarn::migrate
