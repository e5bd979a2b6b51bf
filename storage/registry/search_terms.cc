#include "storage/registry/search_terms.h"

#include "storage/base/limits.h"

namespace tarn::registry {
namespace {

// Calls `add` with each part of `list`.
template <typename Add>
void SplitAt(std::string_view list, std::string_view separators, const Add& add) {
  for (size_t begin = list.find_first_not_of(separators); begin != std::string_view::npos;) {
    const size_t end = list.find_first_of(separators, begin);
    add(list.substr(begin, end - begin));
    begin = list.find_first_not_of(separators, end);
  }
}

// "a,b" any of them, "a+b" all of them, "-c" none of them.
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

void AddState(std::string_view state, bool wanted, SearchTerms* terms) {
  if (state == "unstable") terms->unstable = wanted;
  if (state == "insecure") terms->insecure = wanted;
  if (state == "deprecated") terms->deprecated = wanted;
}

}  // namespace

void AppendFolded(std::string* out, std::string_view text) {
  for (const char c : text) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    const bool is_control = static_cast<unsigned char>(c) < 0x20;
    out->push_back(is_upper ? static_cast<char>(c + ('a' - 'A')) : is_control ? ' ' : c);
  }
}

Result<SearchTerms> SearchTerms::Parse(std::string_view text) {
  SearchTerms terms;
  std::string folded;
  AppendFolded(&folded, text);
  bool boost_exact = true;
  size_t count = 0;
  SplitAt(folded, " ", [&](std::string_view term) {
    ++count;
    const size_t colon = term.find(':');
    const std::string_view qualifier = colon == std::string_view::npos ? "" : term.substr(0, colon);
    const std::string_view value = colon == std::string_view::npos ? term : term.substr(colon + 1);
    if (qualifier == "author" || qualifier == "maintainer") {
      terms.maintainers.emplace_back(value);
    } else if (qualifier == "scope") {
      terms.scopes.emplace_back(value.starts_with('@') ? value.substr(1) : value);
    } else if (qualifier == "keywords") {
      AddKeywords(value, &terms);
    } else if (qualifier == "is" || qualifier == "not") {
      AddState(value, qualifier == "is", &terms);
    } else if (qualifier == "boost-exact") {
      boost_exact = value != "false";
    } else {
      terms.words.emplace_back(term);
    }
  });
  const size_t keywords = terms.keywords_all.size() + terms.keywords_any.size() + terms.keywords_none.size();
  if (count > limits::kSearchWordsMax || keywords > limits::kSearchWordsMax) {
    return InvalidArgument("A search takes at most " + std::to_string(limits::kSearchWordsMax) +
                           " words and keywords.");
  }
  if (terms.words.size() == 1 && boost_exact) terms.exact_name = terms.words.front();
  return terms;
}

}  // namespace tarn::registry
