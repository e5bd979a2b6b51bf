#include "storage/registry/search.h"

#include <algorithm>

#include "storage/engine/keys.h"
#include "storage/registry/flat_fields.h"
#include "storage/registry/package_state.h"
#include "storage/schema/package_generated.h"

namespace tarn::registry {
namespace {

char Fold(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::string Folded(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), Fold);
  return result;
}

std::string_view View(const flatbuffers::String* text) {
  return text == nullptr ? std::string_view() : std::string_view(text->data(), text->size());
}

// `needle` is folded already.
bool ContainsFolded(std::string_view text, std::string_view needle) {
  return std::search(text.begin(), text.end(), needle.begin(), needle.end(),
                     [](char a, char b) { return Fold(a) == b; }) != text.end();
}

bool EqualsFolded(std::string_view text, std::string_view needle) {
  return text.size() == needle.size() && ContainsFolded(text, needle);
}

// Calls `add` with each part of `list`.
template <typename Add>
void SplitAt(std::string_view list, std::string_view separators, const Add& add) {
  for (size_t begin = list.find_first_not_of(separators); begin != std::string_view::npos;) {
    const size_t end = list.find_first_of(separators, begin);
    add(list.substr(begin, end - begin));
    begin = list.find_first_not_of(separators, end);
  }
}

void AddKeywords(std::string_view list, SearchTerms* terms) {
  SplitAt(list, ",", [&](std::string_view part) {
    if (part.starts_with('-')) {
      terms->keywords_none.emplace_back(part.substr(1));
    } else if (part.find('+') != std::string_view::npos) {
      SplitAt(part, "+", [&](std::string_view word) { terms->keywords_all.emplace_back(word); });
    } else {
      terms->keywords_any.emplace_back(part);
    }
  });
}

using Keywords = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>;

bool HasKeyword(const Keywords* keywords, std::string_view wanted) {
  return keywords != nullptr && std::any_of(keywords->begin(), keywords->end(), [&](const flatbuffers::String* keyword) {
           return EqualsFolded(View(keyword), wanted);
         });
}

bool MatchesQualifiers(const SearchTerms& terms, std::string_view name, const schema::PackageRecord& package) {
  const Keywords* keywords = package.latest()->keywords();
  const auto has = [&](const std::string& keyword) { return HasKeyword(keywords, keyword); };
  if (!std::all_of(terms.keywords_all.begin(), terms.keywords_all.end(), has)) return false;
  if (std::any_of(terms.keywords_none.begin(), terms.keywords_none.end(), has)) return false;
  if (!terms.keywords_any.empty() && !std::any_of(terms.keywords_any.begin(), terms.keywords_any.end(), has)) {
    return false;
  }
  const auto in_scope = [&](const std::string& scope) {
    return name.size() > scope.size() + 2 && name.front() == '@' && name.substr(1).starts_with(scope) &&
           name[scope.size() + 1] == '/';
  };
  if (!terms.scopes.empty() && !std::any_of(terms.scopes.begin(), terms.scopes.end(), in_scope)) return false;
  return std::all_of(terms.maintainers.begin(), terms.maintainers.end(), [&](const std::string& user) {
    const auto* maintainers = package.maintainers();
    return maintainers != nullptr && std::any_of(maintainers->begin(), maintainers->end(), [&](const auto* maintainer) {
             return View(maintainer->name()) == user;
           });
  });
}

// How well one word fits; 0: not at all.
double ScoreOfWord(std::string_view word, std::string_view name, const schema::LatestSummary& latest) {
  double score = 0;
  if (EqualsFolded(name, word)) score += 10;
  else if (name.size() > word.size() && ContainsFolded(name.substr(0, word.size()), word)) score += 5;
  else if (ContainsFolded(name, word)) score += 3;
  if (HasKeyword(latest.keywords(), word)) {
    score += 2;
  } else if (latest.keywords() != nullptr &&
             std::any_of(latest.keywords()->begin(), latest.keywords()->end(),
                         [&](const flatbuffers::String* keyword) { return ContainsFolded(View(keyword), word); })) {
    score += 1;
  }
  if (ContainsFolded(View(latest.description()), word)) score += 1;
  return score;
}

constexpr double kExactNameScore = 1000;

// Negative: no match.
double ScoreOf(const SearchTerms& terms, std::string_view name, const schema::PackageRecord& package) {
  const schema::LatestSummary* latest = package.latest();
  if (latest == nullptr || latest->is_deprecated() || !MatchesQualifiers(terms, name, package)) return -1;
  double score = !terms.exact_name.empty() && name == terms.exact_name ? kExactNameScore : 0;
  for (const std::string& word : terms.words) {
    const double of_word = ScoreOfWord(word, name, *latest);
    if (of_word == 0) return -1;
    score += of_word;
  }
  return score;
}

struct Match {
  double score;
  std::string name;
  bool is_restricted;
  bool operator<(const Match& other) const {
    return score != other.score ? score > other.score : name < other.name;
  }
};

Result<std::vector<Match>> FindMatches(const engine::ReadView& view, const SearchTerms& terms) {
  std::vector<Match> matches;
  Status failed;
  RETURN_IF_ERROR(
      view.ScanPrefix(engine::Family::kPackage, "", [&](std::string_view name, std::string_view value) {
        const auto root = flat::Root<schema::PackageRecord>(value, schema::PackageRecordIdentifier());
        if (!root.ok()) {
          failed = root.status().WithContext("package " + std::string(name));
          return false;
        }
        const double score = ScoreOf(terms, name, **root);
        if (score < 0) return true;
        matches.push_back({score, std::string(name), (*root)->access() != schema::PackageAccess::Public});
        return true;
      }));
  RETURN_IF_ERROR(failed);
  return matches;
}

// Leaves what the caller may read.
Status DropInvisible(const engine::ReadView& view, const Principal& principal, std::vector<Match>* matches) {
  Status failed;
  std::erase_if(*matches, [&](const Match& match) {
    if (!match.is_restricted || !failed.ok()) return false;
    if (!principal.is_authenticated()) return true;
    const auto name = PackageName::Parse(match.name);
    const auto visible =
        name.ok() ? ReadVisiblePackage(view, principal, *name) : Result<VisiblePackage>(name.status());
    if (!visible.ok() && visible.code() != Code::kNotFound) failed = visible.status();
    return !visible.ok();
  });
  return failed;
}

SearchHit HitOf(const Match& match, const PackageRecord& package) {
  SearchHit hit;
  hit.name = match.name;
  hit.score = match.score;
  hit.modified_ms = package.modified_ms;
  for (const Maintainer& maintainer : package.maintainers) hit.maintainers.emplace_back(maintainer.name, maintainer.email);
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

SearchTerms SearchTerms::Parse(std::string_view text) {
  SearchTerms terms;
  const std::string folded = Folded(text);
  SplitAt(folded, " \t", [&](std::string_view term) {
    const size_t colon = term.find(':');
    const std::string_view qualifier = colon == std::string_view::npos ? "" : term.substr(0, colon);
    const std::string_view value = colon == std::string_view::npos ? term : term.substr(colon + 1);
    if (qualifier == "author" || qualifier == "maintainer") {
      terms.maintainers.emplace_back(value);
    } else if (qualifier == "scope") {
      terms.scopes.emplace_back(value.starts_with('@') ? value.substr(1) : value);
    } else if (qualifier == "keywords") {
      AddKeywords(value, &terms);
    } else if (qualifier != "is" && qualifier != "not" && qualifier != "boost-exact") {
      terms.words.emplace_back(term);
    }
  });
  if (terms.words.size() == 1) terms.exact_name = terms.words.front();
  return terms;
}

Result<SearchAnswer> SearchPackages(const engine::ReadView& view, const Principal& principal,
                                    const SearchQuery& query) {
  ASSIGN_OR_RETURN(std::vector<Match> matches, FindMatches(view, SearchTerms::Parse(query.text)));
  RETURN_IF_ERROR(DropInvisible(view, principal, &matches));
  SearchAnswer answer;
  answer.total = matches.size();
  const size_t begin = std::min(query.from, matches.size());
  const size_t end = begin + std::min(query.size, matches.size() - begin);
  std::partial_sort(matches.begin(), matches.begin() + static_cast<ptrdiff_t>(end), matches.end());
  for (size_t i = begin; i < end; ++i) {
    ASSIGN_OR_RETURN(const auto stored, ReadRecord<PackageRecord>(view, engine::Family::kPackage,
                                                                  engine::NameKey(matches[i].name)));
    if (stored.record && stored.record->latest) answer.hits.push_back(HitOf(matches[i], *stored.record));
  }
  return answer;
}

}  // namespace tarn::registry
