#include "storage/registry/search.h"

#include <algorithm>

#include "storage/registry/access_reader.h"

namespace tarn::registry {
namespace {

// Leaves what the caller may read.
Status DropInvisible(const engine::ReadView& view, const Principal& principal, std::vector<SearchMatch>* matches) {
  Status failed;
  AccessReader access(view, principal);
  std::erase_if(*matches, [&](const SearchMatch& match) {
    if (!match.row->is_restricted || !failed.ok()) return false;
    if (!principal.is_authenticated()) return true;
    const auto name = PackageName::Parse(match.row->name);
    const auto visible = name.ok() ? access.ReadVisible(*name) : Result<VisiblePackage>(name.status());
    if (!visible.ok() && visible.code() != Code::kNotFound) failed = visible.status();
    return !visible.ok();
  });
  return failed;
}

SearchHit HitOf(const SearchMatch& match, const PackageRecord& package) {
  SearchHit hit;
  hit.name = match.row->name;
  hit.score = match.score;
  hit.modified_ms = package.modified_ms;
  for (const Maintainer& maintainer : package.maintainers)
    hit.maintainers.emplace_back(maintainer.name, maintainer.email);
  const LatestSummary& latest = *package.latest;
  hit.version = latest.version;
  hit.description = latest.description;
  hit.license = latest.license;
  hit.homepage = latest.homepage;
  hit.repository = latest.repository;
  hit.bugs = latest.bugs;
  hit.publisher = latest.publisher.name;
  hit.publisher_email = latest.publisher.email;
  hit.keywords = latest.keywords;
  return hit;
}

}  // namespace

Result<SearchAnswer> SearchPackages(const engine::ReadView& view, const SearchIndex::Snapshot& snapshot,
                                    DownloadCounts* downloads, const Principal& principal, const SearchQuery& query) {
  ASSIGN_OR_RETURN(const SearchTerms terms, SearchTerms::Parse(query.text));
  std::vector<SearchMatch> matches = FindMatches(snapshot, terms);
  RETURN_IF_ERROR(DropInvisible(view, principal, &matches));
  SearchAnswer answer;
  answer.total = matches.size();
  AccessReader access(view, principal);
  const size_t begin = std::min(query.from, matches.size());
  const size_t end = begin + std::min(query.size, matches.size() - begin);
  std::partial_sort(matches.begin(), matches.begin() + static_cast<ptrdiff_t>(end), matches.end());
  for (size_t i = begin; i < end; ++i) {
    // The index may be ahead of the view, or behind it: the view decides what is shown.
    ASSIGN_OR_RETURN(const PackageName name, PackageName::Parse(matches[i].row->name));
    const auto visible = access.ReadVisible(name);
    if (visible.code() == Code::kNotFound) continue;
    RETURN_IF_ERROR(visible.status());
    if (!visible->record.latest) continue;
    SearchHit& hit = answer.hits.emplace_back(HitOf(matches[i], visible->record));
    ASSIGN_OR_RETURN(const DownloadCounts::Recent recent, downloads->RecentOf(view, hit.name));
    hit.weekly_downloads = recent.weekly;
    hit.monthly_downloads = recent.monthly;
  }
  return answer;
}

}  // namespace tarn::registry
