#include "storage/registry/search_index.h"

#include <algorithm>
#include <cstring>

#include "storage/base/limits.h"
#include "storage/registry/semver.h"

namespace tarn::registry {
namespace {

using engine::Family;

constexpr char kFieldEnd = '\n';  // Folded text holds no byte below space, so no word reaches over these.
constexpr char kKeywordEnd = '\x1f';

bool IsUnstable(const std::string& text) {
  const auto version = Version::ParseLoose(text);
  return version.ok() && version->major() == 0;
}

// --- one row ---

struct Fields {
  std::string_view name, description, keywords;  // The last: each keyword ended by kKeywordEnd.
};

Fields FieldsOf(const SearchBlock& block, const SearchBlock::Row& row) {
  const std::string_view text = block.text();
  return {text.substr(row.begin, row.description - row.begin - 1),
          text.substr(row.description, row.keywords - row.description - 1),
          text.substr(row.keywords, row.end - row.keywords)};
}

bool HasKeyword(std::string_view keywords, std::string_view wanted) {
  while (!keywords.empty()) {
    const size_t end = keywords.find(kKeywordEnd);
    if (keywords.substr(0, end) == wanted) return true;
    if (end == std::string_view::npos) return false;
    keywords.remove_prefix(end + 1);
  }
  return false;
}

bool IsInScope(std::string_view name, std::string_view scope) {
  return name.size() > scope.size() + 2 && name.front() == '@' && name.substr(1).starts_with(scope) &&
         name[scope.size() + 1] == '/';
}

bool MatchesQualifiers(const SearchTerms& terms, const SearchBlock::Row& row, const Fields& fields) {
  if (row.is_deprecated != terms.deprecated || terms.insecure.value_or(false)) return false;
  if (terms.unstable && *terms.unstable != row.is_unstable) return false;
  const auto has = [&](const std::string& keyword) { return HasKeyword(fields.keywords, keyword); };
  if (!std::all_of(terms.keywords_all.begin(), terms.keywords_all.end(), has)) return false;
  if (std::any_of(terms.keywords_none.begin(), terms.keywords_none.end(), has)) return false;
  if (!terms.keywords_any.empty() && !std::any_of(terms.keywords_any.begin(), terms.keywords_any.end(), has)) {
    return false;
  }
  const auto in_scope = [&](const std::string& scope) { return IsInScope(fields.name, scope); };
  if (!terms.scopes.empty() && !std::any_of(terms.scopes.begin(), terms.scopes.end(), in_scope)) return false;
  return std::all_of(terms.maintainers.begin(), terms.maintainers.end(), [&](const std::string& user) {
    return std::find(row.maintainers.begin(), row.maintainers.end(), user) != row.maintainers.end();
  });
}

// How well one word fits; 0: not at all.
double ScoreOfWord(std::string_view word, const Fields& fields) {
  constexpr auto kNone = std::string_view::npos;
  double score = 0;
  if (fields.name == word)
    score += 10;
  else if (fields.name.starts_with(word))
    score += 5;
  else if (fields.name.find(word) != kNone)
    score += 3;
  if (HasKeyword(fields.keywords, word))
    score += 2;
  else if (fields.keywords.find(word) != kNone)
    score += 1;
  if (fields.description.find(word) != kNone) score += 1;
  return score;
}

constexpr double kExactNameScore = 1000;

// Negative: no match.
double ScoreOf(const SearchTerms& terms, const SearchBlock& block, const SearchBlock::Row& row) {
  const Fields fields = FieldsOf(block, row);
  if (!MatchesQualifiers(terms, row, fields)) return -1;
  double score = !terms.exact_name.empty() && fields.name == terms.exact_name ? kExactNameScore : 0;
  for (const std::string& word : terms.words) {
    const double of_word = ScoreOfWord(word, fields);
    if (of_word == 0) return -1;
    score += of_word;
  }
  return score;
}

// Looks through the whole text for the longest word, which is the rarest as a rule, and only at rows that have it.
void FindInBlock(const SearchBlock& block, const SearchTerms& terms, std::string_view word,
                 std::vector<SearchMatch>* matches) {
  size_t from = 0;
  const char* const wanted = word.empty() ? "" : word.data();  // memmem takes no null pointer.
  auto row = block.rows().begin();
  while (row != block.rows().end()) {
    const auto* const text = block.text().data();
    const auto* const found =
        static_cast<const char*>(::memmem(text + from, block.text().size() - from, wanted, word.size()));
    if (found == nullptr) return;
    const auto at = static_cast<size_t>(found - text);
    row = std::upper_bound(row, block.rows().end(), at,
                           [](size_t offset, const SearchBlock::Row& other) { return offset < other.end; });
    if (row == block.rows().end()) return;
    const double score = ScoreOf(terms, block, *row);
    if (score >= 0) matches->push_back({score, &*row});
    from = row->end;
    ++row;
  }
}

}  // namespace

void SearchBlock::Add(const std::string& name, const PackageRecord& package) {
  const LatestSummary& latest = *package.latest;
  Row row;
  row.name = name;
  row.begin = static_cast<uint32_t>(text_.size());
  AppendFolded(&text_, name);
  text_.push_back(kFieldEnd);
  row.description = static_cast<uint32_t>(text_.size());
  AppendFolded(&text_, latest.description);
  text_.push_back(kFieldEnd);
  row.keywords = static_cast<uint32_t>(text_.size());
  for (const std::string& keyword : latest.keywords) {
    AppendFolded(&text_, keyword);
    text_.push_back(kKeywordEnd);
  }
  text_.push_back(kFieldEnd);
  row.end = static_cast<uint32_t>(text_.size());
  for (const Maintainer& maintainer : package.maintainers)
    AppendFolded(&row.maintainers.emplace_back(), maintainer.name);
  row.is_restricted = package.is_restricted();
  row.is_deprecated = latest.is_deprecated;
  row.is_unstable = IsUnstable(latest.version);
  rows_.push_back(std::move(row));
}

void SearchBlock::AddAllBut(const SearchBlock& other, std::string_view name) {
  rows_.reserve(other.rows_.size() + 1);
  text_.reserve(other.text_.size());
  for (const Row& row : other.rows_) {
    if (row.name == name) continue;
    const auto moved = static_cast<uint32_t>(text_.size());
    text_.append(other.text_, row.begin, row.end - row.begin);
    Row& copy = rows_.emplace_back(row);
    copy.description = moved + (row.description - row.begin);
    copy.keywords = moved + (row.keywords - row.begin);
    copy.end = moved + (row.end - row.begin);
    copy.begin = moved;
  }
}

uint64_t SearchBlock::bytes() const {
  uint64_t bytes = sizeof(*this) + text_.capacity() + rows_.capacity() * sizeof(Row);
  for (const Row& row : rows_) {
    bytes += row.name.capacity() + row.maintainers.capacity() * sizeof(std::string);
  }
  return bytes;
}

uint64_t& SearchIndex::CounterOf(const Place& place) {
  if (place.is_restricted) return restricted_;
  return place.block == UINT32_MAX ? counts_.unpublished : counts_.published;
}

void SearchIndex::Forget(const std::string& name) {
  const auto found = places_.find(name);
  if (found == places_.end()) return;
  --CounterOf(found->second);
  if (found->second.block != UINT32_MAX) {
    auto rest = std::make_shared<SearchBlock>();
    rest->AddAllBut(*blocks_[found->second.block], name);
    blocks_[found->second.block] = std::move(rest);
  }
  places_.erase(found);
}

void SearchIndex::Insert(const std::string& name, const PackageRecord& package) {
  Place place;
  place.is_restricted = package.is_restricted();
  if (package.latest) {
    if (blocks_.empty() || blocks_.back()->rows().size() >= limits::kSearchBlockPackages) {
      blocks_.push_back(std::make_shared<const SearchBlock>());
    }
    place.block = static_cast<uint32_t>(blocks_.size() - 1);
    auto block = std::make_shared<SearchBlock>();
    block->AddAllBut(*blocks_.back(), name);
    block->Add(name, package);
    blocks_.back() = std::move(block);
  }
  ++CounterOf(place);
  places_.emplace(name, place);
}

void SearchIndex::Replace(const std::string& name, const PackageRecord* package) {
  const auto found = places_.find(name);
  // The usual case, a new version: in its block, so that blocks neither empty nor grow.
  if (found != places_.end() && found->second.block != UINT32_MAX && package != nullptr && package->latest) {
    auto block = std::make_shared<SearchBlock>();
    block->AddAllBut(*blocks_[found->second.block], name);
    block->Add(name, *package);
    blocks_[found->second.block] = std::move(block);
    --CounterOf(found->second);
    found->second.is_restricted = package->is_restricted();
    ++CounterOf(found->second);
    return;
  }
  Forget(name);
  if (package != nullptr) Insert(name, *package);
}

void SearchIndex::Apply(const std::string& name, const PackageRecord* package) {
  MutexLock lock(mutex_);
  if (state_ == State::kLoading) {
    missed_.emplace_back(name, package == nullptr ? nullptr : std::make_unique<PackageRecord>(*package));
  } else if (state_ == State::kLoaded) {
    Replace(name, package);
  }
}

// What is committed while the store is read may be in the view or not; it is applied once more afterwards, in its order.
Status SearchIndex::Load(engine::Store* store) {
  MutexLock one_loads(load_mutex_);
  {
    MutexLock lock(mutex_);
    if (state_ == State::kLoaded) return OkStatus();
    state_ = State::kLoading;
    missed_.clear();
  }
  Snapshot blocks;
  Places places;
  const Status read = ReadAll(store, &blocks, &places);

  MutexLock lock(mutex_);
  if (read.ok()) {
    blocks_ = std::move(blocks);
    places_ = std::move(places);
    counts_ = {};
    restricted_ = 0;
    for (const auto& [name, place] : places_) ++CounterOf(place);
    for (const auto& [name, package] : missed_) Replace(name, package.get());
  }
  missed_.clear();
  state_ = read.ok() ? State::kLoaded : State::kEmpty;
  return read;
}

Status SearchIndex::ReadAll(engine::Store* store, Snapshot* blocks, Places* places) {
  std::shared_ptr<SearchBlock> last;
  Status failed;
  ASSIGN_OR_RETURN(const auto view, store->NewReadView());
  RETURN_IF_ERROR(view->ScanPrefix(Family::kPackage, "", [&](std::string_view name, std::string_view value) {
    const auto package = Decode<PackageRecord>(value);
    if (!package.ok()) {
      failed = package.status().WithContext("package " + std::string(name));
      return false;
    }
    Place place;
    place.is_restricted = package->is_restricted();
    if (package->latest) {
      if (last == nullptr || last->rows().size() >= limits::kSearchBlockPackages) {
        last = std::make_shared<SearchBlock>();
        blocks->push_back(last);
      }
      last->Add(std::string(name), *package);
      place.block = static_cast<uint32_t>(blocks->size() - 1);
    }
    places->emplace(name, place);
    return true;
  }));
  return failed;
}

Result<SearchIndex::Snapshot> SearchIndex::Take(engine::Store* store) {
  {
    MutexLock lock(mutex_);
    if (state_ == State::kLoaded) return blocks_;
  }
  RETURN_IF_ERROR(Load(store));
  MutexLock lock(mutex_);
  return blocks_;
}

Result<Registry::PackageCounts> SearchIndex::Count(engine::Store* store) {
  RETURN_IF_ERROR(Take(store).status());
  MutexLock lock(mutex_);
  return counts_;
}

uint64_t SearchIndex::bytes() const {
  MutexLock lock(mutex_);
  uint64_t bytes = places_.size() * (sizeof(std::pair<std::string, Place>) + 2 * sizeof(void*));
  for (const auto& block : blocks_) bytes += block->bytes();
  return bytes;
}

std::vector<SearchMatch> FindMatches(const SearchIndex::Snapshot& snapshot, const SearchTerms& terms) {
  std::vector<SearchMatch> matches;
  std::string_view longest;
  for (const std::string& word : terms.words) {
    if (word.size() > longest.size()) longest = word;
  }
  for (const auto& block : snapshot) FindInBlock(*block, terms, longest, &matches);
  return matches;
}

}  // namespace tarn::registry
