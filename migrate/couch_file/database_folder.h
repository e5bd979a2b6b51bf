#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "migrate/couch/document_visitor.h"
#include "migrate/couch_file/attachment_stream.h"

namespace tarn::couch_file {

// The files that together are one database.
struct DatabaseFiles {
  std::string name;                              // As CouchDB names it: "registry", "team/registry".
  std::vector<std::string> paths;                // One, or one for each hash range, in their order.
  std::vector<migrate::SourceFinding> findings;  // Leftovers that were passed over; ranges that are missing.
};

// The databases below `path`: a data folder of CouchDB 1.x (NAME.couch) or 2 and later (shards/RANGE/NAME.SUFFIX.couch), or
// any folder or file within it. By name.
//
// Of a database that was deleted and made again only the newest files count; deleted databases and what compactions leave
// behind are passed over, unless a compaction was interrupted while it put its result in place: then that is the file.
// Symbolic links to folders are not followed.
// Errors: kNotFound (nothing there that looks like a database), kTooLarge (over limits::kCouchFilesMax files), kIoError.
Result<std::vector<DatabaseFiles>> FindDatabases(const std::string& path);

// The one called `name`; empty: the only one that is there, those of CouchDB's own (a leading underscore) aside.
// Errors: as above; kInvalidArgument names those there are to choose from.
Result<DatabaseFiles> FindDatabase(const std::string& path, std::string_view name);

// Their findings, then everything in them, one file after another (DatabaseFile::ReadAll). A file that cannot be opened is a finding; an error
// is the visitor's, or says that no file could be opened.
Status ReadDatabase(const DatabaseFiles& files, AttachmentForm attachments, migrate::DocumentVisitor* visitor);

}  // namespace tarn::couch_file
