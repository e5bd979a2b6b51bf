#pragma once

#include <string>
#include <string_view>

namespace tarn::migrate {

// All but letters, digits and "-_.~" as %XX.
std::string PercentEncode(std::string_view text);
// The URL without user and password, as it may be printed.
std::string WithoutCredentials(const std::string& url);
std::string WithoutSlash(std::string url);
// Scheme, host and port are the same in both.
bool IsSameOrigin(const std::string& a, const std::string& b);

}  // namespace tarn::migrate
