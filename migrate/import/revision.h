#pragma once

#include <string_view>

namespace tarn::migrate {

// Whether CouchDB would take leaf `a` rather than leaf `b` for the document: live before deleted is for the caller; then
// the higher generation, then the greater id as bytes. What is no revision loses.
bool WinsOver(std::string_view a, std::string_view b);

}  // namespace tarn::migrate
