#pragma once

#include <string>
#include <string_view>

namespace tarn::migrate {

// A revision for a document whose source has none: the same for the same text, and another for any other.
std::string RevisionOfText(std::string_view text);

}  // namespace tarn::migrate
