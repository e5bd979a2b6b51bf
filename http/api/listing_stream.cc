#include "http/api/listing_stream.h"

#include <deque>
#include <memory>
#include <utility>

#include "http/api/error_response.h"
#include "http/api/feed_stream.h"
#include "storage/base/logging.h"
#include "storage/registry/package_listing.h"

namespace tarn::http {
namespace {

using registry::ListedPackage;

void AppendText(std::string_view key, std::string_view value, std::string* out) {
  if (!value.empty()) *out += "," + JsonString(key) + ":" + JsonString(value);
}

// What the search of npm up to 3 reads of each package.
std::string SlimRow(const ListedPackage& package) {
  std::string out = JsonString(package.name) + ":{\"name\":" + JsonString(package.name);
  const registry::PackageRecord& record = package.record;
  if (record.latest) AppendText("description", record.latest->description, &out);
  out += ",\"dist-tags\":{";
  for (size_t i = 0; i < record.dist_tags.size(); ++i) {
    out += (i > 0 ? "," : "") + JsonString(record.dist_tags[i].first) + ":" + JsonString(record.dist_tags[i].second);
  }
  out += "},\"maintainers\":[";
  for (size_t i = 0; i < record.maintainers.size(); ++i) {
    out += (i > 0 ? ",{\"name\":" : "{\"name\":") + JsonString(record.maintainers[i].name) +
           ",\"email\":" + JsonString(record.maintainers[i].email) + "}";
  }
  out += "],\"time\":{\"modified\":" + JsonString(FormatIsoTime(record.modified_ms)) + "}";
  if (!record.latest) return out + ",\"versions\":{}}";
  AppendText("license", record.latest->license, &out);
  AppendText("homepage", record.latest->homepage, &out);
  if (!record.latest->repository.empty())
    out += ",\"repository\":{\"url\":" + JsonString(record.latest->repository) + "}";
  if (!record.latest->bugs.empty()) out += ",\"bugs\":{\"url\":" + JsonString(record.latest->bugs) + "}";
  out += ",\"keywords\":[";
  for (size_t i = 0; i < record.latest->keywords.size(); ++i) {
    out += (i > 0 ? "," : "") + JsonString(record.latest->keywords[i]);
  }
  return out + "],\"versions\":{" + JsonString(record.latest->version) + ":\"latest\"}}";
}

// Walks the packages of a query, a piece at a time.
class Rows {
 public:
  Rows(const Services& services, ListingQuery query, ListingForm form)
      : services_(services), query_(std::move(query)), form_(std::move(form)) {}

  Result<bool> Next(const registry::Principal& principal, PieceBuffer* out) {
    while (true) {
      while (!packages_.empty()) {
        const ListedPackage package = std::move(packages_.front());
        packages_.pop_front();
        if (package.record.modified_ms < query_.modified_since_ms) continue;
        // What opens a map of packages has a member already.
        if (form_.row == ListingRow::kSlim && !std::exchange(has_rows_, true)) out->Append(",");
        out->Append(Row(package));
        return true;
      }
      if (!has_more_) return false;
      RETURN_IF_ERROR(Read(principal));
    }
  }

  Status Read(const registry::Principal& principal) {
    auto piece = ReadPiece(principal);
    if (!piece.ok()) return piece.status();
    packages_.assign(std::make_move_iterator(piece->packages.begin()), std::make_move_iterator(piece->packages.end()));
    has_more_ = !piece->next.empty();
    first_ = std::move(piece->next);
    return OkStatus();
  }

 private:
  Result<registry::ListedPiece> ReadPiece(const registry::Principal& principal) const {
    switch (query_.kind) {
      case ListingQuery::Kind::kStarredBy: return services_.listing->StarredBy(principal, query_.user, first_);
      case ListingQuery::Kind::kMaintainedBy: return services_.listing->MaintainedBy(principal, query_.user, first_);
      case ListingQuery::Kind::kAll: break;
    }
    return services_.listing->All(principal, first_);
  }

  std::string Row(const ListedPackage& package) const {
    switch (form_.row) {
      case ListingRow::kMember: return JsonString(package.name) + ":true";
      case ListingRow::kViewRow:
        return "{\"id\":" + JsonString(package.name) + ",\"key\":" + form_.key +
               ",\"value\":" + JsonString(package.name) + "}";
      case ListingRow::kSlim: break;
    }
    return SlimRow(package);
  }

  const Services& services_;
  const ListingQuery query_;
  const ListingForm form_;
  std::deque<ListedPackage> packages_;
  std::string first_;
  bool has_more_ = true;
  bool has_rows_ = false;
};

}  // namespace

Response ListingResponse(const Services& services, const Call& call, ListingQuery query, ListingForm form) {
  const std::string opening = form.opening;
  const std::string closing = form.closing;
  auto rows = std::make_shared<Rows>(services, std::move(query), std::move(form));
  // The first piece at once, so that who may not ask gets a status.
  const Status read = rows->Read(call.principal);
  if (!read.ok()) return ErrorResponse(read);
  Response response;
  response.AddHeader("content-type", "application/json");
  response.AddHeader("cache-control", "no-store");
  response.SetStreamBody(std::make_unique<RowsStream>(
      services, FollowerIdentity(call), opening,
      [rows](const registry::Principal& principal, PieceBuffer* out) { return rows->Next(principal, out); }, closing));
  return response;
}

}  // namespace tarn::http
