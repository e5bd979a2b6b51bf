#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "http/cli/commands.h"
#include "http/cli/import_printer.h"
#include "http/cli/operator_client.h"
#include "migrate/couch/live_source.h"
#include "migrate/couch/source_file.h"
#include "migrate/couch_file/database_folder.h"
#include "migrate/import/importer.h"
#include "migrate/import/served_registry.h"
#include "migrate/import/tarball_folder.h"
#include "migrate/import/tarball_server.h"
#include "migrate/import/user_import.h"
#include "migrate/registry/registry_source.h"
#include "migrate/verdaccio/storage_folder.h"
#include "storage/base/clock.h"
#include "storage/base/random.h"

namespace tarn::cli {
namespace {

std::atomic<bool> is_interrupted{false};

void Interrupt(int) { is_interrupted.store(true, std::memory_order_relaxed); }

void InstallInterrupt() {
  struct sigaction action {};
  action.sa_handler = Interrupt;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

bool IsUrl(const std::string& source) { return source.starts_with("http://") || source.starts_with("https://"); }

// A folder, or a file of CouchDB's own, whose blocks begin with a byte that no dump does. One that is called so and begins with
// something else is one, too, unless it is clearly a dump.
bool IsDatabase(const std::string& source, const std::string& format) {
  if (format == "couch") return true;
  struct stat status {};
  if (format != "auto" || ::stat(source.c_str(), &status) != 0) return false;
  if (S_ISDIR(status.st_mode)) return true;
  if (!S_ISREG(status.st_mode)) return false;  // A pipe can be read only once.
  char first = '\0';
  const migrate::TarballSource::Sink take_first = [&](std::string_view bytes) {
    first = bytes.front();
    return Cancelled("one byte is enough");
  };
  if (migrate::ReadWholeFile(source, take_first).code() != Code::kCancelled) return source.ends_with(".couch");
  constexpr std::string_view kDumpsBegin = "{[-\x1f\x28";  // JSON, a boundary, gzip, zstd.
  return first == '\0' || first == '\1' ||
         (source.ends_with(".couch") && kDumpsBegin.find(first) == std::string_view::npos);
}

migrate::DumpFormat FormatOf(const std::string& name) {
  if (name == "json") return migrate::DumpFormat::kJson;
  if (name == "multipart") return migrate::DumpFormat::kMultipart;
  return migrate::DumpFormat::kDetect;
}

// One run: the store, what takes the documents, and who tells of it.
class Run {
 public:
  Run(const Config& config, const ImportArguments& arguments)
      : config_(config), arguments_(arguments), printer_(arguments.output, &SystemClock()) {}

  int Go() {
    InstallInterrupt();
    if (const Status status = Prepare(); !status.ok()) return Fail(status);
    Status status;
    // Accounts first: a scope may be called like one, and is theirs then.
    for (const std::string& source : arguments_.users) {
      if (status.ok()) status = ReadUsers(source);
    }
    for (const std::string& source : arguments_.sources) {
      if (status.ok()) status = Read(source);
    }
    if (status.ok() && arguments_.follow) status = Follow();
    if (status.code() == Code::kCancelled && arguments_.follow) status = OkStatus();  // That is how it ends.
    const Status finished = importer_->Finish();
    if (status.ok()) status = finished;
    if (status.ok()) status = CheckTarballs();
    if (status.ok()) status = CheckFoundSomething();
    printer_.Sum(importer_->counts(), users_->counts(), IsReadOnly(), status);
    if (!status.ok()) {
      Fail(status);
      return kExitFailed;
    }
    return importer_->counts().warnings + users_->counts().warnings > 0 ? kExitFindings : kExitOk;
  }

 private:
  bool IsReadOnly() const { return arguments_.dry_run || arguments_.compare; }

  Status Prepare() {
    if (!arguments_.report.empty()) RETURN_IF_ERROR(printer_.OpenReport(arguments_.report));
    for (const auto* list : {&arguments_.sources, &arguments_.users}) {
      for (const std::string& source : *list) {
        if (arguments_.follow && !IsUrl(source)) {
          return InvalidArgument("--follow needs live sources (http:// or https://), not " + source);
        }
      }
    }
    if (arguments_.kind == ImportArguments::Kind::kRegistry) {
      RETURN_IF_ERROR(ParseHttpUrl(arguments_.sources.front()).status().WithContext(arguments_.sources.front()));
    }
    if (arguments_.against.empty()) {
      RETURN_IF_ERROR(OpenStore());
    } else {
      RETURN_IF_ERROR(OpenServed());
    }
    migrate::ImportOptions options;
    options.plan.orphans =
        arguments_.drop_orphans ? migrate::PlanOptions::Orphans::kDrop : migrate::PlanOptions::Orphans::kKeep;
    if (arguments_.kind != ImportArguments::Kind::kRegistry) {  // There they are what is asked for.
      options.only.insert(arguments_.only.begin(), arguments_.only.end());
    }
    options.is_dry_run = arguments_.dry_run;
    options.compares = arguments_.compare;
    if (offline_) {
      target_ = std::make_unique<registry::LegacyImport>(offline_->store.get(), &SystemClock(), &SystemRandom());
      target_users_ = std::make_unique<registry::LegacyUsers>(offline_->store.get(), &SystemClock(), &SystemRandom());
    }
    importer_ = std::make_unique<migrate::Importer>(target_.get(), options, &printer_);
    users_ = std::make_unique<migrate::UserImport>(IsReadOnly() ? nullptr : target_users_.get(), &printer_);
    importer_->SetServed(served_.get());
    importer_->SetUsers(users_.get());
    RETURN_IF_ERROR(OpenTarballs());
    importer_->SetInterrupt(&is_interrupted);
    return OkStatus();
  }

  Status OpenTarballs() {
    const bool is_registry = arguments_.kind == ImportArguments::Kind::kRegistry;
    const std::string& where =
        is_registry && arguments_.tarballs.empty() ? arguments_.sources.front() : arguments_.tarballs;
    if (where.empty()) return OkStatus();
    if (IsUrl(where)) {
      RETURN_IF_ERROR(ParseHttpUrl(where).status());
      migrate::TarballServer::Options options;
      options.url = where;
      options.ca_file = arguments_.ca_file;
      if (is_registry) {
        options.asks_dist_url = arguments_.tarballs.empty();
        ASSIGN_OR_RETURN(options.token, ReadToken());
      }
      tarballs_ = std::make_unique<migrate::TarballServer>(options, MakePatience());
    } else {
      struct stat status {};
      if (::stat(where.c_str(), &status) != 0) return FromErrno(errno, "--tarballs " + where);
      if (!S_ISDIR(status.st_mode)) return InvalidArgument("--tarballs: " + where + " is no folder");
      tarballs_ = std::make_unique<migrate::TarballFolder>(where);
    }
    importer_->SetTarballs(tarballs_.get());
    return OkStatus();
  }

  Status OpenServed() {
    RETURN_IF_ERROR(ParseHttpUrl(arguments_.against).status().WithContext(arguments_.against));
    migrate::ServedRegistry::Options options;
    options.url = arguments_.against;
    options.ca_file = arguments_.ca_file;
    if (!arguments_.against_token_file.empty()) {
      ASSIGN_OR_RETURN(options.token, ReadToken(arguments_.against_token_file));
    }
    served_ = std::make_unique<migrate::ServedRegistry>(options, MakePatience());
    return OkStatus();
  }

  // What is easily overlooked among many findings.
  Status CheckTarballs() {
    const migrate::ImportCounts& counts = importer_->counts();
    if (counts.tarballs > 0 || counts.missing_tarballs == 0) return OkStatus();
    return importer_->Finding(
        {"tarballs",
         "there are NO TARBALLS in what was read, and none of its " + std::to_string(counts.versions) +
             " versions can be installed. A couchbackup has them only with --attachments, _all_docs and _changes only "
             "with attachments=true; or say with --tarballs DIR|URL where they are, and run this again",
         migrate::SourceFinding::Severity::kError});
  }

  Status OpenStore() {
    auto offline = OpenOffline(
        config_, IsReadOnly() ? engine::StoreOptions::Mode::kReadOnly : engine::StoreOptions::Mode::kReadWrite);
    if (offline.ok()) {
      offline_.emplace(std::move(*offline));
      return OkStatus();
    }
    if (offline.code() == Code::kNotFound && IsReadOnly()) return OkStatus();  // As if into an empty registry.
    if (offline.code() == Code::kFailedPrecondition) {
      return offline.status().WithContext("An import needs the data directory for itself: stop the server first. " +
                                          config_.data);
    }
    return offline.status().WithContext(config_.data);
  }

  Status Read(const std::string& source) {
    printer_.SetSource(migrate::LiveSource::Describe(source));
    switch (arguments_.kind) {
      case ImportArguments::Kind::kCouchdb: return ReadCouchdb(source);
      case ImportArguments::Kind::kVerdaccio:
        return migrate::ReadVerdaccio(source, {arguments_.with_cached, arguments_.owner}, importer_.get());
      case ImportArguments::Kind::kRegistry: return ReadRegistry(source);
    }
    return OkStatus();
  }

  Status ReadUsers(const std::string& source) {
    if (arguments_.kind == ImportArguments::Kind::kCouchdb) return Read(source);
    printer_.SetSource(source);
    ASSIGN_OR_RETURN(const std::string passwords, ReadSmallFile(source));
    return users_->TakeHtpasswd(passwords);
  }

  // All of a list, a lockfile or a file with a token.
  static Result<std::string> ReadSmallFile(const std::string& path) {
    std::string text;
    RETURN_IF_ERROR(migrate::ReadWholeFile(path, [&](std::string_view bytes) {
      text += bytes;
      return text.size() <= limits::kImportListBytesMax ? OkStatus() : TooLarge(path + " is too large");
    }));
    return text;
  }

  migrate::Patience MakePatience() {
    return migrate::Patience(&is_interrupted, [this](const std::string& line) { printer_.Say(line); });
  }

  Status ReadRegistry(const std::string& url) {
    migrate::WantedPackages wanted;
    if (!arguments_.from.empty()) {
      ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(arguments_.from));
      auto parsed = migrate::ParseWantedPackages(text);
      RETURN_IF_ERROR(parsed.status().WithContext(arguments_.from));
      wanted = std::move(*parsed);
    }
    for (const std::string& name : arguments_.only) {
      RETURN_IF_ERROR(migrate::AddWanted(name, &wanted).WithContext("--package"));
    }
    migrate::RegistrySource::Options options;
    options.url = url;
    options.ca_file = arguments_.ca_file;
    ASSIGN_OR_RETURN(options.token, ReadToken());
    options.versions_here = [this](const std::string& name) { return VersionsHere(name); };
    return migrate::RegistrySource(std::move(options), MakePatience()).ReadAll(wanted, importer_.get());
  }

  Result<std::string> ReadToken() const {
    const char* const of_environment = std::getenv("TARN_IMPORT_TOKEN");
    if (arguments_.token_file.empty()) return std::string(of_environment == nullptr ? "" : of_environment);
    return ReadToken(arguments_.token_file);
  }

  static Result<std::string> ReadToken(const std::string& path) {
    ASSIGN_OR_RETURN(std::string token, ReadSmallFile(path));
    token.erase(token.find_last_not_of(" \t\r\n") + 1);
    return token;
  }

  // Of a package that was imported, and not changed here since.
  Result<std::vector<std::string>> VersionsHere(const std::string& name) {
    const auto parsed = registry::PackageName::Parse(name);
    if (target_ == nullptr || !parsed.ok()) return std::vector<std::string>();
    using registry::LegacyImport;
    ASSIGN_OR_RETURN(auto standing, target_->Find(*parsed, LegacyImport::WithVersions::kYes));
    if (standing.kind != LegacyImport::Standing::Kind::kImported) return std::vector<std::string>();
    return std::move(standing.versions);
  }

  Status ReadCouchdb(const std::string& source) {
    if (IsUrl(source)) {
      ASSIGN_OR_RETURN(const auto live, OpenLive(source));
      return live->ReadOnce();
    }
    if (IsDatabase(source, arguments_.format)) {
      ASSIGN_OR_RETURN(const auto files, couch_file::FindDatabase(source, arguments_.database));
      return couch_file::ReadDatabase(files, couch_file::AttachmentForm::kIdentity, importer_.get());
    }
    return migrate::ReadDump(source, FormatOf(arguments_.format), importer_.get());
  }

  Result<std::unique_ptr<migrate::LiveSource>> OpenLive(const std::string& url) {
    migrate::LiveSource::Options options;
    options.url = url;
    options.ca_file = arguments_.ca_file;
    options.from_start = arguments_.from_start;
    options.interrupt = &is_interrupted;
    options.tells_conflicts = arguments_.only.empty();
    options.say = [this](const std::string& line) { printer_.Say(line); };
    options.tell_lag = [this, what = migrate::LiveSource::Describe(url)](uint64_t taken, uint64_t behind) {
      printer_.Lag(what, taken, behind);
    };
    return migrate::LiveSource::Open(options, importer_.get(), IsReadOnly() ? nullptr : target_.get());
  }

  // All live sources in turn, until interrupted.
  Status Follow() {
    std::vector<std::unique_ptr<migrate::LiveSource>> sources;
    for (const auto* list : {&arguments_.sources, &arguments_.users}) {
      for (const std::string& url : *list) {
        ASSIGN_OR_RETURN(auto source, OpenLive(url));
        sources.push_back(std::move(source));
      }
    }
    while (!is_interrupted.load(std::memory_order_relaxed)) {
      for (const auto& source : sources) {
        RETURN_IF_ERROR(source->FollowOnce(sources.size() == 1 ? limits::kImportPollMs : kSharedPollMs));
      }
    }
    return OkStatus();
  }

  // A dump of something else should not look like a success.
  Status CheckFoundSomething() const {
    const migrate::ImportCounts& counts = importer_->counts();
    const migrate::UserCounts& users = users_->counts();
    const bool has_packages = counts.packages + counts.removed + counts.kept + counts.refused + counts.losers +
                                  counts.same + counts.differing >
                              0;
    const bool has_users = users.imported + users.unchanged + users.exists + users.refused > 0;
    if (has_packages || has_users || arguments_.follow || !arguments_.only.empty()) return OkStatus();
    const bool is_live = std::any_of(arguments_.sources.begin(), arguments_.sources.end(), IsUrl);
    if (is_live && counts.documents == 0) return OkStatus();  // Nothing new there.
    return InvalidArgument("none of the " + std::to_string(counts.documents) +
                           " documents is a package or a user: this is not the database of a registry");
  }

  static constexpr uint64_t kSharedPollMs = 2'000;  // For each of several followed sources.

  const Config& config_;
  const ImportArguments& arguments_;
  ImportPrinter printer_;
  std::optional<OfflineStore> offline_;
  std::unique_ptr<registry::LegacyImport> target_;
  std::unique_ptr<registry::LegacyUsers> target_users_;
  std::unique_ptr<migrate::ServedRegistry> served_;
  std::unique_ptr<migrate::TarballSource> tarballs_;  // Outlives the importer.
  std::unique_ptr<migrate::Importer> importer_;
  std::unique_ptr<migrate::UserImport> users_;
};

}  // namespace

int RunImport(const Config& config, const ImportArguments& arguments) { return Run(config, arguments).Go(); }

}  // namespace tarn::cli
