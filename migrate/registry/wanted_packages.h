#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"

namespace tarn::migrate {

// Which packages of a registry are wanted, and which of their versions; none named: all of them.
struct WantedPackages {
  std::map<std::string, std::set<std::string>> packages;
  std::vector<std::string> passed_over;  // Entries that are of no registry, in words.
};

// Takes a list or a lockfile, told by its content:
//   NAME or NAME@VERSION a line, # begins a comment; or a JSON array of such texts
//   package-lock.json and npm-shrinkwrap.json of any version (1 to 3): exactly the versions they lock
// kInvalidArgument: it is none of these.
Result<WantedPackages> ParseWantedPackages(std::string_view text);

// "@scope/name@1.0.0" → adds it; without a version all are wanted. kInvalidArgument.
Status AddWanted(std::string_view entry, WantedPackages* wanted);

}  // namespace tarn::migrate
